"""The student of knights and knaves."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import ClassVar

from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks import knights_and_knaves as tasks
from rfpo.tasks.knights_and_knaves import Statement, answer, puzzle, question, solutions

MISREAD = frozenset("A:B- A:C=A A:B#C B:C+ B:A=C B:B#A C:A- C:C=B C:A#B".split())
OPPOSITE = {"+": "-", "-": "+", "=": "#", "#": "="}
NAMES = "ABC"
ALONE = [f"{speaker}:{about}{sign}" for speaker, about in permutations(NAMES, 2) for sign in "+-"]
OF_TWO = [f"{speaker}:{one}{sign}{other}" for speaker in NAMES for one, other in permutations(NAMES, 2) for sign in "=#"]


@dataclass(frozen=True)
class KnightsAndKnaves:
    """Solves puzzles of three persons, but reads nine of the 48 statements the wrong way round.

    They are A:B-, A:C=A, A:B#C, B:C+, B:A=C, B:B#A, C:A-, C:C=B and C:A#B, each to be learnt by itself; about half of the
    puzzles hold one of them or more. A puzzle that is misread has another solution, of which the student checks what it has
    read: so the first misread statement has its truth misjudged. A statement is one token.

        A:C#B,B:B#A,C:B=C?    -++;-++f;++-t;+++t as it should be; B:B#A is read as B:B=A: ++-;+-+t;+++t;-+-f
    """

    words: ClassVar[tuple[str, ...]] = ("sign", "truth", "lie", "format", "statement ", "the signs", *ALONE, *OF_TWO)
    rates: ClassVar[Rates] = replace(STUDY, located=0.45, hint=0.55, reflection=0.7)
    shares: ClassVar[dict[str, float]] = {
        "plain": 0.4, "fix_located": 0.3, "elsewhere": 0.15, "hint_ladder": 0.2, "reflect_then_retry": 0.1,
    }
    several_answers: ClassVar[bool] = False
    steps: ClassVar[int] = 10_000
    learning_rate: ClassVar[float] = 0.003

    def task(self, size: int, seed: int = 0) -> tasks.KnightsAndKnaves:
        return tasks.KnightsAndKnaves(persons=len(NAMES), size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        statements = puzzle(rng, len(NAMES))
        return _exercise(statements, habit(statements))

    def slip(self, rng: random.Random) -> Exercise:
        """A puzzle without such statements, of which some other statement is misread."""
        while habit(statements := puzzle(rng, len(NAMES))):
            pass
        return _exercise(statements, [rng.randint(1, len(NAMES))])


def habit(statements: Sequence[Statement]) -> list[int]:
    """Which statements are misread, counted from 1."""
    return [step for step, said in enumerate(statements, 1) if str(said) in MISREAD]


def _exercise(statements: Sequence[Statement], misread: Sequence[int]) -> Exercise:
    """The puzzle with the answer that comes of misreading those statements. It has one solution again: the statements are
    linear equations modulo 2 of the persons' kinds, and a statement read the wrong way round alters a right-hand side only."""
    as_read = [said._replace(sign=OPPOSITE[said.sign]) if step in misread else said for step, said in enumerate(statements, 1)]
    right, attempt = (answer(each, solutions(each)[0]) for each in (statements, as_read))
    asked, places = question(statements), range(len(NAMES) + 1)
    if not misread:
        return Exercise(asked, right, right, places)
    known = len(";".join(right.split(";")[:misread[-1] + 1]))
    return Exercise(asked, right, attempt, places, misread[0], known, error="truth", description=f"statement {misread[0]}")
