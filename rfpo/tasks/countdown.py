"""Countdown: make a target from numbers with + - * /, with a verifier that also finds the first wrong step."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

from rfpo.checks import require
from rfpo.errors import UserError
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._content import as_content
from rfpo.tasks._extract import answer_span, check_extract
from rfpo.tasks._split import Drawn, Pools, fill, most_draws

OPERATORS = "+-*/"
PUZZLE = re.compile(r"(\d+(?:,\d+)+):(\d+)=")
FIELD = re.compile(r"[^;\n]+")
STEP = re.compile(r"\s*(\d{1,18})\s*([-+*/])\s*(\d{1,18})\s*=\s*(\d{1,18})\s*")
SEARCHED = 4  # up to so many numbers the solution of a prompt is searched for

Numbers = tuple[int, ...]
"""In rising order."""
Step = tuple[int, str, int, int]
"""Left operand, operator, right operand, result."""


@dataclass(frozen=True)
class Countdown(Drawn):
    """Make the target from `numbers` numbers from 1 to `largest` by steps of two, each number and each result used at most
    once; with `use_all` every one of them exactly once. The target is at most `largest_target` and none of the numbers.

    The prompt names the numbers in rising order and the target. The answer has one field a step, parted by `;` or by lines;
    results are whole numbers from 0 on, so a difference has the larger number on the left and a quotient leaves no rest.
    SOLVED is every answer of right steps whose last result is the target. White space does no harm.

        3,4,5:17=    3*4=12;12+5=17

    A wrong answer is located at its first step that is not allowed or after which the target can no longer be reached, else
    at its end: `step` counts from 0. `error` is one word: "arithmetic" (not the result), "number" (not there, or used up),
    "negative", "division" (it leaves a rest, or is by 0), "astray" (a right step from which no way leads to the target),
    "short" (the steps end before the target) or "format".

    Whether a way is left is found by trying: at most 48 sequences of steps for 3 numbers, 1152 for 4, 46 thousand for 5, and
    what leaves the same numbers is tried once. A verdict on 6 numbers, the most that are allowed, tries 5 after the first
    step, which takes some hundredths of a second.
    The reference solution is the first of that search up to 4 numbers, and beyond the one by which the prompt was drawn.

    `instruction`, `chat` and `extract` are as in the task `data`: a text below the puzzle, whether it is a user's turn, and
    where in a completion the answer stands.
    """

    numbers: int = 4
    largest: int = 5
    largest_target: int = 99
    use_all: bool = True
    size: int = 1024
    evaluation_size: int = 256
    seed: int = 0
    instruction: str = ""
    chat: bool = False
    extract: str = "whole"
    isolated: ClassVar[bool] = False
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        limits = {"numbers": (2, 6, 4), "largest": (2, 1000, 5), "largest_target": (2, 10**6, 99),
                  "size": (1, 10**7, 1024), "evaluation_size": (1, 10**7, 256)}
        for name, (low, high, example) in limits.items():
            require(self, name, lambda x, low=low, high=high: isinstance(x, int) and low <= x <= high,
                    f"a whole number from {low} to {high}", example)
        check_extract(self)

    @property
    def name(self) -> str:
        return "countdown"

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        pool, target = puzzle(prompt.text)
        last = len(pool) - 1
        start, end = answer_span(text, self.extract) or (len(text), len(text))
        step, done = -1, False
        for step, field in enumerate(FIELD.finditer(text, start, end)):
            error = _error(pool, field[0])
            if not error:
                taken = read(field[0])
                pool = after(pool, taken)
                done = reached(pool, taken, target, self.use_all)
                error = "" if done or solve(pool, target, self.use_all) else "astray"
            if error:
                return Verdict.wrong(text[start:end], error=error, location=_place(step, *field.span(), last))
        if done:
            return Verdict.solved(text[start:end])
        return Verdict.wrong(text[start:end], error="short", location=_place(step + 1, end, end, last))

    @cached_property
    def _pools(self) -> Pools:
        of = f"{self.name} with {self.numbers} numbers up to {self.largest} and targets up to {self.largest_target}"
        return fill(self._draws(), self.size, self.evaluation_size, of=of)

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        rng = random.Random(f"{self.name}/{self.seed}")
        for index in range(most_draws(self.size, self.evaluation_size)):
            if drawn := self.draw(rng):
                pool, target, steps = drawn
                question = f"{','.join(map(str, pool))}:{target}="
                solution = solve(pool, target, self.use_all) if self.numbers <= SEARCHED else steps
                yield question, Prompt(f"{self.name}/{self.seed}/{index}", as_content(question, self.instruction, self.chat),
                                       self.name, written(solution))

    def draw(self, rng: random.Random) -> tuple[Numbers, int, tuple[Step, ...]] | None:
        """Numbers, a target that random steps made of them, and those steps; None if the target is not allowed."""
        pool = numbers = tuple(sorted(rng.randint(1, self.largest) for _ in range(self.numbers)))
        steps: list[Step] = []
        for _ in range(self.numbers - 1 if self.use_all else rng.randint(1, self.numbers - 1)):
            steps.append(rng.choice(list(choices(pool))))
            pool = after(pool, steps[-1])
        target = steps[-1][3]
        return (numbers, target, tuple(steps)) if 0 < target <= self.largest_target and target not in numbers else None


def puzzle(text: str) -> tuple[Numbers, int]:
    """The numbers and the target of a prompt.

    >>> puzzle("3,4,5:17=")
    ((3, 4, 5), 17)
    """
    if not (found := PUZZLE.search(text)):
        raise UserError(f"{text!r} is no prompt of countdown; it must hold numbers and a target, such as 3,4,5:17=")
    return tuple(sorted(map(int, found[1].split(",")))), int(found[2])


def read(field: str) -> Step:
    left, operator, right, result = STEP.fullmatch(field).groups()
    return int(left), operator, int(right), int(result)


def written(steps: tuple[Step, ...]) -> str:
    return ";".join(f"{left}{operator}{right}={result}" for left, operator, right, result in steps)


def choices(pool: Numbers) -> Iterator[Step]:
    """Every step that is allowed, by the operator and then from the smallest numbers on; the larger number is on the left.

    >>> [f"{a}{operator}{b}" for a, operator, b, _ in choices((2, 3, 4))]
    ['3+2', '4+2', '4+3', '3-2', '4-2', '4-3', '3*2', '4*2', '4*3', '4/2']
    """
    pairs = list(dict.fromkeys((pool[high], pool[low]) for high in range(len(pool)) for low in range(high)))
    for operator in OPERATORS:
        for left, right in pairs:
            if (result := value(left, operator, right)) is not None:
                yield left, operator, right, result


def value(left: int, operator: str, right: int) -> int | None:
    """The result of a step; None if it is not a whole number from 0 on."""
    if operator == "+":
        return left + right
    if operator == "*":
        return left * right
    if operator == "-":
        return left - right if left >= right else None
    return left // right if right and left % right == 0 else None


def after(pool: Numbers, taken: Step) -> Numbers:
    """What is left to work with: without the two operands, with the result."""
    rest = list(pool)
    rest.remove(taken[0])
    rest.remove(taken[2])
    return tuple(sorted([*rest, taken[3]]))


def reached(pool: Numbers, taken: Step, target: int, use_all: bool) -> bool:
    """Whether the step `taken`, after which `pool` is left, ends an answer."""
    return taken[3] == target and (not use_all or len(pool) == 1)


@lru_cache(maxsize=1 << 16)
def solve(pool: Numbers, target: int, use_all: bool = True) -> tuple[Step, ...]:
    """The first steps, in the order of `choices`, that end in the target; none if there are none.

    >>> written(solve((3, 4, 5), 17)), solve((3, 4, 5), 16)
    ('4*3=12;12+5=17', ())
    """
    for taken in choices(pool):
        left = after(pool, taken)
        if reached(left, taken, target, use_all):
            return (taken,)
        if rest := solve(left, target, use_all):
            return taken, *rest
    return ()


def _error(pool: Numbers, field: str) -> str:
    """What is not allowed about a step, in a word; "" for nothing."""
    if not STEP.fullmatch(field):
        return "format"
    left, operator, right, result = read(field)
    rest = list(pool)
    for operand in (left, right):
        if operand not in rest:
            return "number"
        rest.remove(operand)
    if (true := value(left, operator, right)) is None:
        return "negative" if operator == "-" else "division"
    return "" if true == result else "arithmetic"


def _place(step: int, start: int, end: int, last: int) -> Location:
    return Location(step, start, end, f"step {step}" if step < last else "the end", places=last + 1)
