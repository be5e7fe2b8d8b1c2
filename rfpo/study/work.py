"""What a worker does: measure a student, or run a cell. Plain functions of their arguments, so that they run anywhere."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from rfpo.reporting.display import Display
from rfpo.reporting.store import RunStore
from rfpo.study.base import Student, base_of
from rfpo.study.cells import Cell
from rfpo.study.plan import Measure
from rfpo.study.results import Base, CellResult, Mark
from rfpo.study.tally import tally
from rfpo.study.watch import Watch, prompts_by_id

Show = Callable[[float, float | None], None]
"""Called with the share that is done and the newest solved share of the stuck prompts."""


def quiet(share: float, solved: float | None) -> None:
    """Shows nothing."""


@dataclass(frozen=True)
class BaseWork:
    """A student to be measured before training; `run` says how it is sampled."""

    task: str
    run: object
    measure: Measure


def run_base(work: BaseWork, show: Show = quiet) -> Base:
    """Raises UserError when nothing is stuck."""
    from rfpo.training.prepare import load_engine, verifier

    run, measure = work.run, work.measure
    prompts = tuple(prompt for task in run.tasks for prompt in task.evaluation_prompts())
    total = measure.stuck_prompts * (measure.stuck_draws + measure.beyond_draws)
    done = 0

    def finished(_) -> None:
        nonlocal done
        done += 1
        if done % 500 == 0:
            show(min(1.0, done / total), None)

    with verifier(run.tasks) as checker:
        engine = load_engine(run.model, temperature=run.sampling.temperature)
        return base_of(work.task, Student(engine, checker.judge, run.sampling), prompts, measure, finished)


def run_cell(cell: Cell, directory: Path, show: Show = quiet, *, keep: bool = False) -> CellResult:
    """Train the cell's run in `directory`, going on where a killed one left off, and return its numbers. The directory is
    removed afterwards, unless it is to be kept."""
    from rfpo.training.train import resume, train

    cpu = time.process_time()
    run, home = cell.run, directory / "run"
    prompts = tuple(prompt for task in run.tasks for prompt in task.evaluation_prompts())

    def seen(progress: float, mark: Mark | None) -> None:
        show(progress, mark.stuck_share if mark else None)

    watch = Watch(directory / "marks.jsonl", run.seed, cell.measure, run.sampling, prompts_by_id(prompts, cell.stuck),
                  prompts_by_id(prompts, cell.other), seen)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        screen = Display(run.steps, quiet=True, console=Console(file=nowhere))
        if (home / "run.toml").is_file():
            resume(home, screen=screen, watch=watch, page=False)
        else:
            train(run, home, screen=screen, watch=watch, page=False)
    state, numbers = watch.state, tally(RunStore.open(home))
    arm, task, seed = cell.name
    result = CellResult(
        arm=arm, task=task, seed=seed, key=cell.key, marks=tuple(watch.marks), steps=state.step, updates=state.updates,
        trained_rows=state.trained_rows, idle_steps=state.idle_steps, rollout_tokens=state.tokens.rollout,
        correction_tokens=state.tokens.correction, trained_tokens=state.tokens.trained, prompt_tokens=state.tokens.prompt,
        evaluation_tokens=state.tokens.evaluation, critic_tokens=state.tokens.critic,
        scored_tokens=state.tokens.scored, stuck=state.tally.stuck,
        fixed=state.tally.fixed, **numbers, seconds=round(watch.seconds, 2),
        core_seconds=round(time.process_time() - cpu, 2))
    if not keep:
        shutil.rmtree(directory)
    return result
