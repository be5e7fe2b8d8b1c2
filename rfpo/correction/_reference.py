"""Worked references: how the solution of a prompt is told step by step, and how much of it a beginning is."""

import re
from collections.abc import Iterable
from math import ceil, floor

from rfpo.records import Prompt

UNITS = ("steps", "words", "characters")
"""In what a beginning is measured."""

BREAKS = (r"\n+", r"(?<=[.!?])\s+", r";\s*")
"""Where a step ends, the first of them that makes more than one: a line, a sentence, a semicolon."""


def worked(prompt: Prompt) -> str | None:
    """The prompt's worked solution: `data["worked"]` where there is one, else its `solution`; None for neither."""
    text = prompt.data.get("worked") or prompt.solution
    return text if isinstance(text, str) and text.strip() else None


def steps_of(text: str) -> list[str]:
    """The text cut into steps, which are the whole text again when they are put together: its lines, else its sentences, else
    what semicolons part. A text without any of them is one step, and an empty one has none.

    >>> steps_of("7502;4813;132")
    ['7502;', '4813;', '132']
    """
    for pattern in BREAKS:
        steps = _cut(text, (match.end() for match in re.finditer(pattern, text)))
        if len(steps) > 1:
            return steps
    return [text] if text else []


def beginning(text: str, share: float, unit: str = "steps") -> str:
    """The first `share` of a text, in whole steps, words or characters.

    In steps a share above 0 is at least one step, and one below 1 leaves out the last, which holds the answer: of a text of
    one step nothing is left. In words and characters it is rounded down.

    >>> beginning("7502;4813;132", 0.5)
    '7502;4813;'
    """
    if share >= 1:
        return text
    if unit == "steps":
        steps = steps_of(text)
        return "".join(steps[: min(ceil(share * len(steps) - 1e-9), len(steps) - 1)])
    if unit == "words":
        words = re.findall(r"\s*\S+", text)
        return "".join(words[: floor(share * len(words) + 1e-9)])
    return text[: floor(share * len(text) + 1e-9)]


def _cut(text: str, ends: Iterable[int]) -> list[str]:
    """Blank pieces are joined to what stands before them."""
    steps: list[str] = []
    start = 0
    for end in (*ends, len(text)):
        piece, start = text[start:end], end
        if piece and (piece.strip() or not steps):
            steps.append(piece)
        elif piece:
            steps[-1] += piece
    if len(steps) > 1 and not steps[0].strip():
        steps[:2] = [steps[0] + steps[1]]
    return steps
