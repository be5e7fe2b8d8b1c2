"""What is seen while a study runs: a line of progress, the cells under way, and the arms so far."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rfpo.reporting.wording import duration, percent
from rfpo.study.results import CellResult

LINE_EVERY = 30.0
"""Seconds between lines where there is no terminal."""


@dataclass
class _Under:
    began: float
    share: float = 0.0
    solved: float | None = None


class Board:
    """Progress of `total` cells, of which `done` were done before. Time left = cells left x mean time of a cell / workers."""

    def __init__(self, total: int, done: Sequence[CellResult], workers: int, console: Console | None = None,
                 clock: Callable[[], float] = time.monotonic):
        self.console = console or Console(stderr=True, highlight=False)
        self.total, self.results, self.workers, self._clock = total, list(done), workers, clock
        self.under_way: dict[str, _Under] = {}
        self._spans: list[float] = []
        self._printed = float("-inf")

    def begin(self, label: str) -> None:
        self.under_way[label] = _Under(self._clock())

    def progress(self, label: str, share: float, solved: float | None) -> None:
        under = self.under_way[label]
        under.share, under.solved = share, solved

    def end(self, label: str, result: object, error: str) -> None:
        span = self._clock() - self.under_way.pop(label).began
        if isinstance(result, CellResult):
            self.results.append(result)
            self._spans.append(span)
        if error:
            self.console.print(Text(f"{label} failed: {error}", style="bold red"), soft_wrap=True)
        if not self.console.is_terminal and self._clock() - self._printed >= LINE_EVERY:
            self._printed = self._clock()
            self.console.print(Text(self.line()), soft_wrap=True)

    @property
    def seconds_left(self) -> float | None:
        """None until a cell is done in this session."""
        if not self._spans:
            return None
        under_way = sum(under.share for label, under in self.under_way.items() if "/" in label)
        return max(0.0, self.total - len(self.results) - under_way) * fmean(self._spans) / self.workers

    def line(self) -> str:
        left = self.seconds_left
        return f"{len(self.results)} of {self.total} cells" + (f", {duration(left)} left" if left is not None else "")

    def __rich__(self) -> Group:
        head = Table.grid(padding=(0, 1))
        head.add_row(ProgressBar(total=max(1, self.total), completed=len(self.results), width=40), self.line())
        rows = Table.grid(padding=(0, 2))
        for label, under in self.under_way.items():
            solved = "" if under.solved is None else f"stuck solved {percent(under.solved)}"
            rows.add_row(Text(label), ProgressBar(total=1.0, completed=under.share, width=20), solved,
                         duration(self._clock() - under.began))
        return Group(head, rows, arms_table(self.results))


def arms_table(results: Sequence[CellResult]) -> Table:
    """The arms so far, by task: cells done, and means over seeds."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, side in (("task", "left"), ("arm", "left"), ("seeds", "right"), ("stuck solved at the end", "right"),
                       ("fixed", "right"), ("others", "right")):
        table.add_column(name, justify=side, no_wrap=True)
    groups: dict[tuple[str, str], list[CellResult]] = {}
    for result in results:
        groups.setdefault((result.task, result.arm), []).append(result)
    for (task, arm), cells in sorted(groups.items(), key=lambda item: (item[0][0], -fmean(c.end for c in item[1]))):
        rates = [cell.fix_rate for cell in cells if cell.fix_rate is not None]
        table.add_row(task, arm, str(len(cells)), percent(fmean(cell.end for cell in cells)),
                      percent(fmean(rates)) if rates else "-", percent(fmean(cell.marks[-1].other_share for cell in cells)))
    return table
