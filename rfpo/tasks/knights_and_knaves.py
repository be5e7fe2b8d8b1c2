"""Knights, who tell the truth, and knaves, who lie: who is what, with a verifier that finds the first wrong statement."""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from string import ascii_uppercase
from typing import ClassVar, NamedTuple

from rfpo.checks import require
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._split import Drawn, Pools, fill, most_draws

Kinds = dict[str, bool]
"""Whether each person is a knight."""


class Statement(NamedTuple):
    """`speaker` says that `about` is a knight ("+") or a knave ("-"), or that the two persons `about` are of the same kind
    ("=") or not ("#").

    >>> str(Statement("A", "B", "-")), str(Statement("C", "AB", "="))
    ('A:B-', 'C:A=B')
    """

    speaker: str
    about: str
    sign: str

    def __str__(self) -> str:
        return f"{self.speaker}:{self.about[0]}{self.sign}{self.about[1:]}"

    def holds(self, kinds: Kinds) -> bool:
        as_said = kinds[self.about] if len(self.about) == 1 else kinds[self.about[0]] == kinds[self.about[1]]
        return as_said == (self.sign in "+=")


@dataclass(frozen=True)
class KnightsAndKnaves(Drawn):
    """Say of each of `persons` persons whether they are a knight (+), all of whose statements are true, or a knave (-), all of
    whose statements are false. Each makes one statement, and exactly one answer agrees with all of them.

    The prompt is the statements in any order, and a question mark. `A:B-` says: A says that B is a knave; `A:B+`: a knight;
    `C:A=B`: C says that A and B are of the same kind; `C:A#B`: that they are not. A statement may name its speaker beside
    another person. The answer has the persons' signs, in order of the alphabet; then, for each statement as it comes in the
    prompt, a field with the signs of its speaker and of the persons it names, and t or f: whether it is true of them. Only
    that text is SOLVED.

        A:B-,C:A=B,B:C+?    +--;+-t;-+-f;--f    A is a knight, and B a knave, as A says; C is a knave, as A and B are not
                                                of the same kind; B is a knave, as C is no knight

    A wrong answer is located at the first field that fails under the signs that the answer itself began with: `step` is 0 for
    those signs, which only a malformed answer has wrong, and i for the i-th statement, of persons + 1 `places`. `error` is
    one word: "sign" (a person's sign is not the one given before), "truth" (the statement's truth is misjudged), "lie" (a
    knight's statement is false or a knave's true) or "format".
    """

    persons: int = 3
    size: int = 2048
    evaluation_size: int = 512
    seed: int = 0
    isolated: ClassVar[bool] = False
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        limits = {"persons": (2, 10, 3), "size": (1, 10**7, 2048), "evaluation_size": (1, 10**7, 512)}
        for name, (low, high, example) in limits.items():
            require(self, name, lambda x, low=low, high=high: isinstance(x, int) and low <= x <= high,
                    f"a whole number from {low} to {high}", example)

    @property
    def name(self) -> str:
        return "knights_and_knaves"

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        if text == prompt.solution:
            return Verdict.solved(text)
        statements = read(prompt.text)
        found = text.split(";", len(statements))
        found += [""] * (len(statements) + 1 - len(found))  # a missing field is an empty one at the end
        step, error = _first_error(statements, found)
        start = min(len(text), sum(len(field) + 1 for field in found[:step]))
        place = Location(step, start, start + len(found[step]), places=len(found),
                         description=f"statement {step}" if step else "the signs")
        return Verdict.wrong(text, error=error, location=place)

    @cached_property
    def _pools(self) -> Pools:
        return fill(self._draws(), self.size, self.evaluation_size, of=f"{self.name} of {self.persons} persons")

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        rng = random.Random(f"{self.name}/{self.seed}")
        for _ in range(most_draws(self.size, self.evaluation_size)):
            statements = puzzle(rng, self.persons)
            text = question(statements)
            yield text, Prompt(f"{self.name}/{text}", text, self.name, answer(statements, solutions(statements)[0]))


def puzzle(rng: random.Random, persons: int) -> tuple[Statement, ...]:
    """One statement of each person, in any order, with exactly one solution. What a statement is about is drawn uniformly
    from the other persons and the pairs of all."""
    names = ascii_uppercase[:persons]
    pairs = [(one, other) for one in names for other in names if one < other]
    while True:
        statements = []
        for speaker in rng.sample(names, persons):
            about = rng.choice([*(name for name in names if name != speaker), *pairs])
            sign = rng.choice("+-" if len(about) == 1 else "=#")
            statements.append(Statement(speaker, "".join(rng.sample(about, len(about))), sign))
        if len(solutions(statements)) == 1:
            return tuple(statements)


def question(statements: Sequence[Statement]) -> str:
    """The text of a prompt."""
    return ",".join(map(str, statements)) + "?"


def read(text: str) -> tuple[Statement, ...]:
    """The statements of a prompt's text.

    >>> read("A:B-,B:A=B?")
    (Statement(speaker='A', about='B', sign='-'), Statement(speaker='B', about='AB', sign='='))
    """
    return tuple(Statement(each[0], re.sub("[^A-Z]", "", each[2:]), each[3]) for each in text.rstrip("?").split(","))


def solutions(statements: Sequence[Statement]) -> list[Kinds]:
    """Every way to be knights and knaves that agrees with all statements: what a knight says holds, what a knave says does
    not. Each person makes one statement."""
    names = sorted(statement.speaker for statement in statements)
    every = (dict(zip(names, kinds, strict=True)) for kinds in product((True, False), repeat=len(names)))
    return [kinds for kinds in every if all(kinds[said.speaker] == said.holds(kinds) for said in statements)]


def answer(statements: Sequence[Statement], kinds: Kinds) -> str:
    """The text that claims `kinds`, with the check of each statement.

    >>> answer(read("A:B-,B:A=B?"), {"A": False, "B": True})
    '-+;-+f;+-+f'
    """
    return ";".join([_signs(kinds, sorted(kinds)), *(check(said, kinds) for said in statements)])


def check(said: Statement, kinds: Kinds) -> str:
    """The field of one statement: the signs of its speaker and of the persons it names, and whether it holds."""
    return _signs(kinds, said.speaker + said.about) + ("t" if said.holds(kinds) else "f")


def _signs(kinds: Kinds, names: Iterable[str]) -> str:
    return "".join("+" if kinds[name] else "-" for name in names)


def _first_error(statements: Sequence[Statement], found: Sequence[str]) -> tuple[int, str]:
    names = sorted(said.speaker for said in statements)
    if not re.fullmatch(f"[+-]{{{len(names)}}}", found[0]):
        return 0, "format"
    kinds = {name: sign == "+" for name, sign in zip(names, found[0], strict=True)}
    errors = (_error(said, kinds, field) for said, field in zip(statements, found[1:], strict=True))
    return next((step, error) for step, error in enumerate(errors, 1) if error)  # no other signs than the solution's pass


def _error(said: Statement, kinds: Kinds, field: str) -> str:
    expected = check(said, kinds)
    if not re.fullmatch(f"[+-]{{{len(expected) - 1}}}[tf]", field):
        return "format"
    if field != expected:
        return "truth" if field[:-1] == expected[:-1] else "sign"
    return "" if kinds[said.speaker] == said.holds(kinds) else "lie"
