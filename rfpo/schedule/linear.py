"""A straight line between two numbers."""

from dataclasses import dataclass

from rfpo.schedule import Schedule
from rfpo.schedule._stretch import check_stretch, share


@dataclass(frozen=True)
class Linear(Schedule):
    """A straight line from start to end.

    start + (end - start) s, with s = (progress - from_) / (to - from_) held within [0, 1].

    `start` until `from_`, `end` after `to`. Linear(0.0, x, to=0.1) is a warm-up to x over the first tenth of the run.
    """

    start: float
    end: float
    from_: float = 0.0
    to: float = 1.0

    def __post_init__(self):
        check_stretch(self)

    def at(self, progress: float) -> float:
        return self.start + (self.end - self.start) * share(self, progress)
