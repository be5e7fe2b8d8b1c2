"""Leak tests: does a correction betray how it came about, or was the answer given away?

A model trained on such a correction would speak of hints that nobody gave it, or assert answers that it cannot derive.
"""

from collections.abc import Generator
from typing import ClassVar, Protocol, runtime_checkable

from rfpo.correction import Answers, Operator, Round
from rfpo.records import Correction, Group


@runtime_checkable
class LeakTest(Protocol):
    """One test of accepted corrections.

    `kinds` are the leaks that it can find; `find` gives those of one correction, in that order. A test that must ask the model
    has a method `audit` besides: a generator like an operator's, whose requests are tries of the role "audit" and become no
    corrections.
    """

    room: ClassVar[str] = "rfpo.correction.leaks"
    kinds: ClassVar[tuple[str, ...]]

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]: ...


def audited(tests: tuple[LeakTest, ...], correction: Correction, group: Group, operator: Operator
            ) -> Generator[Round, Answers, tuple[str, ...]]:
    """Every leak that the tests find, each kind once."""
    found: dict[str, None] = {}
    for test in tests:
        found |= dict.fromkeys(test.find(correction, group))
        if hasattr(test, "audit"):
            found |= dict.fromkeys((yield from test.audit(correction, group, operator)))
    return tuple(found)
