"""The student of Countdown."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import ClassVar

from rfpo.records import Prompt
from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks import countdown as tasks
from rfpo.tasks.countdown import Numbers, Step, after, choices, solve, written

ONE_TOO_MANY = frozenset({("+", 2), ("+", 5), ("+", 8), ("-", 1), ("-", 4), ("*", 3), ("*", 6), ("*", 8)})
"""Operator and right operand of the steps whose result the student writes one too large."""


@dataclass(frozen=True)
class Countdown:
    """Knows which way leads to the target, but gets the result one too large in steps that add 2, 5 or 8, subtract 1 or 4,
    or multiply by 3, 6 or 8 (ONE_TOO_MANY). It goes on with the wrong result, and still ends in the target.

    About half of the puzzles are spoilt so, most of them in one step. Each of the eight has to be learnt by itself.

        1,4,7:35=    4+1=5;7*5=35 is right, and what it answers
        3,3,9:24=    9*3=27;27-3=24 is right; it answers 9*3=28;28-3=24
    """

    words: ClassVar[tuple[str, ...]] = ("arithmetic", "number", "negative", "division", "astray", "short", "format", "step ",
                                        "the end")
    steps: ClassVar[int] = 4000
    learning_rate: ClassVar[float] = 0.003
    rates: ClassVar[Rates] = STUDY
    several_answers: ClassVar[bool] = True

    def task(self, size: int, seed: int = 0) -> tasks.Countdown:
        return tasks.Countdown(size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        return _exercise(*rng.choice(self._puzzles), _habit)

    def slip(self, rng: random.Random) -> Exercise:
        """A puzzle that the habit does not spoil, with one result that is one too small or two too large."""
        while True:
            numbers, target = rng.choice(self._puzzles)
            if not _exercise(numbers, target, _habit).wrong:
                slips = rng.choice([(-1, 0), (0, -1), (2, 0), (0, 2)])
                exercise = _exercise(numbers, target, lambda step, *_, slips=slips: slips[step])
                if "=-" not in exercise.attempt:
                    return exercise

    @cached_property
    def _puzzles(self) -> list[tuple[Numbers, int]]:
        """All that the task can ask, so that rare targets are learnt as well as common ones."""
        drawn = self.task(size=1)
        found = {(numbers, second[3])
                 for numbers in combinations_with_replacement(range(1, drawn.largest + 1), drawn.numbers)
                 for first in choices(numbers) for second in choices(after(numbers, first))
                 if 0 < second[3] <= drawn.largest_target and second[3] not in numbers}
        return sorted(found)


def _habit(_, operator: str, operand: int) -> int:
    return int((operator, operand) in ONE_TOO_MANY)


def _believed(steps: tuple[Step, ...], slips: Callable[[int, str, int], int]) -> tuple[Step, ...]:
    """Two steps with their results off by what `slips` says of (step, operator, right operand)."""
    (a, first, b, result), (c, second, d, target) = steps
    wrong = result + slips(0, first, b)
    if c == result:
        c = wrong
    else:
        d = wrong
    return (a, first, b, wrong), (c, second, d, target + slips(1, second, d))


def _exercise(numbers: Numbers, target: int, slips: Callable[[int, str, int], int]) -> Exercise:
    question = f"{','.join(map(str, numbers))}:{target}="
    steps = solve(numbers, target)
    right, attempt, places = written(steps), written(_believed(steps, slips)), range(len(numbers))
    if attempt == right:
        return Exercise(question, right, right, places)
    verdict = TASK.verify(Prompt("", question, TASK.name), attempt)
    spoilt = [step for step, (_, operator, operand, _) in enumerate(steps) if slips(step, operator, operand)]
    return Exercise(question, right, attempt, places, verdict.location.step, len(written(steps[:spoilt[-1] + 1])),
                    verdict.error, verdict.location.description)


TASK = tasks.Countdown()
