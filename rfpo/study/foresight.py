"""Before a study: what it will take, and whether its tasks can tell arms apart. And after it: one cell again."""

import shutil
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, stdev

from rich.console import Console
from rich.table import Table as Shown

from rfpo.errors import UserError, near_miss
from rfpo.reporting.wording import percent
from rfpo.reporting.wording import tokens as written
from rfpo.study.cells import Name
from rfpo.study.course import SECONDS, Course, alone
from rfpo.study.health import ENDS, FIX_RATES
from rfpo.study.plan import Claim, Plan
from rfpo.study.pool import Job, Pool
from rfpo.study.results import CellResult, first_at
from rfpo.study.statistics import seeds_needed
from rfpo.study.study import Where, work
from rfpo.study.work import run_cell

UNSTABLE = ("seconds", "core_seconds", "commit")
"""Fields of a cell that are not its numbers: two runs of it may differ in them."""
PILOT_SEEDS = 3
CAPTION = """fixed: share of the stuck groups that got a correction (fix rate; room: {:.0%} to {:.0%}); a try: of the tries \
that were right. end: stuck prompts solved when the budget is spent (room: {:.0%} to {:.0%}). {primary}: the primary endpoint, \
sd over seeds, and the seeds needed to know it to within {smallest:g}. others: solved share of the other prompts at the end. \
seconds: of a core, a cell."""


def dry_run(where: Where, console: Console) -> float:
    """Core-hours of the whole plan, predicted from two cells that are run for it (and kept): the plan's first two arms on
    the task with the smallest budget. Raises UserError for a plan that would take more than twice its core_hours."""
    plan = where.plan
    task = min(where.tasks or plan.tasks, key=lambda name: plan.tasks[name].token_budget)
    cells = [name for name in plan.cells() if name[1] == task and not plan.arms[name[0]].after]
    chosen = [cells[0], next((name for name in cells if name[0] != cells[0][0]), cells[-1])]
    with alone(where.directory):
        course = where.course()
        only = _Only(course, tuple(dict.fromkeys(chosen)))
        work(only, where, console)
    measured = [result for name in chosen if (result := course.done(name)) is not None]
    if not measured:
        raise UserError(f"neither of the two cells could be run: {'; '.join(only.failed.values())}")
    rate = sum(cell.core_seconds for cell in measured) / sum(plan.tasks[cell.task].token_budget for cell in measured)
    hours = sum(plan.tasks[name[1]].token_budget for name in course.names()) * rate / 3600
    console.print(f"{len(course.names())} cells; {len(measured)} measured: "
                  + ", ".join(f"{'/'.join(map(str, cell.name))} {cell.core_seconds:.0f} core-seconds" for cell in measured)
                  + f". The plan takes about {hours:.1f} core-hours, {hours / where.workers:.1f} hours with {where.workers} "
                  f"workers; its core_hours are {plan.core_hours:g}.", soft_wrap=True, highlight=False)
    if hours > 2 * plan.core_hours:
        raise UserError(f"the plan would take {hours:.1f} core-hours, more than twice its core_hours={plan.core_hours:g}. Use "
                        "fewer seeds or arms, smaller budgets, or raise core_hours.")
    return hours


class _Only(Course):
    """A course that does these cells alone."""

    def __init__(self, course: Course, wanted: tuple[Name, ...]):
        super().__init__(course.plan, course.table, tuple({task: None for _, task, _ in wanted}), course.bases)
        self.wanted = wanted

    def names(self) -> list[Name]:
        return list(self.wanted)


def pilot(where: Where, console: Console) -> list[CellResult]:
    """The first arm on every task with PILOT_SEEDS seeds that the study does not use, from pilot_seed on: fix rate, end point,
    spread over seeds, and the seeds that would be needed to see a difference of plan.smallest. Kept in `pilot` beside the
    study's own cells."""
    first = next(iter(where.plan.arms))
    if where.plan.arms[first].after:
        raise UserError(f"arms.{first} is the first arm and follows another one; a pilot runs the first arm alone. Put the arm "
                        "that the others are compared with first.")
    plan = replace(where.plan, first_seed=where.plan.pilot_seed, pilot_seed=where.plan.first_seed, seeds=PILOT_SEEDS,
                   claims={"pilot": Claim(text="pilot", arms=(first,), seeds=PILOT_SEEDS)}, small=None)
    study, where = where.directory, replace(where, plan=plan, directory=where.directory / "pilot")
    with alone(where.directory):
        _share(study / "base", where.directory / "base")
        course = where.course()
        work(course, where, console)
        _share(where.directory / "base", study / "base")
    console.print(room_table(plan, course.results()))
    for task in plan.tasks:
        cells = [cell for cell in course.results() if cell.task == task]
        if cells:
            console.print(f"{task}: {budgets_with_room(cells)}", soft_wrap=True, highlight=False)
    return course.results()


def _share(source: Path, target: Path) -> None:
    """What a student does before training is the same in a pilot and in its study, and is measured once."""
    for path in source.glob("*.json"):
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.name)


def room_table(plan: Plan, results: list[CellResult]) -> Shown:
    """A row a task; what is out of bounds is marked."""
    caption = CAPTION.format(*FIX_RATES, *ENDS, primary=plan.primary, smallest=plan.smallest)
    table = Shown(title=f"{next(iter(plan.arms))}, {PILOT_SEEDS} seeds from {plan.first_seed}", title_justify="left", box=None,
                  padding=(0, 1), pad_edge=False, caption_justify="left", caption=caption)
    for name in ("task", "fixed", "a try", "end", plan.primary, "sd", "seeds", "others", "seconds"):
        table.add_column(name, justify="left" if name == "task" else "right", no_wrap=True, min_width=len(name))
    for task in dict.fromkeys(cell.task for cell in results):
        cells, where = [cell for cell in results if cell.task == task], plan.tasks[task]
        ends = [cell.end if plan.primary == "end" else cell.area(where.token_budget) for cell in cells]
        spread = stdev(ends) if len(ends) > 1 else None
        needed = seeds_needed(ends, plan.smallest)
        tries = [tally for cell in cells for tally in cell.operators.values()]
        table.add_row(task, _judged(_mean([cell.fix_rate for cell in cells]), FIX_RATES),
                      percent(sum(t.right for t in tries) / max(1, sum(t.tries for t in tries))),
                      _judged(fmean(cell.end for cell in cells), ENDS), f"{fmean(ends):.3f}",
                      "-" if spread is None else f"{spread:.3f}", "-" if needed is None else str(needed),
                      percent(fmean(cell.marks[-1].other_share for cell in cells)),
                      f"{fmean(cell.core_seconds for cell in cells):.0f}")
    return table


def budgets_with_room(cells: list[CellResult]) -> str:
    """The curve of one arm on one task, and between which budgets its end would have had room: what a run with a smaller
    budget would have done, so long as nothing in it depends on its budget (a learning rate that falls towards the end does)."""
    curve = [(fmean(mark.tokens for mark in marks), fmean(mark.stuck_share for mark in marks))
             for marks in zip(*(cell.marks for cell in cells), strict=False)]
    low, high = (first_at(curve, share) for share in ENDS)
    if low is None:
        found = f"the end has no room with up to {written(curve[-1][0])} tokens; try a larger budget"
    elif high is None:
        found = f"the end has room with {written(low)} to {written(curve[-1][0])} tokens, and perhaps with more"
    else:
        found = f"the end has room with {written(low)} to {written(high)} tokens"
    return f"{found} (solved after " + ", ".join(f"{written(tokens)}: {percent(share)}" for tokens, share in curve[1:]) + ")"


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _judged(value: float | None, bounds: tuple[float, float]) -> str:
    if value is None:
        return "-"
    return percent(value) if bounds[0] <= value <= bounds[1] else f"[bold red]{percent(value)}[/]"


def _in_worker(job: Job) -> CellResult:
    """With one thread, as every cell is made: with two, sums come out in another order."""
    with Pool(1) as pool:
        pool.start(job)
        while True:
            for news in pool.news(SECONDS):
                if news.error:
                    raise UserError(f"{job.label}: {news.error}")
                if news.done:
                    return news.result


def again(where: Where, label: str, console: Console) -> bool:
    """Run one cell of the table anew, in a worker and a temporary directory, and compare every number with the kept one.
    True when they are equal, bit for bit."""
    course = where.course()
    names = {"/".join(map(str, name)): name for name in course.plan.cells()}
    if label not in names:
        raise UserError(f"--again is {label!r}, which is no cell of the plan; {near_miss(label, names)}")
    kept = course.done(names[label])
    if kept is None:
        raise UserError(f"--again {label}: that cell is not done, or was made by another plan; run the study first.")
    directory, started = Path(tempfile.mkdtemp()), time.perf_counter()
    try:
        made = asdict(_in_worker(Job(label, run_cell, (course.cell(names[label]), directory / "cell"))))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    unknown = ("scored_tokens",) if kept.scored_tokens is None else ()  # a cell made before they were counted
    differing = [name for name, value in asdict(kept).items() if name not in (*UNSTABLE, *unknown) and made[name] != value]
    for name in differing:
        console.print(f"{name}: kept {asdict(kept)[name]!r:.120}, now {made[name]!r:.120}", soft_wrap=True, highlight=False)
    verdict = f"differs in {', '.join(differing)}" if differing else "gives its numbers again, bit for bit"
    console.print(f"{label} {verdict} ({time.perf_counter() - started:.0f} s; kept ones by commit {kept.commit or 'unknown'}).",
                  soft_wrap=True, highlight=False)
    return not differing
