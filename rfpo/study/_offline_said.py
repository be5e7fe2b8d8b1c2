"""What is kept of an offline look at a task, and its ranking."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from scipy.stats import t

from rfpo.study._offline_probe import Effect, Reading
from rfpo.study.statistics import LEVEL, spread

ABOVE, BELOW, UNCLEAR, SAME, SOURCE = "above", "below", "unclear", "the same", "source"


@dataclass(frozen=True)
class SetSaid:
    """What is kept of a frozen set: `before` is the untrained student, `effects` are by arm."""

    seed: int
    groups: int
    stuck: int
    fixed: int
    before: Reading
    effects: dict[str, Effect]


@dataclass(frozen=True)
class TaskSaid:
    """A task's sets, each of so many draws. `stuck` and `other` are the numbers of held-out prompts."""

    task: str
    source: str
    sets: tuple[SetSaid, ...]
    left_out: dict[str, str]
    draws: int
    stuck: int
    other: int

    def mean(self, arm: str, read: Callable[[Effect], float | None]) -> float | None:
        """Over sets; None where it was not measured."""
        values = [read(each.effects[arm]) for each in self.sets]
        return None if None in values else fmean(values)


@dataclass(frozen=True)
class Line:
    """An arm's place: the change of log pi(right), its standard error over sets, and the paired difference from the source
    with its 95% Student interval; error and interval are None with one set."""

    arm: str
    change: float
    error: float | None
    difference: float
    interval: tuple[float, float] | None
    verdict: str


def ranked(task: TaskSaid) -> list[Line]:
    """The largest change first; equal ones by name, whatever the plan's order."""
    return sorted((_line(task, arm) for arm in task.sets[0].effects), key=lambda line: (-line.change, line.arm))


def _line(task: TaskSaid, arm: str) -> Line:
    changes = [each.effects[arm].one.right for each in task.sets]
    paired = [change - each.effects[task.source].one.right for change, each in zip(changes, task.sets, strict=True)]
    difference, interval = fmean(paired), student(paired)
    if arm == task.source:
        verdict = SOURCE
    elif not any(paired):
        verdict = SAME
    else:
        verdict = UNCLEAR if interval is None or interval[0] <= 0 <= interval[1] else ABOVE if difference > 0 else BELOW
    return Line(arm, fmean(changes), standard_error(changes), difference, interval, verdict)


def standard_error(values: Sequence[float]) -> float | None:
    """None with fewer than two values."""
    sd = spread(values)
    return None if sd is None else sd / sqrt(len(values))


def student(values: Sequence[float]) -> tuple[float, float] | None:
    """95% interval of the mean: mean -+ t_{.975, n-1} sd / sqrt(n). None with fewer than two values."""
    error = standard_error(values)
    if error is None:
        return None
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 1)) * error
    return fmean(values) - half, fmean(values) + half
