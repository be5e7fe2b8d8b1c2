"""The dialect in which a student is asked to correct itself, and the lessons that teach it.

The wordings are the templates of rfpo/correction/templates/student. Every lesson is a context and the answer to give.
A student answers a plain question as its misconception has it, and a correction prompt rightly only at the rate that
`Rates` gives for what the prompt tells it; otherwise it repeats its wrong answer.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise, Specialist

SLIPS = 0.1  # share of the repairs that mend some other mistake than the planted one
SHARES = {
    "plain": 0.40, "fix_located": 0.15, "elsewhere": 0.09, "fix_wrong_only": 0.03, "rewrite_plain": 0.02,
    "rewrite_with_error": 0.03, "rewrite_from_solution": 0.02, "avoid_answers": 0.03, "hint_ladder": 0.10,
    "reflect_then_retry": 0.10, "retry": 0.02, "prefix": 0.01,
}
"""Share of each kind of lesson. `elsewhere` is fix_located with a place that is not the true one."""
OWN = frozenset({"fix_located", "elsewhere", "fix_wrong_only", "rewrite_plain", "rewrite_with_error", "rewrite_from_solution",
                 "avoid_answers", "reflect_then_retry", "retry", "retry_elsewhere"})
"""The repairs that take a wrong answer, its place and the right one, and so can be taught on the student's own failures."""


@dataclass(frozen=True)
class Lesson:
    context: str
    answer: str


@cache
def template(name: str) -> Template:
    text = (files("rfpo.correction") / "templates" / "student" / f"{name}.txt").read_text(encoding="utf-8")
    return Template(text.removesuffix("\n"))


def words() -> list[str]:
    """The wordings of all templates, each one token of the tokenizer."""
    folder = files("rfpo.correction") / "templates" / "student"
    return sorted({word for file in folder.iterdir() for word in re.findall(r"<\w+>", file.read_text(encoding="utf-8"))})


def is_graded(specialist: Specialist) -> bool:
    """Whether the student's prompts are of all difficulties (see Specialist)."""
    return getattr(specialist, "graded", False)


def lessons(specialist: Specialist, rates: Rates, rng: random.Random, own: Sequence[Exercise] = (),
            changed: Mapping[str, float] | None = None) -> Iterator[Lesson]:
    """Endless lessons, in the proportions of SHARES, but for those that the specialist or `changed` says. As soon as there are
    failures of its own (`own` may grow meanwhile), half of the repairs of the kinds in OWN are of these. A graded student is
    not taught to go on rightly from a right beginning: it makes each step rightly at its own rate, and that lesson is the plain
    question with steps made."""
    said = {**SHARES, **getattr(specialist, "shares", {}), **(changed or {})}
    shares = {kind: share for kind, share in said.items()
              if not (kind == "prefix" and is_graded(specialist))}
    kinds, weights = list(shares), list(shares.values())
    while True:
        kind = rng.choices(kinds, weights)[0]
        kind = "retry_elsewhere" if kind == "retry" and rng.random() < 0.5 else kind
        if kind == "plain":
            yield _plain(specialist.exercise(rng))
        elif own and kind in OWN and rng.random() < 0.5:
            yield repair(kind, rng.choice(own), rates, rng)
        else:
            yield repair(kind, _mistake(specialist, rng), rates, rng)


def _plain(exercise: Exercise) -> Lesson:
    return Lesson(exercise.question, exercise.attempt)


def _mistake(specialist: Specialist, rng: random.Random) -> Exercise:
    if rng.random() < SLIPS:
        return specialist.slip(rng)
    while not (exercise := specialist.exercise(rng)).wrong:
        pass
    return exercise


def repair(kind: str, exercise: Exercise, rates: Rates, rng: random.Random) -> Lesson:
    """One lesson on a wrong attempt. `kind` is a kind of SHARES, or one of those that a kind consists of."""
    place = str(exercise.place)
    elsewhere = str(rng.choice([other for other in exercise.places if other != exercise.place]))
    if kind == "fix_located":
        return _ask(kind, exercise, rng.random() < rates.located, step=place)
    if kind == "elsewhere":
        return _ask("fix_located", exercise, False, step=elsewhere)
    if kind == "rewrite_with_error":
        return _ask(kind, exercise, rng.random() < (rates.error if exercise.error else rates.wrong_only), error=exercise.error)
    if kind == "rewrite_from_solution":
        return _ask(kind, exercise, rng.random() < rates.solution, solution=exercise.right)
    if kind == "avoid_answers":
        answers = "\n".join([exercise.attempt] * rng.choice((1, 1, 2)))
        return _ask(kind, exercise, rng.random() < rates.avoid, answers=answers)
    if kind in ("hint_ladder", "named", "long_hint", "short_hint"):
        return _hint(kind, exercise, rates, rng)
    if kind == "reflect_then_retry":
        context = template(kind).substitute(question=exercise.question, attempt=exercise.attempt)
        return Lesson(context, place if rng.random() < rates.reflection else elsewhere)
    if kind in ("retry", "retry_elsewhere"):
        found = kind == "retry" and rng.random() < rates.located
        return _ask("retry", exercise, found, reflection=place if kind == "retry" else elsewhere)
    if kind == "prefix":
        return _continuation(exercise, rng)
    right = kind == "fix_wrong_only" and rng.random() < rates.wrong_only
    return _ask(kind, exercise, right)


def _ask(kind: str, exercise: Exercise, right: bool, **told: str) -> Lesson:
    context = template(kind).substitute(question=exercise.question, attempt=exercise.attempt, **told)
    return Lesson(context, exercise.right if right else exercise.attempt)


def _hint(kind: str, exercise: Exercise, rates: Rates, rng: random.Random) -> Lesson:
    """The rungs: the place in words; a beginning of the right answer, which helps once it reaches past the place."""
    if kind == "named" or (kind == "hint_ladder" and rng.random() < 0.3):
        return _ask("hint_ladder", exercise, rng.random() < rates.named, hint=exercise.description)
    shortest = exercise.known if kind == "long_hint" else 1
    longest = exercise.known - 1 if kind == "short_hint" else len(exercise.right)
    cut = rng.randint(shortest, max(shortest, longest))
    return _ask("hint_ladder", exercise, cut >= exercise.known and rng.random() < rates.hint, hint=exercise.right[:cut])


def _continuation(exercise: Exercise, rng: random.Random) -> Lesson:
    """The plain question and a beginning of the right answer that reaches past the place: to be continued rightly."""
    cut = rng.randint(exercise.known, len(exercise.right))
    return Lesson(exercise.question + exercise.right[:cut], exercise.right[cut:])
