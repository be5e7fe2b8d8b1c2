"""Insertion sort written out pass by pass, with a verifier that also finds the first wrong pass."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from string import ascii_lowercase, digits
from typing import ClassVar

from rfpo.checks import require
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._split import Drawn, Pools, fill, most_draws

DIGITS = digits + ascii_lowercase
"""The digits of base 36, in order."""


@dataclass(frozen=True)
class Sorting(Drawn):
    """Sort `length` digits of base `base` by insertion, writing down what is sorted after each pass.

    The prompt is the digits. The first pass sorts the first two, and each later one puts the next digit into its place; equal
    digits cannot be told apart, so that ties leave no choice. A field is the pass, counted from 0, and what is sorted after
    it; the last is the result. Only that text is SOLVED.

        7a373=    0:7a;1:37a;2:377a;3:3377a    the 3 goes to the front; the 7 before the a; the last 3 before the first 7

    A wrong answer is located at the first field that differs: `step` is the pass. `error` is one word: "digits" (not the
    digits of this pass), "order" or "format" (the number of the pass too).
    """

    base: int = 12
    length: int = 5
    size: int = 2048
    evaluation_size: int = 512
    seed: int = 0
    isolated: ClassVar[bool] = False
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        limits = {"base": (2, 36, 12), "length": (2, 100, 5), "size": (1, 10**7, 2048), "evaluation_size": (1, 10**7, 512)}
        for name, (low, high, example) in limits.items():
            require(self, name, lambda x, low=low, high=high: isinstance(x, int) and low <= x <= high,
                    f"a whole number from {low} to {high}", example)

    @property
    def name(self) -> str:
        return "sorting"

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        if text == prompt.solution:
            return Verdict.solved(text)
        expected = prompt.solution.split(";")
        found = text.split(";", len(expected) - 1)
        found += [""] * (len(expected) - len(found))  # a missing field is an empty one at the end
        step = next(index for index, (here, there) in enumerate(zip(found, expected, strict=True)) if here != there)
        start = min(len(text), sum(len(field) + 1 for field in found[:step]))
        place = Location(step, start, start + len(found[step]), description=f"pass {step}", places=len(expected))
        return Verdict.wrong(text, error=_error(found[step], expected[step]), location=place)

    @cached_property
    def _pools(self) -> Pools:
        return fill(self._draws(), self.size, self.evaluation_size, of=f"{self.name} with {self.length} digits")

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        rng = random.Random(f"{self.name}/{self.seed}")
        for _ in range(most_draws(self.size, self.evaluation_size)):
            drawn = "".join(rng.choices(DIGITS[:self.base], k=self.length))
            yield f"{drawn}=", Prompt(f"{self.name}/{drawn}", f"{drawn}=", self.name, trace(drawn))


def trace(drawn: str, order: str = DIGITS) -> str:
    """The passes as they are written, sorted by the given order of the digits.

    >>> trace("7a37"), trace("7a37", order="073a")
    ('0:7a;1:37a;2:377a', '0:7a;1:73a;2:773a')
    """
    return written(passes(drawn, order))


def passes(drawn: str, order: str = DIGITS) -> list[str]:
    """What is sorted after each pass."""
    return [*accumulate(drawn, lambda ordered, digit: insert(ordered, digit, order))][1:]


def written(ordered: list[str]) -> str:
    return ";".join(f"{number}:{field}" for number, field in enumerate(ordered))


def insert(ordered: str, digit: str, order: str = DIGITS) -> str:
    """The digit moved from the end of `ordered` past every digit that it comes before, up to the first that it does not."""
    place = len(ordered)
    while place and order.index(digit) < order.index(ordered[place - 1]):
        place -= 1
    return ordered[:place] + digit + ordered[place:]


def _error(found: str, expected: str) -> str:
    number, _, ordered = expected.partition(":")
    here, _, there = found.partition(":")
    if here != number or len(found) != len(expected) or not (there.isascii() and there.isalnum()):
        return "format"
    return "order" if sorted(there) == sorted(ordered) else "digits"
