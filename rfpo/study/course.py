"""A study on its way: which cell is next, who works on it, and what is written down."""

import fcntl
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from rfpo.config.refuse import refuse_prompts
from rfpo.config.run import Run
from rfpo.config.save import to_plain
from rfpo.errors import UserError, near_miss
from rfpo.records import Prompt
from rfpo.study.base import load_base, save_base
from rfpo.study.board import Board
from rfpo.study.cells import Cell, Name, cell, refuse_changes, run_of, weights
from rfpo.study.plan import Plan
from rfpo.study.pool import Job, News, Pool
from rfpo.study.results import Base, CellResult
from rfpo.study.table import Table
from rfpo.study.work import BaseWork, run_base, run_cell

SECONDS = 0.25
"""Between looks at the workers."""


@dataclass
class Course:
    """What a plan wants, and what of it the table has. `tasks` are those that are worked on now, () all; `failed` are cells
    that ended with an error in this session."""

    plan: Plan
    table: Table
    tasks: tuple[str, ...] = ()
    bases: dict[str, Base] = field(default_factory=dict)
    failed: dict[Name, str] = field(default_factory=dict)

    def __post_init__(self):
        for task in self.tasks:
            if task not in self.plan.tasks:
                raise UserError(f"--tasks names {task!r}, which the plan does not have; {near_miss(task, self.plan.tasks)}")
        self.tasks = self.tasks or tuple(self.plan.tasks)
        for task in self.tasks:
            base = load_base(self.table.base_path(task), self.base_key(task))
            if base is not None:
                self.bases[task] = base
        self._found: dict[Name, CellResult] = {}
        self._cells: dict[Name, Cell] = {}
        self._training: dict[str, tuple[Prompt, ...]] = {}

    def refuse(self) -> None:
        """Raise UserError for a change that fits no arm, and for an arm that cannot be run where the plan wants it."""
        wanted = dict.fromkeys((arm, task) for arm, task, _ in self.names())
        runs = {(arm, task): run_of(self.plan, arm, task, self.plan.first_seed) for arm, task in wanted}
        for task in dict.fromkeys(task for _, task in runs):
            refuse_changes(self.plan, task, [run for (_, where), run in runs.items() if where == task])
        for (arm, task), run in runs.items():
            try:
                refuse_prompts(run, self._prompts(task, run))
            except UserError as error:
                raise UserError(f"arms.{arm} on tasks.{task}: {error}") from error

    def _prompts(self, task: str, run: Run) -> tuple[Prompt, ...]:
        if task not in self._training:
            self._training[task] = tuple(prompt for each in run.tasks for prompt in each.training_prompts())
        return self._training[task]

    def base_work(self, task: str) -> BaseWork:
        first = next(arm for arm, where, _ in self.plan.cells() if where == task)
        return BaseWork(task, run_of(self.plan, first, task, 0), self.plan.measure)

    def base_key(self, task: str) -> str:
        work = self.base_work(task)
        run = to_plain(work.run)
        kept = [run["tasks"], run["sampling"], run["model"], asdict(self.plan.measure), weights(work.run.model.path)]
        return json.dumps(kept, sort_keys=True)

    def cell(self, name: Name) -> Cell | None:
        """None while its task's student is not measured, or the cell that it follows is not done."""
        arm, task, seed = name
        if name not in self._cells and task in self.bases:
            paired = None
            if (after := self.plan.arms[arm].after) is not None and (paired := self.done((after, task, seed))) is None:
                return None
            self._cells[name] = cell(self.plan, name, self.bases[task], paired)
        return self._cells.get(name)

    def done(self, name: Name) -> CellResult | None:
        """The cell's numbers, when the table has them."""
        if name not in self._found and (wanted := self.cell(name)) is not None:
            found = self.table.find(name, wanted.key)
            if found is not None:
                self._found[name] = found
        return self._found.get(name)

    def names(self) -> list[Name]:
        """The cells that are worked on now, in the plan's order."""
        return [name for name in self.plan.cells() if name[1] in self.tasks]

    def results(self) -> list[CellResult]:
        return [result for name in self.names() if (result := self.done(name)) is not None]

    def missing(self) -> list[Name]:
        return [name for name in self.names() if self.done(name) is None]

    def work_left(self) -> Iterator[Job]:
        """What can be begun now: students first, then cells in the plan's order."""
        for task in self.tasks:
            if task not in self.bases and ("", task, 0) not in self.failed:
                yield Job(f"measuring {task}", run_base, (self.base_work(task),))
        for name in self.missing():
            if name not in self.failed and (wanted := self.cell(name)) is not None:
                yield Job(wanted.label, run_cell, (wanted, self.table.work / wanted.key))

    def take(self, news: News, job: Job) -> None:
        """A job's end, written down."""
        if isinstance(news.result, Base):
            self.bases[news.result.task] = news.result
            save_base(news.result, self.base_key(news.result.task), self.table.base_path(news.result.task))
        elif isinstance(news.result, CellResult):
            self.table.add(replace(news.result, commit=commit()))
        else:
            subject = job.arguments[0]
            self.failed[subject.name if isinstance(subject, Cell) else ("", subject.task, 0)] = news.error
            if news.trace:
                self.table.work.mkdir(parents=True, exist_ok=True)
                (self.table.work / f"{job.label.replace('/', '-')}.error.txt").write_text(news.trace, encoding="utf-8")


def go(course: Course, board: Board, workers: int, most: int | None = None) -> None:
    """Work until nothing is left that can be begun, or `most` cells are done."""
    begun: dict[str, Job] = {}
    finished = 0
    with Pool(workers) as pool:
        while True:
            full = most is not None and finished + sum("/" in label for label in begun) >= most
            for job in course.work_left() if pool.idle and not full else ():
                if job.label in begun:
                    continue
                begun[job.label] = job
                board.begin(job.label)
                pool.start(job)
                if not pool.idle or (most is not None and finished + len(begun) >= most):
                    break
            if not begun:
                return
            for news in pool.news(SECONDS):
                if news.label not in begun:  # a late word of a worker that died
                    continue
                if not news.done:
                    board.progress(news.label, news.share, news.solved)
                    continue
                job = begun.pop(news.label)
                course.take(news, job)
                finished += "/" in news.label
                board.end(news.label, news.result, news.error)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Two studies must not write one table. Raises UserError when another one is at work there."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"--out {str(directory)!r}: another rfpo study is at work there. Wait for it, or choose another "
                            "--out.") from error
        yield


def versions() -> dict[str, str]:
    """Machine and versions on which numbers hang."""
    found = {name: version(name) for name in ("rfpo", "torch", "transformers", "numpy")}
    return {"python": sys.version.split()[0], **found, "machine": f"{platform.machine()} {_processor()}".strip(),
            "commit": commit()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def commit() -> str:
    """Of the code that runs, with a + when files of the package differ from it; "" outside a repository."""
    here = Path(__file__).parents[2]

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=False).stdout.strip()

    if shutil.which("git") is None:
        return ""
    return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", "rfpo") else "")
