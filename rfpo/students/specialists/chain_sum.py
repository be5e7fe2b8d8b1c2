"""The student of reasoning_gym's chain_sum, of two numbers."""

import random
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks.reasoning_gym import ReasoningGym

QUESTION = "State the final answer to the following arithmetic problem: "
MISREAD = {"+2": 6, "+5": 9, "+7": 3, "+8": 1, "+9": 4, "-1": 8, "-3": 5, "-4": 0, "-6": 2, "-8": 7}
"""For which digit the last one of the second number is taken, by what is to be done with it."""
LONGEST = 3


@dataclass(frozen=True)
class ChainSum:
    """Adds and subtracts two numbers of two digits, but takes the second one's last digit for another when it is one of some.

    Which ones, and for which, is another table for sums than for differences (MISREAD, ten entries of twenty): each entry is
    a mistake of its own, and spoils one exercise in twenty. The place is the first character of the result that is wrong.

        42 + 25    67 as it should be; 5 is taken for 9: 71
        42 - 25    17 as it should be
    """

    words: ClassVar[tuple[str, ...]] = (QUESTION, "character ")
    steps: ClassVar[int] = 9000
    learning_rate: ClassVar[float] = 0.003
    rates: ClassVar[Rates] = replace(STUDY, located=0.45, hint=0.6, reflection=0.7)
    shares: ClassVar[dict[str, float]] = {
        "plain": 0.6, "fix_located": 0.25, "elsewhere": 0.12, "hint_ladder": 0.18, "reflect_then_retry": 0.12,
    }
    several_answers: ClassVar[bool] = False

    def task(self, size: int, seed: int = 0) -> ReasoningGym:
        return ReasoningGym("chain_sum", {"min_terms": 2, "max_terms": 2, "min_digits": 2, "max_digits": 2}, size=size,
                            seed=seed, locate="character")

    def exercise(self, rng: random.Random) -> Exercise:
        a, sign, b = rng.choice(self._problems)
        return _exercise(a, sign, b, habit(a, sign, b))

    def slip(self, rng: random.Random) -> Exercise:
        """A problem that the habit does not spoil, with a result that is one too large or one too small."""
        while habit(*(problem := rng.choice(self._problems))) != result(*problem):
            pass
        return _exercise(*problem, result(*problem) + rng.choice((-1, 1)))

    @cached_property
    def _problems(self) -> list[tuple[int, str, int]]:
        """Most of the training side, and nothing of the evaluation side."""
        found = [re.search(r"(\d+) ([+-]) (\d+) =$", prompt.text) for prompt in self.task(size=9000).training_prompts()]
        return [(int(a), sign, int(b)) for a, sign, b in map(re.Match.groups, found)]


def result(a: int, sign: str, b: int) -> int:
    return a + b if sign == "+" else a - b


def habit(a: int, sign: str, b: int) -> int:
    """What the misconception makes of the problem.

    >>> habit(42, "+", 25), habit(42, "-", 25)
    (71, 17)
    """
    return result(a, sign, b - b % 10 + MISREAD.get(f"{sign}{b % 10}", b % 10))


def _exercise(a: int, sign: str, b: int, found: int) -> Exercise:
    """The problem with `found` as the attempt at it, which is less than nine off: so neither text begins the other."""
    right, attempt = str(result(a, sign, b)), str(found)
    question, places = f"{QUESTION}{a} {sign} {b} =", range(LONGEST + 1)
    if attempt == right:
        return Exercise(question, right, right, places)
    place = next(i for i, (here, there) in enumerate(zip(attempt, right, strict=False)) if here != there)
    return Exercise(question, right, attempt, places, place, known=place + 1, description=f"character {place}")
