"""Told that the answer is wrong, and to change as little of it as can be."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, try_parents
from rfpo.records import Attempt, Correction, Group, edit_distance

NEEDS, MAY = (("question",), ("attempt",)), ("answer",)


@dataclass(frozen=True, kw_only=True)
class MinimalEdit(Operator):
    """The model is told that its answer is wrong, and makes it right by the smallest change.

    So are the revisions made that OPA-DPO (arXiv 2501.09695) learns from; there a stronger model edits, here the policy.

        accepted if    edits(o, o_f) <= most_edited * max(|o|, |o_f|)

    where edits is the least number of tokens to insert, delete or replace that leads from the one to the other, and |o|
    counts tokens, the end-of-sequence token among them. A right answer that is edited more is a failed try. `most_edited` 1
    accepts every right answer.

    `tries`, `at_once` and `templates` (here `minimal_edit.txt`) are those of fix_wrong_only. Degenerate: a group without a
    finished wrong answer asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    most_edited: float = 0.3
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        require(self, "most_edited", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.3)
        load(self.templates, "minimal_edit", NEEDS, MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        template = load(self.templates, "minimal_edit", NEEDS, MAY)

        def tell(parent: Attempt, number: int) -> Told:
            content = fill(template, group.prompt, attempt=parent.completion.text, answer=parent.verdict.answer or "")
            return Told(content, help="wrong")

        return try_parents(self, group, parents_of(group), tell, self._accepts)

    def _accepts(self, parent: Attempt, attempt: Attempt) -> bool:
        before, after = parent.completion.tokens, attempt.completion.tokens
        return edit_distance(before, after) <= self.most_edited * max(len(before), len(after))
