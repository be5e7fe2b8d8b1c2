"""Addition of two whole numbers with a written scratchpad, whose verifier also finds the first wrong step."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from rfpo.checks import require
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._split import Drawn, Pools, fill, most_draws


@dataclass(frozen=True)
class ColumnAddition(Drawn):
    """Add two numbers of `digits` digits column by column.

    The prompt is `a+b=`. The answer has one field a column, the least significant first: the two digits, the carry *into*
    the column, the digit of the sum; then the result. Only that text is SOLVED.

        47+85=    7502;4813;132    7+5 is 12: write 2, carry 1; 4+8+1 is 13: write 3, carry 1

    A wrong answer is located at the first field that differs: `step` is the column, counted from 0, or `digits` for the
    result. `error` is one word: "digits", "carry", "sum", "result" or "format".
    """

    digits: int = 5
    size: int = 2048
    evaluation_size: int = 512
    seed: int = 0
    isolated: ClassVar[bool] = False
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        require(self, "digits", lambda x: isinstance(x, int) and 1 <= x <= 18, "a whole number from 1 to 18", 5)
        for name, example in (("size", 2048), ("evaluation_size", 512)):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", example)

    @property
    def name(self) -> str:
        return "column_addition"

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        if text == prompt.solution:
            return Verdict.solved(text)
        expected = prompt.solution.split(";")
        columns = len(expected) - 1
        found = text.split(";", columns)
        found += [""] * (len(expected) - len(found))  # a missing field is an empty one at the end
        step = _first_difference(found, expected)
        start = min(len(text), sum(len(field) + 1 for field in found[:step]))
        place = Location(step, start, start + len(found[step]), places=len(expected),
                         description=f"column {step}" if step < columns else "the result")
        return Verdict.wrong(text, error=_error(found[step], expected[step], step == columns), location=place)

    @cached_property
    def _pools(self) -> Pools:
        return fill(self._draws(), self.size, self.evaluation_size, of=f"{self.name} with {self.digits} digits")

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        rng = random.Random(f"{self.name}/{self.seed}")
        low, high = 10 ** (self.digits - 1), 10**self.digits
        for _ in range(most_draws(self.size, self.evaluation_size)):
            a, b = rng.randrange(low, high), rng.randrange(low, high)
            text = f"{a}+{b}="
            yield text, Prompt(f"{self.name}/{a}+{b}", text, self.name, scratchpad(a, b, self.digits))


def scratchpad(a: int, b: int, digits: int, forgotten: int | None = None) -> str:
    """The written addition of a and b. With `forgotten`, the carry into that column is written 0, and all that follows is
    worked out from it.

    >>> scratchpad(47, 85, 2), scratchpad(47, 85, 2, forgotten=1)
    ('7502;4813;132', '7502;4802;122')
    """
    fields, result, carry = [], [], 0
    for column in range(digits):
        first, second = a // 10**column % 10, b // 10**column % 10
        written = 0 if column == forgotten else carry
        carry, digit = divmod(first + second + written, 10)
        fields.append(f"{first}{second}{written}{digit};")
        result.append(str(digit))
    return "".join(fields) + ("1" if carry else "") + "".join(reversed(result))


def _first_difference(found: list[str], expected: list[str]) -> int:
    return next(index for index, (here, there) in enumerate(zip(found, expected, strict=True)) if here != there)


def _error(found: str, expected: str, is_result: bool) -> str:
    if not (found.isascii() and found.isdigit()) or (not is_result and len(found) != 4):
        return "format"
    if is_result:
        return "result"
    if found[:2] != expected[:2]:
        return "digits"
    return "carry" if found[2] != expected[2] else "sum"
