"""One frozen set of rollouts and corrections, an update of every arm on it: an hour's question in a minute.

The first arm that corrects samples and corrects for all (the source); nothing is updated meanwhile. Every arm that differs from
it only in what happens after the corrections (objective, streams, merge, refused leaks, rewards, optimizer), or that makes
none, is then trained on the same groups and corrections, from the same weights, at the run's full learning rate:

    one     one update over all draws of the set
    even    along the same gradient itself and not Adam's signs of it, a step equally long for all arms
    steps   an update for each draw, as in training, but for corrections that stay those of the untrained policy; the old
            log-probs, and so R_off, are those of the policy as it then is

Arms are ranked by the change of log pi(solution | q) on held-out stuck prompts after `one`, the mean over several sets, with
the standard error over sets. An arm is called above or below the source when the 95% Student interval of its paired difference
lies on one side of 0; that is not corrected for the number of arms.

What it can rank: the direction of the first update. What it cannot:

- How heavy an update is. Adam's first one moves each weight by lr g / (|g| + epsilon), whatever the scale of g as long
  as it is well above epsilon, so that a factor on all rows alike cannot show; only how rows weigh against each other does. Nor
  does `even` show it. The gradient's norm is reported for that.
- What comes later: a weight that falls as the policy turns to the corrections, the clip (the ratio is 1 in a first update, and
  arms that differ in its bounds are the same), a faded help, a fresh mistake.
- Pass@1, mostly: stuck prompts seldom come loose after a few updates. The chance of the very solution moves first.
- Where answers may be written otherwise than the solution, log pi(solution | q) is that of one right answer among several.
- Arms that correct otherwise, draw other answers, or follow another arm's ledger: those are left out, and named.

A ranking here says what to study, and takes no study's place.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rfpo.config.refuse import refuse_columns, refuse_lengths
from rfpo.config.run import Run
from rfpo.errors import UserError
from rfpo.reporting.wording import duration
from rfpo.study._offline_frozen import Variants, freeze, variants
from rfpo.study._offline_probe import Probe
from rfpo.study._offline_said import SetSaid, TaskSaid
from rfpo.study._offline_shown import caption, left_out_line, ranking, title, write_offline
from rfpo.study.base import Classes, Student, sort
from rfpo.study.course import versions
from rfpo.study.plan import Measure
from rfpo.study.results import Base
from rfpo.study.study import Where
from rfpo.study.watch import prompts_by_id
from rfpo.training.bench import Bench
from rfpo.training.prepare import load_engine, verifier

SETS, DRAWS = 4, 4
"""Frozen sets a task, and steps' worth of prompts in each."""
STUCK, OTHER = 32, 16
"""Held-out prompts at most."""
SORTING = Measure(stuck_prompts=STUCK, other_prompts=OTHER, stuck_draws=16, beyond_draws=0)
"""How held-out prompts are sorted where the study has not done it yet."""


class _Silent:
    """A screen that shows nothing."""

    def phase(self, name: str, total: int | None = None) -> None: ...
    def extend(self, n: int) -> None: ...
    def advance(self, n: int = 1) -> None: ...
    def note(self, text: str) -> None: ...


def offline(where: Where, console: Console, sets: int = SETS, draws: int = DRAWS) -> list[TaskSaid]:
    """Every task of the plan, on sets of the seeds from pilot_seed on, which the study itself does not use. Prints a table a
    task; writes offline.json and offline.html into the plan's directory.

    Raises UserError for a plan without an arm that corrects, and for a task on which no correction came about or no held-out
    stuck prompt has a solution."""
    plan, course, started = where.plan, where.course(), time.perf_counter()
    said = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("left")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        shared = {task: [variants(plan, task, plan.pilot_seed + index) for index in range(sets)] for task in plan.tasks}
        total = sum(1 + 3 * len(each.runs) for found in shared.values() for each in found)
        bar = progress.add_task("", total=total)
        for task, found in shared.items():
            progress.update(bar, description=task)
            said.append(examine(task, found, course.bases.get(task), draws, lambda: progress.advance(bar)))
    seconds = time.perf_counter() - started
    for task in said:
        console.print(title(task), style="bold", highlight=False)
        console.print(ranking(task, console.width))
        console.print(f"{caption(task)}\n{left_out_line(task)}", highlight=False)
    page = write_offline(where, said, seconds)
    _write_json(where, said, seconds)
    console.print(f"{sets} sets of {draws} draws a task, in {duration(seconds)}. What this can and cannot tell: {page}",
                  soft_wrap=True, highlight=False)
    return said


def examine(task: str, found: Sequence[Variants], known: Base | None = None, draws: int = DRAWS,
            done: Callable[[], None] = lambda: None) -> TaskSaid:
    """One task: `found` has the variants of each set. `known` holds the held-out prompts; without it they are sorted here.
    `done` is called after each of a set's 1 + 3 * arms pieces of work."""
    first = found[0].runs[found[0].source]
    runs = list(found[0].runs.values())
    with verifier(first.tasks, first.verifier_seconds) as judge:
        engine = _engine(first, runs)
        prompts = tuple(prompt for each in first.tasks for prompt in each.training_prompts())
        refuse_lengths(first, engine.context_length, {prompt.id: len(engine.encode(prompt.content)) for prompt in prompts})
        bench = Bench(first, engine, judge, prompts, _Silent())
        probe = Probe(bench, _classes(bench, known))
        if not probe.right:
            raise UserError(f"tasks.{task}: no held-out stuck prompt has a solution, so that log pi(solution | q) cannot be "
                            "measured. Use a task with solutions, such as a student's own.")
        sets = tuple(said for each in found if (said := _set(probe, each, draws, done)))
    if not sets:
        raise UserError(f"tasks.{task}: arms.{found[0].source} corrected no stuck group, so that arms cannot be told apart. "
                        "Raise fixing.operator.tries, or use another task.")
    classes = probe.classes
    return TaskSaid(task, found[0].source, sets, found[0].left_out, draws, len(classes.stuck), len(classes.other))


def _engine(source: Run, runs: list[Run]):
    """One engine for all: it offers what any of them needs."""
    losses = [loss for run in runs for loss in (run.objective, *(stream.loss for stream in run.streams.values()))]
    engine = load_engine(source.model, optimizer=source.optimizer, temperature=source.sampling.temperature,
                         tokens_per_micro_batch=source.tokens_per_micro_batch, seed=source.seed,
                         reference=any("reference" in loss.needs for loss in losses))
    for run in runs:
        refuse_columns(run, engine.offers)
    if source.fixing.critic:
        source.fixing.critic.check()
    return engine


def _classes(bench: Bench, known: Base | None) -> Classes:
    prompts = tuple(prompt for task in bench.run.tasks for prompt in task.evaluation_prompts())
    if known:
        return Classes(prompts_by_id(prompts, known.stuck[:STUCK]), prompts_by_id(prompts, known.other[:OTHER]))
    return sort(Student(bench.engine, bench.judge, bench.run.sampling), prompts, SORTING)


def _set(probe: Probe, shared: Variants, draws: int, done: Callable[[], None]) -> SetSaid | None:
    """None for a set without a correction, on which no arm differs from plain answers."""
    source = shared.runs[shared.source]
    probe.reset(source)
    frozen = freeze(replace(probe.bench, run=source), draws)
    if not frozen.corrections:
        return None
    before = probe.read(frozen, sampled=True)
    done()
    effects = {arm: probe.effect(run, frozen, before, done) for arm, run in shared.runs.items()}
    return SetSaid(source.seed, frozen.groups, frozen.stuck, len(frozen.corrections), before, effects)


def _write_json(where: Where, said: list[TaskSaid], seconds: float) -> Path:
    told = {"plan": where.plan.name, "hash": where.plan.hash, "command": where.command, "versions": versions(),
            "seconds": round(seconds, 1), "tasks": [asdict(task) for task in said]}
    path = where.directory / "offline.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path

