"""Few answers of the group are right."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis._graded import check_min_graded, graded
from rfpo.records import Group


@dataclass(frozen=True, kw_only=True)
class PassRate(Diagnosis):
    """Stuck when at most this share of the graded answers is right: SOLVED / graded <= at_most.

    Methods that help prompts which are hard and not only those which are hopeless: QuestA keeps items with 0 to 4 of 8 right
    (arXiv 2507.13266: at_most=0.5), GOLF fewer than ceil(0.125 n) successes (arXiv 2603.04597),
    which is none of 8. `min_graded` is that of all_wrong.

    Degenerate: at_most=0 is all_wrong. Raises UserError for 1, which would be `always`.
    """

    at_most: float = 0.25
    min_graded: int = 2

    def __post_init__(self):
        require(self, "at_most", lambda x: 0 <= x < 1, "at least 0 and below 1", 0.25)
        check_min_graded(self)

    def __call__(self, group: Group) -> bool:
        answers = graded(group, self.min_graded)
        return bool(answers) and sum(attempt.solved for attempt in answers) / len(answers) <= self.at_most
