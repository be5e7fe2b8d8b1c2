"""Multiplication by one digit with a written scratchpad, whose verifier also finds the first wrong step."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar

from rfpo.checks import require
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._split import Drawn, Pools, fill, most_draws

FACTORS = range(2, 10)
NOTHING: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True)
class Multiplication(Drawn):
    """Multiply a number of `digits` digits by one digit from 2 to 9, column by column.

    The prompt is `number*factor=`. The answer has one field a column, the least significant first: the number's digit, the
    factor, the carry *into* the column, the digit written; then the result. Only that text is SOLVED.

        47*8=    7806;4857;376    7*8 is 56: write 6, carry 5; 4*8 and 5 are 37: write 7, carry 3

    A wrong answer is located at the first field that differs: `step` is the column, counted from 0, or `digits` for the
    result. `error` is one word: "digit", "factor", "carry", "product" (the digit written), "result" or "format".
    """

    digits: int = 3
    size: int = 2048
    evaluation_size: int = 512
    seed: int = 0
    isolated: ClassVar[bool] = False
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        require(self, "digits", lambda x: isinstance(x, int) and 1 <= x <= 18, "a whole number from 1 to 18", 3)
        for name, example in (("size", 2048), ("evaluation_size", 512)):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", example)

    @property
    def name(self) -> str:
        return "multiplication"

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        if text == prompt.solution:
            return Verdict.solved(text)
        expected = prompt.solution.split(";")
        columns = len(expected) - 1
        found = text.split(";", columns)
        found += [""] * (len(expected) - len(found))  # a missing field is an empty one at the end
        step = next(index for index, (here, there) in enumerate(zip(found, expected, strict=True)) if here != there)
        start = min(len(text), sum(len(field) + 1 for field in found[:step]))
        place = Location(step, start, start + len(found[step]), places=len(expected),
                         description=f"column {step}" if step < columns else "the result")
        return Verdict.wrong(text, error=_error(found[step], expected[step], step == columns), location=place)

    @cached_property
    def _pools(self) -> Pools:
        return fill(self._draws(), self.size, self.evaluation_size, of=f"{self.name} with {self.digits} digits")

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        rng = random.Random(f"{self.name}/{self.seed}")
        for _ in range(most_draws(self.size, self.evaluation_size)):
            number, factor = rng.randrange(10 ** (self.digits - 1), 10**self.digits), rng.choice(FACTORS)
            text = f"{number}*{factor}="
            yield text, Prompt(f"{self.name}/{number}*{factor}", text, self.name, scratchpad(number, factor, self.digits))


def scratchpad(number: int, factor: int, digits: int, taken: Mapping[int, int] = NOTHING) -> str:
    """The written multiplication of number by factor. `taken` gives the product that is taken for a column's, by column; all
    that follows is worked out from it. It may be 90 at most, or a carry would have two digits.

    >>> scratchpad(47, 8, 2), scratchpad(47, 8, 2, taken={0: 54})
    ('7806;4857;376', '7804;4857;374')
    """
    fields, result, carry = [], [], 0
    for column in range(digits):
        digit = number // 10**column % 10
        total = taken.get(column, digit * factor) + carry
        fields.append(f"{digit}{factor}{carry}{total % 10};")
        result.append(str(total % 10))
        carry = total // 10
    return "".join(fields) + (str(carry) if carry else "") + "".join(reversed(result))


def _error(found: str, expected: str, is_result: bool) -> str:
    if not (found.isascii() and found.isdigit()) or (not is_result and len(found) != 4):
        return "format"
    if is_result:
        return "result"
    position = next(index for index in range(4) if found[index] != expected[index])
    return ("digit", "factor", "carry", "product")[position]
