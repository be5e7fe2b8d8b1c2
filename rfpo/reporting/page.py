"""The bricks of the HTML reports. Whatever came from a model or a user goes through `escape` here, and nowhere else."""

import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from rfpo.reporting.plots import Panel, svg


def write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    """One self-contained file; the old one stays until the new one is whole."""
    template = Template(files("rfpo.reporting").joinpath("page.html").read_text(encoding="utf-8"))
    body = "\n".join(part for part in parts if part)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(template.substitute(title=escape(title), body=body), encoding="utf-8")
    os.replace(beside, path)


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, style: str = "") -> str:
    return f"<p{_class(style)}>{escape(text)}</p>"


def bullets(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def code(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def folded(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def figures(panels: Sequence[Panel]) -> str:
    return '<div class="figures">' + "".join(f"<div>{svg(panel)}</div>" for panel in panels) + "</div>"


def tiles(pairs: Sequence[tuple[str, str]]) -> str:
    """Headline figures: (label, value)."""
    shown = "".join(f"<div><b>{escape(value)}</b>{escape(label)}</div>" for label, value in pairs)
    return f'<div class="tiles">{shown}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], emphasised: Sequence[int] = ()) -> str:
    """A table that scrolls by itself on a narrow screen; `emphasised` are indices of rows."""
    body = "".join(f"<tr{_class('mean' if index in emphasised else '')}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row)
                   + "</tr>" for index, row in enumerate(rows))
    return (f'<div class="wide"><table><thead><tr>{"".join(f"<th>{escape(cell)}</th>" for cell in head)}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


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
