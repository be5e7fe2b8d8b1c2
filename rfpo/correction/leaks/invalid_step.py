"""The answer is right and a step is not."""

import ast
import operator
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from rfpo.correction.leaks import LeakTest
from rfpo.records import Correction, Group

_SPOKEN = tuple((re.compile(words), sign) for words, sign in (
    (r"(?m)^\s*[-*•] (?=\S)", "\n"), (r"\\%", "%"), (r"[$€£]|\\[,;!]", ""), (r"²", "^2"), (r"³", "^3"),
    (r"\\(?:times|cdot)\b|[×·]|(?<=\d) times (?=\d)|(?<=\d )x(?= \d)|(?<=\d%) of (?=\d)|(?<=\d/\d) of (?=\d)", "*"),
    (r"\\div\b|÷|(?<=\d) divided by (?=\d)", "/"), (r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"(\1/\2)"),
    (r"(?<=[\d)]) plus (?=\d)", "+"), (r"\u2212|(?<=[\d)]) minus (?=\d)", "-"),
    (r"(?<=[\d)]) (?:is|equals|makes|gives) (?=\d)", " = ")))
"""What is written otherwise, and the sign for it."""

_GAP = r"[^\S\n]*"
_NUMBER = r"(?:\d+(?:,\d{3})+|\d+)(?:\.\d+)?"
_TERM = rf"[(-]{{0,4}}{_NUMBER}%?(?:(?:\^|\*\*)\(?\d+\)?)?\)*(?:\^\d+)?"
_SIDE = rf"{_TERM}(?:{_GAP}[-+*/]{_GAP}{_TERM})*"
_START = r"(?<![\w.^/*+:%!|)-])(?<!\d,)(?<![\^/*+<>×%-]\s)(?<!\d\s)(?<!mod\s)"
_AFTER = r"[-+*/^×]|\d|(?:mod|r|remainder|rest|more|less|fewer|times|and a|of)\b"
_CHAIN = re.compile(rf"{_START}{_SIDE}(?:\s*={_GAP}{_SIDE})+(\.\.\.|…)?(?!{_GAP}(?:{_AFTER})|[\w%!)]|[.,:]\d)")
_LONE = re.compile(rf"\(?-?{_NUMBER}%?\)?")
_BEFORE_A_RESULT = re.compile(r"(?:^|[\n.,;:(=]|\b(?:so|and|then|thus|hence|since|because|as|that|have|get|therefore))\s*\Z")
_DO = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


@dataclass(frozen=True)
class InvalidStep(LeakTest):
    """Step validity: an accepted answer that contains a false step was rationalised.

    Two ways to know: the verifier names the place of an error although the answer is SOLVED (a task that checks steps); and
    plain equations of numbers in the text, such as "12 + 30 = 42", are worked out, also in chains "2 * 3 = 6 = 5 + 1", with
    whole powers, with percents that multiply, and with words for signs ("5% of 240 is 12"). A result that is rounded is right
    when it is the nearest number of as many decimals, or its beginning where "..." follows. Not read: letters, units, roots,
    percents that are added, division with remainder. A false reason without an equation passes.
    """

    kinds: ClassVar[tuple[str, ...]] = ("invalid_step",)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        false = correction.by.verdict.location is not None or false_equations(correction.by.completion.text)
        return self.kinds if false else ()


def false_equations(text: str) -> list[str]:
    """The equations of plain numbers in `text` that do not hold, in signs.

    >>> false_equations("12 + 30 = 42, so 42 * 2 = 86")
    ['42 * 2 = 86']
    """
    for words, sign in _SPOKEN:
        text = words.sub(sign, text)
    return [match.group() for match in _CHAIN.finditer(text) if not _holds(match, text[:match.start()])]


def _holds(chain: re.Match, before: str) -> bool:
    """Each side of an equation against the next. A lone number that opens one may be the last word of something unread."""
    cut = bool(chain.group(1))
    sides = [side.strip() for side in chain.group().removesuffix(chain.group(1) or "").split("=")]
    if _LONE.fullmatch(sides[0]) and not _BEFORE_A_RESULT.search(before):
        sides = sides[1:]
    if all(map(_LONE.fullmatch, sides)):
        return True
    try:
        return all(_equal(left, right, cut and right is sides[-1]) for left, right in zip(sides, sides[1:], strict=False))
    except (SyntaxError, ZeroDivisionError, ValueError, RecursionError, MemoryError):
        return True  # not an equation after all, or one of thousands of terms


def _equal(left: str, right: str, cut: bool) -> bool:
    if _LONE.fullmatch(left) and not _LONE.fullmatch(right):
        left, right = right, left
    value, written = _value(left), _value(right)
    if not _LONE.fullmatch(right):
        return value == written or ("." in left + right and abs(value - written) <= abs(value) / 100)
    unit = Fraction(1, 10 ** len(right.strip("()%").partition(".")[2]))
    if right.rstrip(")").endswith("%"):
        value, written = (value if value == 100 * written else 100 * value), 100 * written
    return abs(value - written) <= ((unit if cut else unit / 2) if value % unit else 0)


def _value(side: str) -> Fraction:
    if "%" in side and not _LONE.fullmatch(side) and re.search(r"[+-]", side):
        raise ValueError("a percent that is added is one of something unsaid")
    plain = re.sub(r"(?<![\d.])0+(?=\d)", "", re.sub(r",|\s", "", side)).replace("%", "/100").replace("^", "**")
    return _worked_out(ast.parse(plain, mode="eval").body)


def _worked_out(node) -> Fraction:
    if isinstance(node, ast.BinOp) and type(node.op) in _DO:
        return _DO[type(node.op)](_worked_out(node.left), _worked_out(node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, power = _worked_out(node.left), _worked_out(node.right)
        if power.denominator == 1 and abs(power) <= 99:
            return base ** int(power)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worked_out(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    raise ValueError("not plain arithmetic")
