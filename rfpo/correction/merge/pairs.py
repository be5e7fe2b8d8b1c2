"""The correction is preferred to the answer that it corrects."""

from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction._entering import distinct_first, place_of
from rfpo.correction._samples import plain, sample_of
from rfpo.correction.merge._beside import REWARD, Beside
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class Pairs(Beside):
    """Each correction and its parent are two rows of the stream "pairs", both under the original prompt, with one unit.

    The correction is the chosen one, with the reward 1, the parent the rejected one, with 0: `Run.streams` holds the preference
    loss (DPO, SimPO, ...). The group's own rows come from `beside`, as in Beside: `leave` for an auxiliary loss, replace_one
    for RFPO with a preference loss, none for the preference loss alone.

    `most` pairs of a group (none: all), distinct corrections first. With trained "suffix" both rows are trained from where
    they part. A parent that is right makes no pair. A reward shaping may not turn the two round: one that reads lengths can.
    """

    streams: ClassVar[frozenset[str]] = frozenset({"pairs"})
    most: int | None = None

    def __post_init__(self):
        super().__post_init__()
        require(self, "most", lambda x: x is None or (isinstance(x, int) and x >= 1), "at least 1, or none for all", 1)
        self.only_usual(("conditioning",), "a pair is compared under one prompt, the original.")
        self.only_usual((*REWARD, "baseline"), "a pair says which of two is better and no more. Set it on beside.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not plain(group):
            return ()
        chosen = [each for each in distinct_first(corrections) if each.of.wrong][: self.most]
        pairs = [row for number, each in enumerate(chosen) for row in self._pair(group, each, number)]
        return (*self.own_rows(group, corrections, tries), *pairs)

    def _pair(self, group: Group, correction: Correction, number: int) -> tuple[Sample, Sample]:
        shared = {"stream": "pairs", "unit": (*group.key, number)}
        chosen = replace(self.row(group, correction), **shared)
        rejected = replace(sample_of(group, correction.of), **shared)
        if self.trained == "suffix":
            parent = self.originals(group, (correction,))[place_of(group, correction.of)]
            rejected = replace(rejected, trained=parent.trained)
        return chosen, rejected
