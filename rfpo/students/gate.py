"""The gate: what a student must be able to do, and must not, before an experiment may start from it.

`python -m rfpo.students.gate column_addition`, or `rfpo students gate`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, log1p
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rfpo import students
from rfpo.batch import collate
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.pieces import find
from rfpo.records import Attempt, Outcome, Prompt, RandomKey, Request, Sample, Sampling
from rfpo.students.dialect import template
from rfpo.students.follow import Followed, follow
from rfpo.students.follow import table as followed_table
from rfpo.students.rates import Rates
from rfpo.students.specialists import Specialist
from rfpo.tasks import Task

DRAWS = 256  # plain samples that a stuck prompt must survive
MAX_TOKENS = 64


@dataclass(frozen=True)
class Line:
    """One requirement: what was measured, the bound, and whether it is kept."""

    text: str
    value: float
    bound: str
    passed: bool


@dataclass(frozen=True)
class GateReport:
    """`stuck` is the expected number of training prompts without a success in 256 plain samples, H; `followed` says how well
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
class _Measured:
    """p: probability of the right answer to each prompt; stuck: indices of H; shares of H that one try corrects."""

    p: list[float]
    survives: list[float]
    stuck: list[int]
    located: float
    elsewhere: float
    tokens: float
    sampled: float
    computed: float


def gate(name: str, subject: str = "", rates: Rates | None = None, prompts: int = 400, confirm: int = 32, seed: int = 0
         ) -> GateReport:
    """Measure a shipped student by name, or a model directory. `subject` names its specialist; the directory's own name does
    when it is left out.

    The right answer has one text, so its probability p is computed and not sampled: a prompt is in H with probability
    (1-p)^256, and all figures of plain sampling are expectations over that. `confirm` prompts are sampled 64 times each to
    hold the computed p against. Corrections are sampled, one try each. `rates` are those that the student was taught; its
    specialist's when left out.
    """
    folder = Path(name) if name not in students.names() and Path(name).is_dir() else students.path(name)
    subject = subject or folder.name
    specialist = find(Specialist.room, subject)()
    task = specialist.task(size=prompts)
    engine = LocalEngine.load(Model(path=str(folder), precision="fp32", device="cpu"), Optimizer())
    measured = _measure(engine, task, list(task.training_prompts()), confirm, seed)
    followed = follow(engine, specialist, rates or specialist.rates)
    return GateReport(subject, prompts, sum(measured.survives), _judge(measured), followed)


def solve_probability(engine: LocalEngine, prompts: Sequence[Prompt]) -> list[float]:
    """pi(solution, end of sequence | prompt), in one teacher-forced pass."""
    end = engine.text.tokenizer.eos_token_id
    return sequence_probability(engine, [(engine.encode(prompt.content), (*engine.encode(prompt.solution), end))
                                         for prompt in prompts])


def sequence_probability(engine: LocalEngine, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[float]:
    """pi(tokens | context) of each (context, tokens)."""
    samples = [Sample(context=context, tokens=tokens, trained=(True,) * len(tokens), outcome=Outcome.SOLVED, reward=0.0,
                      group=(str(index), 0)) for index, (context, tokens) in enumerate(rows)]
    batch = engine.score(collate(samples, max_length=MAX_TOKENS), frozenset({"old"}))
    return batch.old.double().sum(-1).exp().tolist()


def correction_prompt(prompt: Prompt, attempt: str, step: int) -> str:
    return template("fix_located").substitute(question=prompt.text, attempt=attempt, step=step)


def _measure(engine: LocalEngine, task: Task, prompts: list[Prompt], confirm: int, seed: int) -> _Measured:
    p = solve_probability(engine, prompts)
    survives = [exp(DRAWS * log1p(-min(x, 1 - 1e-12))) for x in p]
    attempts = [drawn[0] for drawn in _ask(engine, task, prompts, [prompt.content for prompt in prompts], "rollout", seed)]
    stuck = [i for i, share in enumerate(survives) if share > 0.5 and attempts[i].wrong and attempts[i].verdict.location]
    steps = [attempts[i].verdict.location.step for i in stuck]
    tries = {}
    for purpose, told in (("located", steps), ("elsewhere", steps[1:] + steps[:1])):
        asked = [correction_prompt(prompts[i], attempts[i].completion.text, step) for i, step in zip(stuck, told, strict=True)]
        tries[purpose] = [drawn[0] for drawn in _ask(engine, task, [prompts[i] for i in stuck], asked, purpose, seed)]
    few = prompts[:confirm]
    again = _ask(engine, task, few, [prompt.content for prompt in few], "confirm", seed, n=64)
    spent = sum(len(attempt.completion.tokens) for attempt in tries["located"])
    plain = sum(len(attempts[i].completion.tokens) for i in stuck)
    return _Measured(p, survives, stuck, _solved(tries["located"]), _solved(tries["elsewhere"]), spent / max(1, plain),
                     sampled=_solved([attempt for drawn in again for attempt in drawn]), computed=sum(p[:confirm]) / confirm)


def _ask(engine, task: Task, prompts, contents, purpose: str, seed: int, n: int = 1) -> list[list[Attempt]]:
    sampling = Sampling(max_tokens=MAX_TOKENS)
    requests = [Request(prompt, content, RandomKey(seed, prompt=prompt.id, purpose=purpose), n, sampling)
                for prompt, content in zip(prompts, contents, strict=True)]
    return [[Attempt(drawn, task.verify(drawn.request.prompt, drawn.text)) for drawn in answers]
            for answers in engine.sample(requests)]


def _solved(attempts: Sequence[Attempt]) -> float:
    return sum(attempt.solved for attempt in attempts) / max(1, len(attempts))


def _judge(m: _Measured) -> tuple[Line, ...]:
    size = max(sum(m.survives), 1e-9)
    stuck_share = sum(m.survives) / len(m.p)
    fresh = sum(share * (1 - share) for share in m.survives) / size
    pass1 = sum(share * x for share, x in zip(m.survives, m.p, strict=True)) / size
    resampled = sum(share * (1 - (1 - x) ** ceil(m.tokens)) for share, x in zip(m.survives, m.p, strict=True)) / size
    easy = sum((1 - share) * x for share, x in zip(m.survives, m.p, strict=True)) / max(len(m.p) - sum(m.survives), 1e-9)
    return (
        Line("share of the prompts in H", stuck_share, ">= 0.3", stuck_share >= 0.3),
        Line(f"share of H with a success in {DRAWS} fresh plain samples", fresh, "<= 0.02", fresh <= 0.02),
        Line("plain pass@1 on H", pass1, "<= 0.001", pass1 <= 0.001),
        Line("H solved by one try told the true place", m.located, ">= 0.2", m.located >= 0.2),
        Line("H solved by one try told another prompt's place", m.elsewhere, "<= half of that", m.elsewhere <= m.located / 2),
        Line("H solved by plain resampling for the same tokens", resampled, "<= 0.01", resampled <= 0.01),
        Line("plain pass@1 on the other prompts", easy, ">= 0.9", easy >= 0.9),
        Line(f"mean p sampled, computed {m.computed:.3f}", m.sampled, "within 0.03", abs(m.sampled - m.computed) <= 0.03),
    )


def main(names: Sequence[str]) -> int:
    reports = [gate(name) for name in names or students.names()]
    for report in reports:
        Console().print(*report.tables())
    return 0 if all(report.passed for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
