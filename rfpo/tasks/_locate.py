"""The place of the first error of an answer whose right text is the only right one."""

import re

from rfpo.records import Location

UNITS = {"character": r"(?s).", "word": r"\S+", "line": r"[^\n]+"}
NOWHERE = "nowhere"
CHOICES = (NOWHERE, *UNITS)


def first_difference(text: str, span: tuple[int, int], right: str, unit: str) -> Location | None:
    """The first `unit` in which the answer text[start:end] differs from `right`, counted from 0. An answer that ends too
    early is wrong at its end, where the span is empty. None when no unit differs, or `unit` is "nowhere".

    >>> first_difference("ainoma", (0, 6), "ainomma", "character")
    Location(step=5, start=5, end=6, description='character 5')
    """
    if unit == NOWHERE:
        return None
    start, end = span
    found = [(match.group(), start + match.start(), start + match.end()) for match in re.finditer(UNITS[unit], text[start:end])]
    wanted = re.findall(UNITS[unit], right)
    for step, (here, begin, finish) in enumerate(found):
        if step >= len(wanted) or here != wanted[step]:
            return Location(step, begin, finish, f"{unit} {step}")
    if len(found) < len(wanted):
        return Location(len(found), end, end, f"{unit} {len(found)}")
    return None
