"""The answer is right and a step is not."""

import ast
import operator
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from rfpo.correction.leaks import LeakTest
from rfpo.records import Correction, Group

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_TERM = rf"\(?\s*-?\s*{_NUMBER}\s*\)?"
_SIGN = r"[-+*/×÷·]"
_EQUATION = re.compile(rf"(?<![\^/*+=×÷·-]\s)(?<![\w.^/*+=-])((?:{_TERM}\s*{_SIGN}\s*)+{_TERM})\s*=\s*(-?\s*{_NUMBER})"
                       rf"(?!\s*{_SIGN}|\s*[\^%]|\w|[.,]\d)")
_SIGNS = str.maketrans({"×": "*", "÷": "/", "·": "*", ",": None, " ": None})
_DO = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


@dataclass(frozen=True)
class InvalidStep(LeakTest):
    """Step validity: an accepted answer that contains a false step was rationalised.

    Two ways to know: the verifier names the place of an error although the answer is SOLVED (a task that checks steps); and
    plain equations of numbers in the text, such as "12 + 30 = 42", are worked out. A result that is rounded is right when it is
    the nearest number of as many decimals. Equations with letters, powers or percents are not read.
    """

    kinds: ClassVar[tuple[str, ...]] = ("invalid_step",)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        false = correction.by.verdict.location is not None or false_equations(correction.by.completion.text)
        return self.kinds if false else ()


def false_equations(text: str) -> list[str]:
    """The equations of plain numbers in `text` that do not hold.

    >>> false_equations("12 + 30 = 42, so 42 * 2 = 86")
    ['42 * 2 = 86']
    """
    return [match.group() for match in _EQUATION.finditer(text) if not _holds(match.group(1), match.group(2))]


def _holds(left: str, right: str) -> bool:
    try:
        value = _worked_out(ast.parse(left.translate(_SIGNS), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, ValueError):
        return True  # not an equation after all
    written = right.translate(_SIGNS)
    unit = Fraction(1, 10 ** len(written.partition(".")[2]))
    return abs(value - Fraction(written)) <= (unit / 2 if value % unit else 0)


def _worked_out(node) -> Fraction:
    if isinstance(node, ast.BinOp) and type(node.op) in _DO:
        return _DO[type(node.op)](_worked_out(node.left), _worked_out(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worked_out(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    raise ValueError("not plain arithmetic")
