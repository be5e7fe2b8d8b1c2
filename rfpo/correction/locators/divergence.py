"""Where a better answer goes another way."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rfpo.correction import Answers, Round
from rfpo.correction.locators import Locator
from rfpo.correction.locators._parts import check_separator, place_at
from rfpo.records import Attempt, Group, Location, RandomKey, common_prefix


class _Other(NamedTuple):
    """In the order in which others are preferred."""

    score: float
    shared: int


@dataclass(frozen=True, kw_only=True)
class Divergence(Locator):
    """The first token at which the wrong answer departs from a better one: another answer of the group with a higher score,
    or a right answer that the run keeps of an earlier step (`Fixing.keep` above 0), which counts with full marks.

        t* = min { t : o_t != o'_t },    o' = the best-scoring other, of several the one that shares the most tokens with o

    A guess: two right ways part as well. `separator` is what stands between two steps of an answer. An answer that the better
    one continues has its place at its end. Without a better one there is no place; in a group in which all score 0 only a
    kept answer is better.
    """

    separator: str = "\n"
    reads: ClassVar[frozenset[str]] = frozenset({"offsets"})

    def __post_init__(self):
        check_separator(self)

    def locate(self, group: Group, parent: Attempt, key: RandomKey) -> Generator[Round, Answers, Location | None]:
        yield from ()
        own = parent.completion
        better = [_Other(other.verdict.score, common_prefix(own.tokens, other.completion.tokens)) for other in group.graded
                  if other.verdict.score > parent.verdict.score and not other.completion.truncated]
        better += [_Other(1.0, common_prefix(own.tokens, stored.tokens)) for stored in group.history.stored]
        if not better or not own.ends:
            return None
        shared = max(better).shared
        start, end = ((0, *own.ends, own.ends[-1])[index] for index in (shared, shared + 1))
        return place_at(own.text, start, end, self.separator)
