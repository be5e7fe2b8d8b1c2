"""One operator after the other, until one succeeds."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round
from rfpo.errors import UserError
from rfpo.pieces import kind_of
from rfpo.records import Correction, Group


@dataclass(frozen=True, kw_only=True)
class Chain(Operator):
    """The next operator is asked when every try of the one before has failed, or when it had nothing to ask.

    A fall-back: fix_located, then rewrite_from_solution. A correction bears the name of the operator that made it, and the
    number of that operator's own try; the tokens of all tries are counted. It reads what any of its operators reads.

    Each operator draws by keys that hold its name, so that no two of them share their random numbers; one that stands in the
    chain twice would, and is refused.

    Degenerate: a chain of one is that operator.
    """

    operators: tuple[Operator, ...]

    def __post_init__(self):
        require(self, "operators", lambda x: len(x) >= 1, "at least one operator", ("fix_located", "rewrite_from_solution"))
        kinds = _kinds(self)
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                raise UserError(f"Chain.operators holds {kind!r} twice; both would draw with the same random numbers. "
                                "Keep one, with more tries.")

    @property
    def reads(self) -> frozenset[str]:
        """What any of its operators needs."""
        return frozenset().union(*(operator.reads for operator in self.operators))

    @property
    def tries(self) -> int:
        """At most so many answers are asked for."""
        return sum(getattr(operator, "tries", 1) for operator in self.operators)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        for operator in self.operators:
            if corrections := (yield from operator.correct(group)):
                return corrections
        return ()


def _kinds(chain: Chain) -> list[str]:
    """The operators' names, in order; of a chain in the chain those in it."""
    return [kind for operator in chain.operators
            for kind in (_kinds(operator) if isinstance(operator, Chain) else [kind_of(operator)])]
