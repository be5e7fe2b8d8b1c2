"""How well a student follows its dialect: for each thing that it may be told, the rate that was taught and the one it keeps."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from rich.table import Table

from rfpo.engines.protocols import Sampler
from rfpo.records import Outcome, Prompt, RandomKey, Request, Sampling
from rfpo.students.dialect import Lesson, is_graded, repair
from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise, Specialist
from rfpo.tasks import Task

TOLERANCE = 0.15
"""How far the rate that is kept may lie from the one that was taught: three standard errors of 1,000 answers are 0.05."""


@dataclass(frozen=True)
class Told:
    """A kind of lesson, and the name under which `Rates` holds its rate ("" if it is `always` the same)."""

    kind: str
    rate: str = ""
    always: float = 0.0

    def taught(self, rates: Rates) -> float:
        return getattr(rates, self.rate) if self.rate else self.always


TOLD = {
    "the true place": Told("fix_located", "located"), "another place": Told("elsewhere"),
    "that it is wrong": Told("fix_wrong_only", "wrong_only"), "nothing (a draft)": Told("rewrite_plain"),
    "what is wrong": Told("rewrite_with_error", "error"), "the solution": Told("rewrite_from_solution", "solution"),
    "an answer to avoid": Told("avoid_answers", "avoid"), "a hint that reaches past the place": Told("long_hint", "hint"),
    "a hint that does not": Told("short_hint"), "the place in words": Told("named", "named"),
    "a true reflection": Told("retry", "located"), "a false reflection": Told("retry_elsewhere"),
    "to reflect": Told("reflect_then_retry", "reflection"), "the answer's beginning": Told("prefix", always=1.0),
}
"""What the table calls each kind of lesson. Its rate is how often the student then answers rightly (or, asked to reflect,
names the true place)."""


@dataclass(frozen=True)
class Followed:
    told: str
    taught: float
    kept: float

    @property
    def passed(self) -> bool:
        return abs(self.kept - self.taught) <= TOLERANCE


def follow(engine: Sampler, specialist: Specialist, rates: Rates, count: int = 1000, seed: int = 0) -> tuple[Followed, ...]:
    """One sampled answer to each of `count` lessons of every kind, on mistakes of the misconception."""
    rng = random.Random(seed)
    mistakes = [_mistake(specialist, rng) for _ in range(count)]
    certain = Rates(**{field.name: 1.0 for field in fields(Rates)})
    task, followed = specialist.task(size=1), []
    for told, about in TOLD.items():
        if about.kind == "prefix" and is_graded(specialist):
            continue
        if about.kind == "rewrite_with_error" and not any(exercise.error for exercise in mistakes):
            about = replace(about, rate="wrong_only")
        asked = [repair(about.kind, exercise, certain, rng) for exercise in mistakes]
        answers = zip(mistakes, asked, _answers(engine, asked, told, seed), strict=True)
        kept = sum(_is_right(task, about.kind, *answer) for answer in answers) / count
        followed.append(Followed(told, about.taught(rates), kept))
    return tuple(followed)


def _is_right(task: Task, kind: str, exercise: Exercise, lesson: Lesson, answer: str) -> bool:
    """A reflection must name the true place. Anything else is judged as an answer; after a beginning, together with it."""
    if kind == "reflect_then_retry":
        return answer == lesson.answer
    begun = lesson.context.removeprefix(exercise.question) if kind == "prefix" else ""
    return task.verify(exercise.as_prompt(task.name), begun + answer).outcome is Outcome.SOLVED


def _mistake(specialist: Specialist, rng: random.Random) -> Exercise:
    while not ((exercise := specialist.exercise(rng)).wrong and exercise.known > 1):  # a shorter hint must exist
        pass
    return exercise


def _answers(engine: Sampler, lessons: Sequence[Lesson], told: str, seed: int) -> list[str]:
    requests = [Request(Prompt(id=f"{told} {i}", content=lesson.context, task=""), lesson.context,
                        RandomKey(seed, prompt=f"{told} {i}", purpose="follow"), 1, Sampling(max_tokens=64))
                for i, lesson in enumerate(lessons)]
    return [drawn[0].text for drawn in engine.sample(requests)]


def table(followed: Sequence[Followed]) -> Table:
    shown = Table("told", "taught", "kept", "", title="How often it then answers rightly", title_justify="left")
    for row in followed:
        verdict = "passed" if row.passed else "[bold]FAILED[/bold]"
        shown.add_row(row.told, f"{row.taught:.2f}", f"{row.kept:.2f}", verdict)
    return shown
