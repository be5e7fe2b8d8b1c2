"""The policy itself is asked where its answer goes wrong."""

import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction import Answers, Round, Try
from rfpo.correction._templates import fill, load
from rfpo.correction.locators import Locator
from rfpo.correction.locators._parts import check_separator, parts_of, place_at
from rfpo.records import Attempt, Group, Location, RandomKey

NEEDS, MAY = (("question",), ("attempt", "steps")), ("answer",)

_STEP = re.compile(r"^[^\w\n]*step(?:[^\w\n]{0,4}:\W{0,4}(\d{1,6})\b|\W{0,8}(\d{1,6})[^\w\n]*$)", re.IGNORECASE | re.MULTILINE)
_QUOTE = re.compile(r"^[^\w\n]*quote\W{0,4}:[ \t*]*(.*)$", re.IGNORECASE | re.MULTILINE)
_MENTIONED = re.compile(r"\b(?:step|line|part)s? ?#?(\d{1,6})\b", re.IGNORECASE)
_MARKS = "\"'`*“”‘’«» \t"


@dataclass(frozen=True, kw_only=True)
class Critique(Locator):
    """The policy is asked for the first wrong step of its answer.

    It sees the answer with its steps numbered (its lines, or what `separator` cuts it into) and is to end with `Step: <number>`
    and `Quote: <words>`. The place is the quoted words where that step holds them, else the step; a reply that names no step
    counts when it quotes words that stand in the answer once, or when all that it calls a step or a line is one number. Else
    there is no place, and none in an answer of one step without a quote: that would say nothing. The critique is told that
    the answer is wrong; it is drawn at the group's temperature without its stop strings, `max_tokens` at most, and not
    judged. `templates` is a set's name or a folder that holds `locate_error.txt`.
    """

    separator: str = "\n"
    max_tokens: int = 256
    templates: str = "prose"
    to: ClassVar[str] = "policy"

    def __post_init__(self):
        check_separator(self)
        require(self, "max_tokens", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 256)
        load(self.templates, "locate_error", NEEDS, MAY)

    def locate(self, group: Group, parent: Attempt, key: RandomKey) -> Generator[Round, Answers, Location | None]:
        text = parent.completion.text
        if not text.strip():
            return None
        content = fill(load(self.templates, "locate_error", NEEDS, MAY), group.prompt, attempt=text,
                       steps=numbered(text, self.separator), answer=parent.verdict.answer or "")
        sampling = replace(group.sampling_request.sampling, max_tokens=self.max_tokens, stop=())
        (replies,) = yield (Try(prompt=group.prompt, content=content, key=key, sampling=sampling, to=self.to, judged=False,
                                of=parent, help="wrong", role="critique"),)
        return understood(replies[0].completion.text, text, self.separator) if replies else None


def numbered(text: str, separator: str) -> str:
    """The parts of a text, each on a line of its own behind its number, which counts from 1. Blank ones are left out."""
    parts = [text[start:end].strip() for start, end in parts_of(text, separator)]
    return "\n".join(f"{number}: {part}" for number, part in enumerate(parts, 1) if part)


def understood(reply: str, text: str, separator: str) -> Location | None:
    """The place in `text` that a reply names; None where it names none."""
    parts, quote = parts_of(text, separator), _quote(reply)
    step = _step(reply, len(parts))
    if step is None:
        start = text.find(quote) if quote and text.count(quote) == 1 else -1
        return place_at(text, start, start + len(quote), separator) if start >= 0 else None
    start, end = parts[step]
    found = text.find(quote, start, end) if quote else -1
    if found >= 0:
        return place_at(text, found, found + len(quote), separator)
    return place_at(text, start, end, separator) if len(parts) > 1 else None


def _step(reply: str, steps: int) -> int | None:
    """The step that was named last in the form that was asked for, or the only one that is mentioned; from 0."""
    named = [number for found in _STEP.findall(reply) if 1 <= (number := int("".join(found))) <= steps]
    mentioned = set(map(int, _MENTIONED.findall(reply)))
    if not named and len(mentioned) == 1:
        named = [number for number in mentioned if 1 <= number <= steps]
    return named[-1] - 1 if named else None


def _quote(reply: str) -> str:
    """The words that were quoted last, without quotation marks and without the number of a step in front of them."""
    found = _QUOTE.findall(reply)
    return re.sub(r"^\d{1,6}: ", "", found[-1].strip(_MARKS)).strip(_MARKS) if found else ""
