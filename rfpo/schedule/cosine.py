"""Half a cosine between two numbers."""

from dataclasses import dataclass
from math import cos, pi

from rfpo.schedule import Schedule
from rfpo.schedule._stretch import check_stretch, share


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from start to end.

    start + (end - start) (1 - cos(pi s)) / 2, with s = (progress - from_) / (to - from_) held within [0, 1].

    Level at both ends and steepest in the middle (SGDR, arXiv 1608.03983, without restarts). `start` until `from_`, `end`
    after `to`.
    """

    start: float
    end: float
    from_: float = 0.0
    to: float = 1.0

    def __post_init__(self):
        check_stretch(self)

    def at(self, progress: float) -> float:
        return self.start + (self.end - self.start) * (1 - cos(pi * share(self, progress))) / 2
