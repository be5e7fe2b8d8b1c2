"""Told that the answer is wrong, but not where."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, try_parents
from rfpo.records import Attempt, Correction, Group

NEEDS, MAY = (("question",), ("attempt",)), ("answer",)


@dataclass(frozen=True, kw_only=True)
class FixWrongOnly(Operator):
    """The model is told that its answer is wrong, not where, and gives a corrected stand-alone solution.

    At most `tries` tries for a stuck group, the distinct wrong answers in turn, `at_once` of them in one round, ending
    with the first round that has a success. `templates` is a set's name or a folder that holds `fix_wrong_only.txt`.
    Truncated and UNGRADED answers are not corrected; a group without any other asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        load(self.templates, "fix_wrong_only", NEEDS, MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        def tell(parent: Attempt, number: int) -> Told:
            return tell_wrong(self.templates, group, parent)

        return try_parents(self, group, parents_of(group), tell)


def tell_wrong(templates: str, group: Group, parent: Attempt) -> Told:
    """The prompt that says that `parent` is wrong, and no more."""
    template = load(templates, "fix_wrong_only", NEEDS, MAY)
    content = fill(template, group.prompt, attempt=parent.completion.text, answer=parent.verdict.answer or "")
    return Told(content, help="wrong")
