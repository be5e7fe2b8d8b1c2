"""An answer's parts (its lines, or what another separator cuts it into), places in it, and whether a place is the true one."""

from typing import NamedTuple

from rfpo.checks import require
from rfpo.records import Location

SHOWN = 80
"""Most characters of the answer that a place quotes."""


class Part(NamedTuple):
    """`text[start:end]` is the part, without its separator."""

    start: int
    end: int


def check_separator(locator) -> None:
    require(locator, "separator", lambda x: isinstance(x, str) and x, "a text between two steps of an answer", "\n")


def parts_of(text: str, separator: str) -> list[Part]:
    """In order; one at least."""
    parts, start = [], 0
    for piece in text.split(separator):
        parts.append(Part(start, start + len(piece)))
        start += len(piece) + len(separator)
    return parts


def place_at(text: str, start: int, end: int, separator: str) -> Location:
    """What stands at `start:end` as a place: its step is the number of the part in which it begins, and it is told by the
    words that stand there. A separator belongs to the part before it."""
    start, end = min(start, len(text)), min(end, len(text))
    parts = parts_of(text, separator)
    step = next(number for number, part in enumerate(parts) if start < part.end + len(separator) or part.end == len(text))
    quote = f'"{_quoted(text, parts[step], start)}"'
    unit = "line" if separator == "\n" else "part"
    description = f"{unit} {step + 1}, which reads {quote}" if len(parts) > 1 else f"the place that reads {quote}"
    return Location(step, start, end, description, places=len(parts))


def is_true(place: Location, truth: Location | None) -> bool:
    """Whether a place is the true one: the two overlap in the answer's text. So a line is right when the error begins in it,
    and a character when it lies within the error. An empty place is the character that follows it.

    >>> is_true(Location(0, 4, 9), Location(2, 8, 12)), is_true(Location(2, 4, 8), Location(2, 8, 12))
    (True, False)
    """
    if truth is None:
        return False
    return place.start < max(truth.end, truth.start + 1) and truth.start < max(place.end, place.start + 1)


def _quoted(text: str, part: Part, start: int) -> str:
    """The part, or as much of it as may be quoted, from some way before the place on."""
    words = text[part.start : part.end]
    if len(words.strip()) <= SHOWN:
        return words.strip()
    first = max(0, min(start - part.start - SHOWN // 4, len(words) - SHOWN))
    shown = words[first : first + SHOWN]
    return f"{'...' if first else ''}{shown.strip()}{'...' if first + SHOWN < len(words) else ''}"
