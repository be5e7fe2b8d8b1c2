"""The correction joins the group beside the answer that it corrects."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.correction._entering import Entering, distinct_first, judged
from rfpo.correction._samples import plain
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class Append(Entering):
    """The first correction joins the group as one more row, at its end.

    The wrong answer stays and is pushed down beside it: of 8 failures and a correction the z-scores of the population are 2.83
    and -0.35. With `baseline="originals"` the group's baseline is that of the original answers (0 for a stuck group), so that
    the correction does not make the failures worse than they were (compare RLTF); a z-score has no spread to divide by then
    and is the centred advantage. Without corrections the group is left as it is.

    `most` corrections join (None: all of them), distinct texts first. `all_tries`: every judged try joins as a row, solved or
    not, with its own behaviour log-probs (R3L; DARS and the control that spends the tries on plain draws). Plain draws of the
    group's own prompt are then rows like the group's own, in its baseline, without a parent. A solved try that was refused
    for a leak stays out.
    """

    most: int | None = 1
    all_tries: bool = False

    def __post_init__(self):
        super().__post_init__()
        require(self, "most", lambda x: x is None or (isinstance(x, int) and x >= 1), "at least 1, or none for all", 1)
        require(self, "all_tries", lambda x: isinstance(x, bool), "true or false", True)

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not plain(group):
            return ()
        if self.all_tries:
            entering = judged(group, corrections, tries)
            return (*self.originals(group, entering), *self.rows_of_all(group, entering))
        entering = distinct_first(corrections)[: self.most]
        return (*self.originals(group, entering), *(row for each in entering for row in self.rows(group, each)))
