"""What the diagnoses share: of which groups enough is known."""

from rfpo.checks import require
from rfpo.records import Attempt, Group


def check_min_graded(diagnosis) -> None:
    """`min_graded` is a whole number of at least 1."""
    require(diagnosis, "min_graded", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 2)


def graded(group: Group, min_graded: int) -> tuple[Attempt, ...]:
    """The graded answers; () where there are fewer than `min_graded`, too few to say anything of the group."""
    return group.graded if len(group.graded) >= min_graded else ()


def all_wrong(group: Group, min_graded: int) -> bool:
    """Whether every graded answer is WRONG, of at least `min_graded`."""
    answers = graded(group, min_graded)
    return bool(answers) and all(attempt.wrong for attempt in answers)
