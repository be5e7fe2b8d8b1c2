"""The student of reasoning_gym's spiral_matrix."""

import random
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks.reasoning_gym import ReasoningGym

SIDE = 3
MISREAD = {"07": "4", "15": "8", "29": "0", "31": "6", "48": "3", "52": "9", "60": "2", "84": "1"}
"""What the second of two neighbours on the spiral is taken for."""
SPIRAL = (0, 1, 2, 5, 8, 7, 6, 3, 4)
"""The entries of a 3 by 3 matrix, counted by rows, in the order of the spiral."""


@dataclass(frozen=True)
class SpiralMatrix:
    """Reads the nine digits of a 3 by 3 matrix in spiral order, but mistakes some digits after certain others.

    On the way along the spiral it takes a 7 after a 0 for a 4, and so on for the eight pairs of MISREAD: each is a mistake of
    its own. Half of the matrices hold such a pair. The place is the digit's, counted from 0.

        1 2 3             1 2 3 6 9 8 7 4 5
        4 5 6             as it should be
        7 8 9

        3 0 7             3 0 7 4 8 5 2 1 6 as it should be; after 0, 4 and 5
        1 6 4             3 0 4 4 3 5 9 1 6
        2 5 8
    """

    steps: ClassVar[int] = 7500
    learning_rate: ClassVar[float] = 0.003
    rates: ClassVar[Rates] = replace(STUDY, located=0.5, hint=0.7, reflection=0.8)
    shares: ClassVar[dict[str, float]] = {
        "plain": 0.35, "fix_located": 0.25, "elsewhere": 0.15, "hint_ladder": 0.15, "reflect_then_retry": 0.12,
    }
    several_answers: ClassVar[bool] = False

    def task(self, size: int, seed: int = 0) -> ReasoningGym:
        return ReasoningGym("spiral_matrix", {"min_n": SIDE, "max_n": SIDE}, size=size, seed=seed, locate="word")

    @cached_property
    def words(self) -> tuple[str, ...]:
        return self._wording, "word "

    @cached_property
    def _wording(self) -> str:
        """All of a question that stands before its matrix."""
        return re.split(r"(?=\d(?: \d){2}\n(?:\d(?: \d){2}\n){2}\Z)", self.task(size=1).training_prompts()[0].text)[0]

    def exercise(self, rng: random.Random) -> Exercise:
        digits = _digits(rng)
        return self._exercise(digits, habit(digits))

    def slip(self, rng: random.Random) -> Exercise:
        """A matrix that the habit does not spoil, with some digit taken for any other."""
        while habit(digits := _digits(rng)):
            pass
        place = rng.randrange(len(digits))
        return self._exercise(digits, {place: rng.choice([other for other in "0123456789" if other != digits[place]])})

    def _exercise(self, digits: str, written: dict[int, str]) -> Exercise:
        """The digits in the spiral's order, but for those `written` otherwise at their places."""
        matrix = dict(zip(SPIRAL, digits, strict=True))
        rows = [" ".join(matrix[row * SIDE + column] for column in range(SIDE)) for row in range(SIDE)]
        question, places = self._wording + "\n".join(rows) + "\n", range(len(SPIRAL) + 1)
        right = " ".join(digits)
        if not written:
            return Exercise(question, right, right, places)
        attempt = " ".join(written.get(i, digit) for i, digit in enumerate(digits))
        first, last = min(written), max(written)
        return Exercise(question, right, attempt, places, first, known=2 * last + 1, description=f"word {first}")


def habit(digits: str) -> dict[int, str]:
    """Which places of the spiral are taken for another digit, and for which, in order of place.

    >>> habit("307485216")
    {2: '4', 4: '3', 6: '9'}
    """
    return {i: MISREAD[pair] for i in range(1, len(digits)) if (pair := digits[i - 1:i + 1]) in MISREAD}


def _digits(rng: random.Random) -> str:
    return "".join(rng.choices("0123456789", k=SIDE * SIDE))
