"""Told the score of the answer, and how many of the group's answers were right."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, try_parents
from rfpo.records import Attempt, Correction, Group

NEEDS, MAY = (("question",), ("attempt",), ("score",), ("passed",), ("total",)), ("answer",)


@dataclass(frozen=True, kw_only=True)
class RewriteWithReward(Operator):
    """The model is told the score of its answer and how many of the group's were right, and solves the exercise anew.

    One of the RFPO blog's operators ("rewrite with reward reflection"). The score is the verifier's, 1 for full marks, and
    not the shaped reward; UNGRADED answers are not counted among the group's. `help` is "wrong": a score says no more.

    `tries`, `at_once` and `templates` (here `rewrite_with_reward.txt`) are those of fix_wrong_only. Degenerate: a group
    without a finished wrong answer asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        load(self.templates, "rewrite_with_reward", NEEDS, MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        template = load(self.templates, "rewrite_with_reward", NEEDS, MAY)
        passed = sum(attempt.solved for attempt in group.graded)

        def tell(parent: Attempt, number: int) -> Told:
            content = fill(template, group.prompt, attempt=parent.completion.text, answer=parent.verdict.answer or "",
                           score=f"{parent.verdict.score:g}", passed=passed, total=len(group.graded))
            return Told(content, help="wrong")

        return try_parents(self, group, parents_of(group), tell)
