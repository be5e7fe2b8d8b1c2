"""Live progress: three lines on a terminal, one plain line a step elsewhere. Everything goes to stderr."""

import time
from collections import deque
from collections.abc import Callable, Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rfpo.reporting.wording import duration, percent, ratio

SECONDS_BETWEEN_LINES = 5.0
WINDOW = 20  # steps over which speed and the time left are measured

COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (  # label, metric, how it is written
    ("reward", "reward", "{:.3f}".format),
    ("stuck", "stuck_share", percent),
    ("fixed", "fix_rate", percent),
    ("R_off", "log_r_off", ratio),
)


class Display:
    """Progress of a run that ends after `total_steps`, or at `token_budget` generated tokens when that comes first.

    A value that a step did not have is shown as a dash. `quiet` keeps only the notes.

    >>> with Display(100, 50_000, "rfpo_grpo") as display:
    ...     display.phase("rollout", total=128); display.advance(128)
    ...     display.step(1, {"reward": 0.25, "generated_tokens": 5_120})
    """

    def __init__(self, total_steps: int, token_budget: int | None = None, title: str = "", quiet: bool = False,
                 console: Console | None = None, clock: Callable[[], float] = time.monotonic):
        self.total_steps, self.token_budget, self.title, self.quiet = total_steps, token_budget, title, quiet
        self.console = console or Console(stderr=True, highlight=False)
        self._clock = clock
        self._live = Live(self, console=self.console, refresh_per_second=4) if self.console.is_terminal and not quiet else None
        self._step, self._metrics = 0, {}
        self._phase, self._done, self._total = "", 0, None
        self._marks = deque(maxlen=WINDOW)  # (clock, generated tokens, share of the run done)
        self._printed_at, self._pending = float("-inf"), False

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_) -> None:
        self._phase = ""
        if self._live:
            self._live.stop()
        elif self._pending:
            self._print_line()

    def phase(self, name: str, total: int | None = None) -> None:
        """What the run is doing now: `total` pieces of it, or None when nobody knows how many."""
        self._phase, self._done, self._total = name, 0, total

    def extend(self, n: int) -> None:
        """There is more to do in this phase than was known when it began."""
        self._total = None if self._total is None else self._total + n

    def advance(self, n: int = 1) -> None:
        self._done += n

    def step(self, step: int, metrics: Mapping) -> None:
        """A step is finished; see rfpo.reporting for the metrics that are shown."""
        self._step, self._metrics = step, dict(metrics)
        self._marks.append((self._clock(), metrics.get("generated_tokens") or 0, self._share()))
        self._pending = not self.quiet
        if not self._live and not self.quiet and self._clock() - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._print_line()

    def note(self, text: str) -> None:
        """One line for the person who watches, above the progress."""
        self.console.print(Text(text), soft_wrap=True)

    def __rich__(self) -> Group:
        head = Table.grid(expand=True, padding=(0, 1))
        head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        head.add_column(no_wrap=True, justify="right")
        head.add_row(Text.assemble((self._position(), "bold"), "  ", self.title), Text(self._time_left()))
        values = Text("   ").join(Text.assemble((f"{label} ", "dim"), value) for label, value in self._values())
        return Group(head, values, *([self._phase_row()] if self._phase else []))

    def _phase_row(self) -> Table:
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=self._total, completed=self._done, width=30, pulse=self._total is None)
        row.add_row(Text(f"{self._phase:<10}", style="dim"), bar, f"{self._done}/{self._total}" if self._total else "")
        return row

    def _print_line(self) -> None:
        parts = [self._position(), *(f"{label} {value}" for label, value in self._values()), self._time_left()]
        self.console.print(Text("  ".join(part for part in parts if part)), soft_wrap=True)
        self._printed_at, self._pending = self._clock(), False

    def _position(self) -> str:
        return f"step {self._step}/{self.total_steps}"

    def _values(self) -> list[tuple[str, str]]:
        shown = [(label, _shown(self._metrics.get(key), written)) for label, key, written in COLUMNS]
        return [*shown, ("tokens/s", _shown(self._rate(1), "{:,.0f}".format))]

    def _share(self) -> float:
        tokens = self._metrics.get("generated_tokens") or 0
        return max(self._step / self.total_steps, tokens / self.token_budget if self.token_budget else 0.0)

    def _rate(self, column: int) -> float | None:
        """Growth a second of one column of the marks; None until two steps are done."""
        if len(self._marks) < 2 or self._marks[-1][0] <= self._marks[0][0]:
            return None
        return (self._marks[-1][column] - self._marks[0][column]) / (self._marks[-1][0] - self._marks[0][0])

    def _time_left(self) -> str:
        rate = self._rate(2)
        return f"{duration(max(0.0, 1 - self._share()) / rate)} left" if rate else ""


def _shown(value: float | None, written: Callable[[float], str]) -> str:
    return "-" if value is None else written(value)
