"""Told that the answer is wrong, and to change as little of it as can be."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, try_parents
from rfpo.records import Attempt, Correction, Group

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


def edit_distance(first: Sequence[int], second: Sequence[int]) -> int:
    """The least number of insertions, deletions and replacements of one token that lead from `first` to `second`.

    A column of the table of distances is kept as two sets of bits, where it goes up by 1 and where down, so that a column
    takes a dozen operations on integers of len(first) bits (Myers 1999, in Hyyro's form of 2003).
    """
    where: dict[int, int] = {}
    for row, token in enumerate(first):
        where[token] = where.get(token, 0) | 1 << row
    every, last = (1 << len(first)) - 1, 1 << len(first) >> 1
    up, down, distance = every, 0, len(first)
    for token in second:
        same = where.get(token, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        rises, falls = (down | ~(diagonal | up)) & every, up & diagonal
        distance += bool(rises & last) - bool(falls & last) if first else 1
        rises = rises << 1 | 1
        up = (falls << 1 | ~(diagonal | rises)) & every
        down = rises & diagonal & every
    return distance
