"""The prompt has been stuck for several visits."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis._graded import all_wrong, check_min_graded
from rfpo.records import Group


@dataclass(frozen=True, kw_only=True)
class Stalled(Diagnosis):
    """Stuck when this visit and the ones before it are all wrong, `streak` visits in a row with this one.

    The RFPO blog's wording, that the reward keeps not improving, taken per prompt; GRESO counts visits without variance in the
    same way, to skip their prompts (arXiv 2506.02177). Reads the plain answers of earlier steps from `Group.history`; a visit
    of which nothing was graded neither lengthens nor ends a streak. Visits of one draw do not see one another. `min_graded`,
    for this visit, is that of all_wrong.

    Degenerate: streak=1 is all_wrong. A prompt that is visited fewer times than `streak` is never helped.
    """

    streak: int = 2
    min_graded: int = 2

    def __post_init__(self):
        require(self, "streak", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 2)
        check_min_graded(self)

    def __call__(self, group: Group) -> bool:
        return all_wrong(group, self.min_graded) and group.history.stuck_streak + 1 >= self.streak
