"""Several corrections take the places of wrong answers."""

from dataclasses import dataclass

from rfpo.checks import one_of, require
from rfpo.correction._entering import WAYS, Entering, distinct_first, failures_of, place_of, seated
from rfpo.correction._samples import plain
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class ReplaceK(Entering):
    """At most `k` corrections stand in the rows of wrong answers (LTE, arXiv 2510.26109; AMPO with k = 2).

    Corrections of distinct texts come first. `whom` says whose rows they take: "random", wrong answers drawn by prompt and step
    (LTE's G' for G'), or "parent", those that they correct; a parent's second correction, and one whose parent is not wrong,
    take a random one. Right answers stay, and a group with fewer wrong answers than corrections gets fewer corrections. Two
    successes of 8 have the population z-score 1.73 and their failures -0.58; with as many corrections as wrong answers the
    group is all right, and without signal.
    """

    k: int = 2
    whom: str = "random"

    def __post_init__(self):
        super().__post_init__()
        require(self, "k", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 2)
        one_of(self, "whom", ("random", "parent"))

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        free = failures_of(group)
        room = len(free) // len(WAYS[self.conditioning])
        entering = distinct_first(corrections)[: min(self.k, room)]
        if not entering or not plain(group):
            return plain(group)
        parents = [place_of(group, each.of) if self.whom == "parent" else None for each in entering]
        kept = [place for place in free if place not in parents] + [place for place in free if place in parents]
        rows = [self.rows(group, each) for each in entering]
        return seated(self.originals(group, entering), list(zip(parents, rows, strict=True)), kept)
