"""Told nothing: the original prompt is drawn again."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from math import ceil

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._tries import Told, check_tries, parents_of, try_parents
from rfpo.records import Attempt, Correction, Group


@dataclass(frozen=True, kw_only=True)
class Resample(Operator):
    """The model is told nothing and tries again: plain draws of the group's own prompt.

    The control that spends the tries of a correction on drawing. A success stands for the first wrong answers in turn, with
    help "nothing". `amount` says how many draws a group gets:

        "fixed"               up to `tries`, `at_once` of them in a round, as in fix_wrong_only: ends with a round's success
        "equal_treatment"     dN = ceil((N/2 - N S) / S)             DARS (arXiv 2508.13755), all of them in one round,
        "hardness_weighted"   dN = ceil((2 (1 - p) N/2 - N S) / S)   whatever they bring; then tries and at_once are not read

    where N is the number of graded answers, p the share of them that is right, at least 0.5 / N, and S = 2 p (1 - p). A group
    with p >= 1/2 gets none, and N + dN is at most `n_max` (the release: 32 for equal treatment, 64 for hardness weighted, with
    N = 8 or 16). The failures among DARS's draws belong to the group too: use it with a merge that lets every try in, such as
    append(all_tries=true), and with the diagnosis pass_rate or always.

    Degenerate: of 8 wrong answers p = 1/16 and S = 15/128: dN is 27, or 24 with n_max=32; hardness weighted 56, with n_max=64.
    Without a finished wrong answer nothing is asked: that differs from DARS for a group of which all is truncated.
    """

    amount: str = "fixed"
    tries: int = 4
    at_once: int = 1
    n_max: int = 32

    def __post_init__(self):
        one_of(self, "amount", ("fixed", "equal_treatment", "hardness_weighted"))
        check_tries(self)
        require(self, "n_max", lambda x: isinstance(x, int) and x >= 2, "a whole number of at least 2", 32)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        def tell(parent: Attempt, number: int) -> Told:
            return Told(group.prompt.content, help="nothing")

        if self.amount == "fixed":
            return try_parents(self, group, parents_of(group), tell)
        draws = self.draws(group)
        all_at_once = replace(self, tries=draws, at_once=draws) if draws else self
        return try_parents(all_at_once, group, parents_of(group) if draws else (), tell)

    def draws(self, group: Group) -> int:
        """dN of the two schedules: how many draws beyond its N answers the group gets."""
        n, p = len(group.graded), group.solved_share
        if not n or p >= 0.5:
            return 0
        p = max(p, 0.5 / n)
        s = 2 * p * (1 - p)
        aim = 0.5 * n * (2 * (1 - p) if self.amount == "hardness_weighted" else 1.0)
        return max(0, min(ceil((aim - n * s) / s - 1e-9), self.n_max - n))
