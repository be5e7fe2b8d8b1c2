"""Nothing enters."""

from dataclasses import dataclass

from rfpo.correction._entering import Entering
from rfpo.correction._samples import plain
from rfpo.records import Attempt, Correction, Group, Sample

NOTHING = ("conditioning", "trained", "baseline", "failures", "progress", "help_discount", "leak_penalty")


@dataclass(frozen=True, kw_only=True)
class Leave(Entering):
    """The group is left as it is, whatever was corrected.

    What stands beside a loss of its own (`beside` of extra_loss, pairs, distil, own_group) when the corrections are not to
    enter the group; alone it is the control that spends the tokens and learns nothing from them.
    """

    def __post_init__(self):
        super().__post_init__()
        self.only_usual(NOTHING, "no correction enters.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        return plain(group)
