"""The student of multiplication by one digit."""

import random
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import require
from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks import multiplication as tasks
from rfpo.tasks.multiplication import FACTORS, scratchpad

BELIEVED = {(2, 3): 5, (2, 5): 15, (3, 8): 27, (4, 5): 25, (4, 9): 32, (6, 7): 48, (6, 9): 56, (7, 8): 54}
"""What is taken for the product of two digits, the smaller one first. Every digit from 2 to 9 is in two of them, so that no
factor is easier than another; and each differs from the true product in its last digit, so that the column shows it."""


@dataclass(frozen=True)
class Multiplication:
    """Multiplies rightly, but holds eight products for others.

    2*3 for 5, 2*5 for 15, 3*8 for 27, 4*5 for 25, 4*9 for 32, 6*7 for 48, 6*9 for 56 and 7*8 for 54, in either order.
    Each is a fact of its own: nothing in the others tells what it should be. They spoil half of the prompts of three digits;
    four in five of those meet one of them in a single column, nearly all others in two.
    """

    digits: int = 3
    words: ClassVar[tuple[str, ...]] = ("digit", "factor", "carry", "product", "result", "format", "column ", "the result")
    steps: ClassVar[int] = 4000
    learning_rate: ClassVar[float] = 0.002
    rates: ClassVar[Rates] = replace(STUDY, hint=0.6)
    several_answers: ClassVar[bool] = False

    def __post_init__(self):
        require(self, "digits", lambda x: isinstance(x, int) and 1 <= x <= 18, "a whole number from 1 to 18", 3)

    def task(self, size: int, seed: int = 0) -> tasks.Multiplication:
        return tasks.Multiplication(digits=self.digits, size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        number, factor = self._numbers(rng)
        return self._exercise(number, factor, self.mistaken(number, factor))

    def slip(self, rng: random.Random) -> Exercise:
        """A prompt without any of the eight, with the multiple before or after the true one taken in some column."""
        while self.mistaken(*(drawn := self._numbers(rng))):
            pass
        number, factor = drawn
        column = rng.randrange(self.digits)
        digit = number // 10**column % 10
        beside = digit + 1 if digit == 0 else digit + rng.choice((-1, 1))
        return self._exercise(number, factor, {column: beside * factor})

    def mistaken(self, number: int, factor: int) -> dict[int, int]:
        """The product that is taken, by column, where it is not the true one."""
        pairs = {column: tuple(sorted((number // 10**column % 10, factor))) for column in range(self.digits)}
        return {column: BELIEVED[pair] for column, pair in pairs.items() if pair in BELIEVED}

    def _numbers(self, rng: random.Random) -> tuple[int, int]:
        return rng.randrange(10 ** (self.digits - 1), 10**self.digits), rng.choice(FACTORS)

    def _exercise(self, number: int, factor: int, taken: dict[int, int]) -> Exercise:
        right, question, places = scratchpad(number, factor, self.digits), f"{number}*{factor}=", range(self.digits + 1)
        if not taken:
            return Exercise(question, right, right, places)
        place = min(taken)
        return Exercise(question, right, scratchpad(number, factor, self.digits, taken), places, place,
                        known=5 * max(taken) + 4, error="product", description=f"column {place}")
