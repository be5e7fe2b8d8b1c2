"""Every answer of the group ran into the length limit."""

from dataclasses import dataclass

from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis._graded import check_min_graded, graded
from rfpo.records import Group


@dataclass(frozen=True)
class AllTruncated(Diagnosis):
    """Stuck when every graded answer is truncated: the model never came to an end.

    What LTE asks to be concise (arXiv 2510.26109). `min_graded` is that of all_wrong.

    Degenerate: a truncated answer is WRONG, so such a group is all_wrong too; an operator that corrects finished answers only
    asks nothing about it.
    """

    min_graded: int = 2

    def __post_init__(self):
        check_min_graded(self)

    def __call__(self, group: Group) -> bool:
        answers = graded(group, self.min_graded)
        return bool(answers) and all(attempt.completion.truncated for attempt in answers)
