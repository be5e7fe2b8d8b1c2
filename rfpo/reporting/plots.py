"""The few plots of the reports, drawn once: as SVG that takes the page's colours, and as PNG for a README."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

COLOURS = ("#2b88cf", "#d55e00", "#009e73", "#b865a3", "#a08000", "#7a7a7a")
"""Told apart by colour-blind eyes (after Okabe and Ito), and legible on white and on black. Dashes tell them apart too."""
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
PATTERNS = ("", "8.9 3.8", "15.4 3.8 2.4 3.8", "2.4 4", "12 2.4 2.4 2.4 2.4 2.4", "2.4 2.4")
"""DASHES as an SVG writes them, for the lines of a key."""
BASE = -1
"""The colour of an arm that is drawn beside all others: the page's own ink, not dashed."""
INK = "#010203"  # stands for the page's own text colour until the SVG is written
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "rfpo", "font.family": "sans-serif", "font.size": 11,
         "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 12, "axes.titlelocation": "left"}


@dataclass(frozen=True)
class Line:
    """A curve of (x, y). `label` None keeps it out of the legend; `faint` draws it thin, behind the others. Between `low` and
    `high`, one a point, a band is shaded. Colours 0 to 35 differ in colour or dash."""

    x: Sequence[float]
    y: Sequence[float]
    label: str | None = None
    colour: int = 0
    faint: bool = False
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes: curves, or a histogram of `values`. `share` draws the y axis from 0% to 100%, or to `top`; `legend`
    False leaves the legend to the page."""

    title: str
    x_label: str
    lines: tuple[Line, ...] = ()
    values: tuple[float, ...] = ()
    share: bool = False
    top: float = 1.0
    legend: bool = True


def style(colour: int) -> tuple[str, int]:
    """(colour, index of its dash): six colours, then the same six with other dashes."""
    if colour == BASE:
        return INK, 0
    return COLOURS[colour % len(COLOURS)], (colour + colour // len(COLOURS)) % len(DASHES)


def swatch(colour: int) -> str:
    """A short piece of a line, for a key in the page."""
    ink, dash = style(colour)
    pattern = f' stroke-dasharray="{PATTERNS[dash]}"' if PATTERNS[dash] else ""
    return ('<svg class="swatch" viewBox="0 0 36 8" width="36" height="8" aria-hidden="true"><path d="M0 4H36" '
            f'stroke="{ink.replace(INK, "currentColor")}" stroke-width="2.4"{pattern}/></svg>')


def svg(panel: Panel) -> str:
    """An inline SVG, the same bytes for the same panel. It scales with the page, is transparent, and uses currentColor."""
    with rc_context(STYLE):
        figure = Figure(figsize=(5.4, 3.4), layout="constrained")
        _draw(figure.add_subplot(), panel)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    drawn = drawn[drawn.index("<svg"):].replace(INK, "currentColor").replace("'DejaVu Sans', ", "").strip()
    drawn = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", drawn, count=1)
    return re.sub(r"\s*<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)


def png(panels: Sequence[Panel], path: Path) -> None:
    """The panels side by side, on white."""
    with rc_context(STYLE):
        figure = Figure(figsize=(5.4 * len(panels), 3.6), layout="constrained", facecolor="white")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, panel)
        figure.savefig(path, format="png", dpi=150, metadata={"Software": None})


def _draw(axes: Axes, panel: Panel) -> None:
    for line in panel.lines:
        colour, dash = style(line.colour)
        weight = {"lw": 1, "alpha": 0.55} if line.faint else {"lw": 2.4}
        axes.plot(line.x, line.y, color=colour, linestyle="-" if line.faint else DASHES[dash], label=line.label,
                  marker="o" if len(line.x) == 1 else None, **weight)
        if len(line.low):
            axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.13, linewidth=0)
    if panel.values:
        axes.hist(panel.values, bins=30, color=COLOURS[0])
    if panel.lines:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if panel.share:
        axes.set_ylim(-0.03 * panel.top, 1.03 * panel.top)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title(panel.title, color=INK)
    axes.set_xlabel(panel.x_label, color=INK)
    axes.tick_params(colors=INK)
    for spine in axes.spines.values():
        spine.set_color(INK)
    axes.grid(axis="y", color=INK, alpha=0.15)
    axes.set_axisbelow(True)
    if panel.legend and any(line.label for line in panel.lines):
        axes.legend(frameon=False, labelcolor=INK, handlelength=3)
