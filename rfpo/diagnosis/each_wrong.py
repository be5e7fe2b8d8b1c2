"""At least one answer of the group is wrong."""

from dataclasses import dataclass

from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis._graded import check_min_graded, graded
from rfpo.records import Group


@dataclass(frozen=True)
class EachWrong(Diagnosis):
    """Stuck when any graded answer is WRONG: each wrong answer may be corrected, in mixed groups too.

    The trigger of methods that act on a failed answer and not on a hopeless prompt: RRR (arXiv 2505.24726), RLTF (2602.02482),
    EDGE-GRPO (2507.21848), SDPO (2601.20802). How many of the wrong answers are corrected is the operator's business.
    `min_graded` is that of all_wrong.

    Degenerate: in a group that is all wrong it is all_wrong; in one that is all right it is never met.
    """

    min_graded: int = 2

    def __post_init__(self):
        check_min_graded(self)

    def __call__(self, group: Group) -> bool:
        return any(attempt.wrong for attempt in graded(group, self.min_graded))
