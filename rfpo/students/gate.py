"""The gate: what a student must be able to do, and must not, before an experiment may start from it.

`python -m rfpo.students.gate column_addition`, or `rfpo students gate`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rfpo import students
from rfpo.correction.operators.fix_located import elsewhere
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.pieces import find
from rfpo.records import Prompt, RandomKey
from rfpo.students import rates as taught_rates
from rfpo.students.dialect import is_graded, template
from rfpo.students.follow import Followed, follow
from rfpo.students.follow import table as followed_table
from rfpo.students.plain import DRAWS, Plain, ask, computed, sampled, solved
from rfpo.students.rates import Rates
from rfpo.students.specialists import Specialist
from rfpo.tasks import Task

TRIES = 4
"""Of a correction of each stuck prompt."""
SAMPLED = 96
"""At most so many prompts where p is not computed."""
ROOM = (0.15, 0.6)
"""Located corrections that succeed at such a rate leave methods room to differ. It is said, and not required."""


@dataclass(frozen=True)
class Line:
    """One requirement: what was measured, the bound, and whether it is kept."""

    text: str
    value: float
    bound: str
    passed: bool


@dataclass(frozen=True)
class GateReport:
    """`stuck` is the (expected) number of training prompts without a success in 256 plain samples, H; `followed` says how well
    each kind of correction prompt is followed."""

    name: str
    prompts: int
    stuck: float
    lines: tuple[Line, ...]
    followed: tuple[Followed, ...] = ()

    @property
    def passed(self) -> bool:
        return all(line.passed for line in (*self.lines, *self.followed))

    def tables(self) -> tuple[Table, Table]:
        return self.table(), followed_table(self.followed)

    def table(self) -> Table:
        title = f"{self.name}: {self.stuck:.0f} of {self.prompts} prompts are stuck (H)"
        table = Table("measured", "value", "required", "", title=title, title_justify="left")
        for line in self.lines:
            table.add_row(line.text, f"{line.value:.5f}", line.bound, "passed" if line.passed else "[bold]FAILED[/bold]")
        return table


@dataclass(frozen=True)
class Corrected:
    """Shares of the corrections of H that are right, told the true place and one that is not; and how many tokens one takes, in
    plain answers."""

    located: float
    elsewhere: float
    tokens: float


def gate(name: str, subject: str = "", rates: Rates | None = None, prompts: int = 400, confirm: int = 32, seed: int = 0
         ) -> GateReport:
    """Measure a shipped student by name, or a model directory. `subject` names its specialist; the directory's own name does
    when it is left out.

    Where the right answer has one text, its probability p is computed and not sampled: a prompt is in H with probability
    (1-p)^256, and all figures of plain sampling are expectations over that. `confirm` prompts are sampled 64 times each to
    hold the computed p against. Where it has several, at most SAMPLED prompts are sampled 256 times, and those of H once
    more. Corrections are sampled, TRIES of each. `rates` are those that the student was taught: when left out, what its
    directory says, or else its specialist.
    """
    folder = Path(name) if name not in students.names() and Path(name).is_dir() else students.path(name)
    subject = subject or folder.name
    specialist = find(Specialist.room, subject)()
    engine = LocalEngine.load(Model(path=str(folder), precision="fp32", device="cpu"), Optimizer())
    prompts = min(prompts, SAMPLED) if specialist.several_answers else prompts
    task = specialist.task(size=prompts)
    asked = task.training_prompts()
    plain = sampled(engine, task, asked, seed) if specialist.several_answers else computed(engine, task, asked, confirm, seed)
    lines = _judge(plain, _correct(engine, task, asked, plain, seed), is_graded(specialist))
    followed = follow(engine, specialist, rates or taught_rates.read(folder) or specialist.rates)
    return GateReport(subject, prompts, sum(plain.survives), lines, followed)


def correction_prompt(prompt: Prompt, attempt: str, step: int) -> str:
    return template("fix_located").substitute(question=prompt.text, attempt=attempt, step=step)


def _correct(engine: LocalEngine, task: Task, prompts: Sequence[Prompt], plain: Plain, seed: int) -> Corrected:
    wrong = [(prompts[index], plain.attempts[index]) for index in plain.stuck]
    places = [attempt.verdict.location for _, attempt in wrong]
    tries = {}
    others = [elsewhere(place, RandomKey(seed, prompt=prompt.id, purpose="elsewhere"))
              for place, (prompt, _) in zip(places, wrong, strict=True)]
    for purpose, told in (("located", [place.step for place in places]), ("elsewhere", [place.step for place in others])):
        questions = [(prompt, correction_prompt(prompt, attempt.completion.text, step))
                     for (prompt, attempt), step in zip(wrong, told, strict=True)]
        tries[purpose] = [one for drawn in ask(engine, task, questions, purpose, seed, n=TRIES) for one in drawn]
    spent = sum(len(attempt.completion.tokens) for attempt in tries["located"]) / TRIES
    once = sum(len(attempt.completion.tokens) for _, attempt in wrong)
    return Corrected(solved(tries["located"]), solved(tries["elsewhere"]), spent / max(1, once))


def _judge(plain: Plain, corrected: Corrected, graded: bool = False) -> tuple[Line, ...]:
    """The means over H weigh each prompt with the probability that it is in H; those over the others, that it is not.
    `graded`: no line is drawn between stuck prompts and easy ones, so it is not required to be sharp. Where p was sampled, H
    is small, and a single prompt of it may be solved afresh."""
    most = 0.02 if plain.computed is not None else max(0.02, 1 / max(1.0, sum(plain.survives)))
    share, located = sum(plain.survives) / len(plain.p), corrected.located
    fresh, pass1 = _mean(plain.fresh, plain.survives), _mean(plain.p, plain.survives)
    resampled = _mean([1 - (1 - p) ** ceil(corrected.tokens) for p in plain.p], plain.survives)
    easy = _mean(plain.p, [1 - survives for survives in plain.survives])
    room = "room" if ROOM[0] <= located <= ROOM[1] else "no room"
    lines = (
        Line("share of the prompts in H", share, ">= 0.3", share >= 0.3),
        Line(f"share of H with a success in {DRAWS} fresh plain samples", fresh,
             *_unless(graded, f"<= {most:.2g}", fresh <= most)),
        Line("plain pass@1 on H", pass1, "<= 0.001", pass1 <= 0.001),
        Line(f"H solved by one try told the true place ({room})", located, ">= 0.2", located >= 0.2),
        Line("H solved by one try told a place that is not the true one", corrected.elsewhere, "<= half of that",
             corrected.elsewhere <= located / 2),
        Line("H solved by plain resampling for the same tokens", resampled, "<= 0.01", resampled <= 0.01),
        Line("plain pass@1 on the other prompts", easy, *_unless(graded, ">= 0.9", easy >= 0.9)),
    )
    if plain.computed is None:
        return lines
    return (*lines, Line(f"mean p sampled, computed {plain.computed:.3f}", plain.sampled, "within 0.03",
                         abs(plain.sampled - plain.computed) <= 0.03))


def _unless(free: bool, bound: str, passed: bool) -> tuple[str, bool]:
    return ("not required", True) if free else (bound, passed)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / max(sum(weights), 1e-9)


def main(names: Sequence[str]) -> int:
    reports = [gate(name) for name in names or students.names()]
    for report in reports:
        Console().print(*report.tables())
    return 0 if all(report.passed for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
