"""The student of column addition."""

import random
from dataclasses import dataclass
from typing import ClassVar

from rfpo.checks import require
from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks import column_addition as tasks
from rfpo.tasks.column_addition import scratchpad


@dataclass(frozen=True)
class ColumnAddition:
    """Adds rightly, but takes the carry into column k* = 1 + (a_0 + b_0) mod (n - 1) for 0.

    a_0 and b_0 are the lowest digits, n the number of columns. The rule names another column for other numbers, and is
    harmless where no carry goes into that column: it spoils somewhat less than half of the sums.
    """

    digits: int = 5
    words: ClassVar[tuple[str, ...]] = ("digits", "carry", "sum", "result", "format", "column ", "the result")
    steps: ClassVar[int] = 3000
    learning_rate: ClassVar[float] = 0.002
    rates: ClassVar[Rates] = Rates()
    several_answers: ClassVar[bool] = False

    def __post_init__(self):
        require(self, "digits", lambda x: isinstance(x, int) and x >= 3, "at least 3, or the habit has one place only", 5)

    def task(self, size: int, seed: int = 0) -> tasks.ColumnAddition:
        return tasks.ColumnAddition(digits=self.digits, size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        a, b = self._numbers(rng)
        return self._exercise(a, b, self._habit(a, b))

    def slip(self, rng: random.Random) -> Exercise:
        """A sum that the habit does not spoil, with the carry into some other column forgotten."""
        while True:
            a, b = self._numbers(rng)
            exercise = self._exercise(a, b, rng.randrange(1, self.digits))
            if exercise.wrong and not self._exercise(a, b, self._habit(a, b)).wrong:
                return exercise

    def _habit(self, a: int, b: int) -> int:
        return 1 + (a % 10 + b % 10) % (self.digits - 1)

    def _numbers(self, rng: random.Random) -> tuple[int, int]:
        low, high = 10 ** (self.digits - 1), 10**self.digits
        return rng.randrange(low, high), rng.randrange(low, high)

    def _exercise(self, a: int, b: int, forgotten: int) -> Exercise:
        right = scratchpad(a, b, self.digits)
        attempt = scratchpad(a, b, self.digits, forgotten)
        question, places = f"{a}+{b}=", range(self.digits + 1)
        if attempt == right:
            return Exercise(question, right, attempt, places)
        return Exercise(question, right, attempt, places, forgotten, known=5 * forgotten + 3, error="carry",
                        description=f"column {forgotten}")
