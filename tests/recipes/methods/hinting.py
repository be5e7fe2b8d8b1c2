"""Recipes that hint, or that begin the answer, on a group of four: what the model was told, and what was trained."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

import pytest

from rfpo.critics import Critic
from rfpo.records import Request
from tests.recipes.played import played
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT

WRONG = [CARRY, RESULT, CARRY, RESULT]
HINTS = ["mind the carry", "write every carry down", "column one carries"]
HINTED = replace(HARD, data={"hints": HINTS})

WHEN_STUCK = ["scaf_grpo", "ghpo", "sage", "hint", "guide", "nurl", "hint_grpo", "bread", "pope"]
ALL = [*WHEN_STUCK, "g2rpo_a", "uft", "prefix_rft", "questa"]
TRIES = {"scaf_grpo": 1, "nurl": 3, "g2rpo_a": 2, "prefix_rft": 1}  # of a group of four; else as many as it has


@dataclass(frozen=True)
class Teacher(Critic):
    """Gives the same hint to every question."""

    def answer(self, requests: Sequence[Request]) -> list[tuple[str, ...]]:
        return [(HINTS[0],) * request.n for request in requests]


def beginning(request) -> str:
    """What was put at the beginning of the answer."""
    return "".join(chr(token - 1) for token in request.prefix if token)


def plays(name, right=lambda request, number: number % 2 == 1, answers=WRONG, **changes):
    """The recipe on a group of four; `right` says of a try's request and number whether it ends well, and what is asked on the
    way to it is answered with the hint of its level."""
    count, levels = TRIES.get(name, 4), iter(range(10**6))

    def script(request, j):
        if request.key.purpose == "rollout":
            return answers[j]
        if not request.judged:
            return HINTS[next(levels) % len(HINTS)]
        put = beginning(request)
        good = right(request, request.key.attempt)
        return RIGHT[len(put):] if good else CARRY[len(put):] if CARRY.startswith(put) else "0"

    critic = {"fixing__critic": f"{__name__}:Teacher"} if name in ("hint", "guide") else {}
    return played(name, script, **({"prompts": [HINTED], "fixing__operator__n": count, "progress": 0.5} | critic | changes))


def texts(rows):
    return [row.text for row in rows]


def advantages(rows):
    return [row.advantage for row in rows]


def scored(*rewards):
    """The z-scores of these rewards, with the unbiased deviation, as GRPO has them."""
    return pytest.approx([(reward - fmean(rewards)) / stdev(rewards) for reward in rewards], rel=1e-3)


HALF = scored(0, 1, 0, 1)
