"""Shown a draft, and not told what it is worth."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, try_parents
from rfpo.records import Attempt, Correction, Group

NEEDS, MAY = (("question",), ("attempt",)), ("answer",)


@dataclass(frozen=True, kw_only=True)
class RewritePlain(Operator):
    """The model is shown its wrong answer as a draft, is not told that it is wrong, and writes a solution of its own.

    One of the RFPO blog's operators ("rewrite without reward reflection"), and the placebo: what an operator that tells
    more achieves beyond this one is due to what it tells. Which answers are shown is decided by their being wrong; the
    prompt does not say so.

    `tries`, `at_once` and `templates` (here `rewrite_plain.txt`) are those of fix_wrong_only. Degenerate: a group without a
    finished wrong answer asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        load(self.templates, "rewrite_plain", NEEDS, MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        template = load(self.templates, "rewrite_plain", NEEDS, MAY)

        def tell(parent: Attempt, number: int) -> Told:
            content = fill(template, group.prompt, attempt=parent.completion.text, answer=parent.verdict.answer or "")
            return Told(content, help="nothing")

        return try_parents(self, group, parents_of(group), tell)
