"""No answer of the group is right."""

from dataclasses import dataclass

from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis._graded import all_wrong, check_min_graded
from rfpo.records import Group


@dataclass(frozen=True)
class AllWrong(Diagnosis):
    """Stuck when every graded answer is WRONG.

    The rewards of such a group are equal, so every group-relative advantage is 0 and the prompt teaches nothing. At least
    `min_graded` answers must have been graded; a group without any graded answer is not stuck, because nobody knows whether
    it is wrong. Truncated answers are WRONG.
    """

    min_graded: int = 2

    def __post_init__(self):
        check_min_graded(self)

    def __call__(self, group: Group) -> bool:
        return all_wrong(group, self.min_graded)
