"""Locators: where the first error of a wrong answer is, or is guessed to be."""

from collections.abc import Generator
from typing import ClassVar, Protocol, runtime_checkable

from rfpo.correction import Answers, Round
from rfpo.records import Attempt, Group, Location, RandomKey


@runtime_checkable
class Locator(Protocol):
    """Says where the first error of a wrong answer is: the verifier's own place, or a guess at it.

    A generator without I/O, as an operator is: it may ask (`key` is for its first request, and the others of its talk take
    their own), and returns the place, None where it finds none. What it asks for is a `Try` that is not judged.

    A guess does not say what should stand there. Its `start:end` is what was found in the answer's text, its `step` counts
    the parts of the text from 0. Whether the model was told the true place, the operator finds out by the verifier's.
    """

    room: ClassVar[str] = "rfpo.correction.locators"
    reads: ClassVar[frozenset[str]] = frozenset()
    """What it needs besides the group, as `Operator.reads`: "offsets" or "critic"."""

    def locate(self, group: Group, parent: Attempt, key: RandomKey) -> Generator[Round, Answers, Location | None]: ...
