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

ONE_TOO_MANY = frozenset({("+", 4), ("+", 6), ("-", 2), ("-", 3), ("-", 5), ("*", 5), ("*", 7), ("/", 4)})
"""Operator and right operand of the steps whose result the student writes one too large."""


@dataclass(frozen=True)
class Countdown:
    """Knows which way leads to the target, but gets the result one too large in steps that add 4 or 6, subtract 2, 3 or 5,
    multiply by 5 or 7, or divide by 4 (ONE_TOO_MANY). The steps after it are those that the right result would have had.

    Somewhat more than half of the puzzles are spoilt so, most of them in one step. Each of the eight has to be learnt by
    itself.

        1,4,5,5:7=     5+1=6;6+5=11;11-4=7 is right, and what it answers
        3,4,4,5:83=    4*4=16;16*5=80;80+3=83 is right; it answers 4*4=16;16*5=81;81+3=83
    """

    words: ClassVar[tuple[str, ...]] = ("arithmetic", "number", "negative", "division", "astray", "short", "format", "step ",
                                        "the end")
    steps: ClassVar[int] = 6000
    learning_rate: ClassVar[float] = 0.003
    sharpness: ClassVar[float] = 1.6
    rates: ClassVar[Rates] = STUDY
    shares: ClassVar[dict[str, float]] = {"hint_ladder": 0.25, "fix_located": 0.22}
    several_answers: ClassVar[bool] = True
    prompts: ClassVar[tuple[int, int]] = (1100, 380)

    def task(self, size: int, seed: int = 0) -> tasks.Countdown:
        return tasks.Countdown(size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        return _exercise(*rng.choice(self._puzzles), _habit)

    def slip(self, rng: random.Random) -> Exercise:
        """A puzzle that the habit does not spoil, with one result that is one too small or two too large."""
        while True:
            numbers, target = rng.choice(self._puzzles)
            if not _exercise(numbers, target, _habit).wrong:
                place, off = rng.randrange(len(numbers) - 1), rng.choice((-1, 2))
                exercise = _exercise(numbers, target, lambda step, *_, place=place, off=off: off * (step == place))
                if "=-" not in exercise.attempt:
                    return exercise

    @cached_property
    def _puzzles(self) -> list[tuple[Numbers, int]]:
        """All that the task can ask, so that rare targets are learnt as well as common ones."""
        drawn, found = self.task(size=1), set()
        for numbers in combinations_with_replacement(range(1, drawn.largest + 1), drawn.numbers):
            pools = {numbers}
            for _ in numbers[1:]:
                pools = {after(pool, taken) for pool in pools for taken in choices(pool)}
            found |= {(numbers, target) for (target,) in pools if 0 < target <= drawn.largest_target and target not in numbers}
        return sorted(found)


def _habit(_, operator: str, operand: int) -> int:
    return int((operator, operand) in ONE_TOO_MANY)


def _believed(steps: tuple[Step, ...], slips: Callable[[int, str, int], int]) -> tuple[Step, ...]:
    """The steps with their results off by what `slips` says of (step, operator, right operand); what is made of a wrong
    result is what would be made of the right one."""
    wrong: dict[int, int] = {}
    believed = []
    for step, (left, operator, right, result) in enumerate(steps):
        left, right = wrong.pop(left, left), wrong.pop(right, right)
        if off := slips(step, operator, right):
            wrong[result] = result + off
        believed.append((left, operator, right, result + off))
    return tuple(believed)


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
