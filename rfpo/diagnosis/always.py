"""Every group, whatever came of it."""

from dataclasses import dataclass

from rfpo.diagnosis import Diagnosis
from rfpo.records import Group


@dataclass(frozen=True)
class Always(Diagnosis):
    """Every group with a graded answer, all right ones among them.

    For methods that help without looking: LUFFY's demonstration (arXiv 2504.14945), G2RPO-A's prefixes (2508.13023), the second
    turn of SCoRe (2409.12917) and iGRPO (2602.09000). With `all_of` and `sometimes`, a share of the prompts.

    Degenerate: a group of which nothing was graded is left alone, since nothing of it can be compared.
    """

    def __call__(self, group: Group) -> bool:
        return bool(group.graded)
