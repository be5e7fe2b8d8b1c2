"""The student of insertion sort."""

import random
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import require
from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks import sorting as tasks
from rfpo.tasks.sorting import insert, passes, written

ORDER = "021436587a9b"
"""The order that the student holds for that of the digits of base 12: five pairs of neighbours stand the wrong way round."""


@dataclass(frozen=True)
class Sorting:
    """Sorts the digits of base 12 rightly, but puts 2 before 1, 4 before 3, 6 before 5, 8 before 7 and a before 9.

    Each is a fact of its own: nothing in the others tells which way it should be. A prompt is spoilt when both digits of a
    pair are in it: 48 in 100 of those of five digits, nine in ten of which hold a single pair.
    """

    length: int = 5
    words: ClassVar[tuple[str, ...]] = ("digits", "order", "format", "pass ")
    steps: ClassVar[int] = 4000
    learning_rate: ClassVar[float] = 0.002
    rates: ClassVar[Rates] = replace(STUDY, located=0.35, hint=0.6)
    shares: ClassVar[dict[str, float]] = {"hint_ladder": 0.25, "fix_located": 0.22}
    several_answers: ClassVar[bool] = False

    def __post_init__(self):
        require(self, "length", lambda x: isinstance(x, int) and 2 <= x <= 100, "a whole number from 2 to 100", 5)

    def task(self, size: int, seed: int = 0) -> tasks.Sorting:
        return tasks.Sorting(base=len(ORDER), length=self.length, size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        drawn = self._digits(rng)
        return _exercise(drawn, passes(drawn, ORDER))

    def slip(self, rng: random.Random) -> Exercise:
        """A prompt without both digits of a pair, in some pass of which the digit is put one place off."""
        while True:
            drawn = self._digits(rng)
            attempt = _one_place_off(drawn, rng.randrange(self.length - 1), rng.choice((-1, 1)))
            if passes(drawn, ORDER) == passes(drawn) != attempt:
                return _exercise(drawn, attempt)

    def _digits(self, rng: random.Random) -> str:
        return "".join(rng.choices(ORDER, k=self.length))


def _one_place_off(drawn: str, at: int, by: int) -> list[str]:
    """The passes of which the one called `at` puts its digit one place to the left (`by` is -1) or to the right, where it
    can, and the later ones go on from there."""
    fields = passes(drawn)
    digit = drawn[at + 1]
    here = fields[at].index(digit) if by < 0 else fields[at].rindex(digit)
    there = min(max(here + by, 0), at + 1)
    swapped = list(fields[at])
    swapped[here], swapped[there] = swapped[there], swapped[here]
    fields[at] = "".join(swapped)
    for later in range(at + 1, len(fields)):
        fields[later] = insert(fields[later - 1], drawn[later + 1])
    return fields


def _exercise(drawn: str, attempt: list[str]) -> Exercise:
    right, question = passes(drawn), f"{drawn}="
    places = range(len(right))
    if attempt == right:
        return Exercise(question, written(right), written(right), places)
    place = next(index for index in places if right[index] != attempt[index])
    return Exercise(question, written(right), written(attempt), places, place, error="order", description=f"pass {place}",
                    known=_known(drawn, written(right), written(attempt)))


def _known(drawn: str, right: str, attempt: str) -> int:
    """How much of the right answer tells all: up to the last digit that would be put elsewhere, were all before it right."""
    known, start, before = _first_difference(right, attempt) + 1, 0, drawn[0]
    for digit, field in zip(drawn[1:], right.split(";"), strict=True):
        number, _, ordered = field.partition(":")
        if (put := insert(before, digit, ORDER)) != ordered:
            known = max(known, start + len(number) + 1 + _first_difference(ordered, put) + 1)
        start, before = start + len(field) + 1, ordered
    return known


def _first_difference(one: str, other: str) -> int:
    return next(index for index, (here, there) in enumerate(zip(one, other, strict=True)) if here != there)
