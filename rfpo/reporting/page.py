"""The bricks of the HTML reports. Whatever came from a model or a user goes through `escape` here, and nowhere else."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from rfpo.reporting.plots import Panel, svg, swatch

SIGNS = {"red": "&#10007;", "amber": "!", "green": "&#10003;", "grey": "&#8211;"}


@dataclass(frozen=True)
class Bar:
    """A cell of a table that is drawn: `share` of the column's full width, beside its number in words."""

    share: float
    text: str
    colour: str = "plain"


@dataclass(frozen=True)
class Row:
    """A row of a forest plot. `mark` and the interval are positions from 0, the left end of the axis, to 1; None is left out.
    One without a verdict is a title of those below it."""

    name: str
    mark: float | None = None
    interval: tuple[float, float] | None = None
    value: str = ""
    verdict: str = ""
    colour: str = "grey"
    whole: bool = False


@dataclass(frozen=True)
class Axis:
    """Of a forest plot: (position, label) of its ticks, the positions of zero and of the shaded range around it, and what
    its two sides mean."""

    ticks: tuple[tuple[float, str], ...]
    zero: float
    shaded: tuple[float, float]
    left: str
    right: str


def write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    """One self-contained file; the old one stays until the new one is whole."""
    template = Template(files("rfpo.reporting").joinpath("page.html").read_text(encoding="utf-8"))
    body = "\n".join(part for part in parts if part)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(template.substitute(title=escape(title), body=body), encoding="utf-8")
    os.replace(beside, path)


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, style: str = "") -> str:
    return f"<p{_class(style)}>{escape(text)}</p>"


def bullets(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def code(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def folded(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def figures(panels: Sequence[Panel], keys: Sequence[Sequence[tuple[int, str]]] = (), heads: Sequence[str] = ()) -> str:
    """Plots side by side, as many or none of `keys`, their legends ((colour of a line, what it is)), and of `heads` above."""
    below = [key(pairs) for pairs in keys] or [""] * len(panels)
    above = [heading(head, 4) for head in heads] or [""] * len(panels)
    shown = "".join(f"<div>{head}{svg(panel)}{legend}</div>" for head, panel, legend in zip(above, panels, below, strict=True))
    return f'<div class="figures{" headed" if heads else ""}">{shown}</div>'


def key(pairs: Sequence[tuple[int, str]]) -> str:
    return '<p class="key">' + "".join(f"<span>{swatch(colour)}{escape(text)}</span>" for colour, text in pairs) + "</p>"


def verdict(colour: str, title: str, says: str, found: Sequence[str] = (), most: int = 5) -> str:
    """A line of a check list: red, amber, green or grey. What was found beyond the first `most` is folded."""
    more = folded(f"and {len(found) - most} more", bullets(found[most:])) if len(found) > most else ""
    listed = bullets(found[:most]) if found else ""
    return (f'<div class="verdict {colour}"><span class="sign" aria-label="{colour}">{SIGNS[colour]}</span>'
            f"<div><b>{escape(title)}</b> {escape(says)}{listed}{more}</div></div>")


def forest(rows: Sequence[Row], axis: Axis) -> str:
    """Estimates with their intervals under each other, on one axis. The plot stretches with the page; its words do not."""
    low, high = (100 * edge for edge in axis.shaded)
    behind = (f'<rect class="band" x="{low:.2f}" y="0" width="{high - low:.2f}" height="20"/>'
              + _stroke(axis.zero, axis.zero, 0, 20, "zero"))
    ticks = "".join(f'<span style="left:{100 * at:.2f}%">{escape(label)}</span>' for at, label in axis.ticks)
    sides = (f'<div class="sides"><span>&#8592;&nbsp;{escape(axis.left)}</span>'
             f"<span>{escape(axis.right)}&nbsp;&#8594;</span></div>")
    return (f'<div class="forest">{"".join(_forest_row(row, behind) for row in rows)}<div class="row"><div class="axis">'
            f'<div class="ticks">{ticks}</div>{sides}</div></div></div>')


def _forest_row(row: Row, behind: str) -> str:
    if not row.verdict:
        return heading(row.name, 4)
    return (f'<div class="row{" whole" if row.whole else ""}"><span class="name">{escape(row.name)}</span>{_plot(behind, row)}'
            f'<span class="value">{escape(row.value)}</span><span class="word {row.colour}">{escape(row.verdict)}</span></div>')


def _plot(behind: str, row: Row) -> str:
    """The interval as a line and the estimate as a dot, a round one at any width since the page places it."""
    line = _stroke(*row.interval, 10, 10, "interval") if row.interval else ""
    dot = f'<i style="left:{100 * row.mark:.2f}%"></i>' if row.mark is not None else ""
    return (f'<span class="plot {row.colour}"><svg viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">'
            f"{behind}{line}</svg>{dot}</span>")


def _stroke(x0: float, x1: float, y0: float, y1: float, style: str) -> str:
    return f'<path class="{style}" d="M{100 * x0:.2f} {y0}L{100 * x1:.2f} {y1}"/>'


def histograms(drawn: Sequence[tuple[str, str, Sequence[int]]], ticks: Sequence[str]) -> str:
    """Small multiples: (name, what is seen, counts), each to its own height, with a line in the middle. `ticks` stand under the
    left end, the middle and the right end of each."""
    below = '<span class="ends">' + "".join(f"<span>{escape(tick)}</span>" for tick in ticks) + "</span>"
    return '<div class="multiples">' + "".join(
        f"<div><b>{escape(name)}</b>{_bins(counts)}{below}"
        f'<span class="quiet">{escape(says)}</span></div>' for name, says, counts in drawn) + "</div>"


def _bins(counts: Sequence[int]) -> str:
    unit, wide = 40 / max(1, *counts), len(counts)
    bars = "".join(f"M{i} 40v-{count * unit:.2f}h1v{count * unit:.2f}z" for i, count in enumerate(counts) if count)
    return (f'<svg viewBox="0 0 {wide} 40" preserveAspectRatio="none" aria-hidden="true"><path class="bins" d="{bars}"/>'
            f'<path class="zero" d="M{wide / 2} 0V40"/></svg>')


def tiles(pairs: Sequence[tuple[str, str]]) -> str:
    """Headline figures: (label, value)."""
    shown = "".join(f"<div><b>{escape(value)}</b>{escape(label)}</div>" for label, value in pairs)
    return f'<div class="tiles">{shown}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str | Bar]], emphasised: Sequence[int] = ()) -> str:
    """A table that scrolls by itself on a narrow screen; `emphasised` are indices of rows."""
    body = "".join(f"<tr{_class('mean' if index in emphasised else '')}>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row)
                   + "</tr>" for index, row in enumerate(rows))
    return (f'<div class="wide"><table><thead><tr>{"".join(f"<th>{escape(cell)}</th>" for cell in head)}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def _cell(cell: str | Bar) -> str:
    if isinstance(cell, str):
        return escape(cell)
    width = 100 * min(1.0, max(0.0, cell.share))
    return (f'<span class="number">{escape(cell.text)}</span>'
            f'<span class="bar"><span class="{cell.colour}" style="width:{width:.1f}%"></span></span>')


def before_and_after(prompt: str, before: str, after: str, error: tuple[int, int] | None, caption: str) -> str:
    """A wrong answer with its first error marked, beside its correction."""
    marked = escape(before) if error is None else _marked(before, *error)
    return (f'<figure><figcaption class="quiet">{escape(caption)}</figcaption><pre>{escape(prompt)}</pre><div class="pair">'
            f'<div><span class="quiet">before</span><pre>{marked}</pre></div>'
            f'<div><span class="quiet">after</span><pre class="after">{escape(after)}</pre></div></div></figure>')


def span(start: int | None, end: int | None) -> tuple[int, int] | None:
    return None if start is None or end is None else (start, end)


def _marked(text: str, start: int, end: int) -> str:
    """An error of no width (something is missing) is shown as a caret."""
    return f"{escape(text[:start])}<mark>{escape(text[start:end]) or '&#9650;'}</mark>{escape(text[max(start, end):])}"


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""
