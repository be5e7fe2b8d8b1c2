"""Run a plan and write down what came of it."""

import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from rfpo.errors import UserError
from rfpo.study.board import Board, arms_table
from rfpo.study.contrasts import contrasts
from rfpo.study.course import Course, alone, go, versions
from rfpo.study.plan import Plan
from rfpo.study.summary import summary_rows
from rfpo.study.table import Table


@dataclass(frozen=True)
class Where:
    """A plan, the directory of its results, how many workers there are, the command that was given, and the tasks that are
    worked on now (() all)."""

    plan: Plan
    directory: Path
    workers: int = os.cpu_count() or 1
    command: str = ""
    tasks: tuple[str, ...] = ()

    def course(self) -> Course:
        """The plan with what the directory has of it. Raises UserError for a run that cannot work, before anything is run."""
        course = Course(self.plan, Table(self.directory), self.tasks)
        course.refuse()
        return course


def run_study(where: Where, console: Console, most: int | None = None) -> Course:
    """Run what is missing, at most `most` cells, and write the report. Done cells stay, whatever happens."""
    with alone(where.directory):
        course = where.course()
        _note_versions(where)
        try:
            work(course, where, console, most)
        finally:
            page = write(where, course)
    console.print(arms_table(course.results()))
    console.print(f"{_state(course)}\nReport: {page}", soft_wrap=True, highlight=False)
    return course


def work(course: Course, where: Where, console: Console, most: int | None = None) -> None:
    """Run what the course lacks, with its progress on the console."""
    board = Board(len(course.names()), course.results(), where.workers, console)
    live = Live(board, console=console, refresh_per_second=2, transient=True) if console.is_terminal else nullcontext()
    with live:
        go(course, board, where.workers, most)


def _state(course: Course) -> str:
    missing, failed = course.missing(), len(course.failed)
    if not missing:
        return f"All {len(course.results())} cells are done."
    return f"{len(course.results())} cells are done, {len(missing)} are missing" + (f", {failed} failed." if failed else ".")


def _note_versions(where: Where) -> None:
    """Every set of versions that made cells of this table."""
    path = where.directory / "versions.json"
    noted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    if versions() not in noted:
        path.write_text(json.dumps([*noted, versions()], indent=1) + "\n", encoding="utf-8")


def write(where: Where, course: Course) -> Path:
    """summary.json, tables.md and report.html from what is done. Returns the report's path."""
    from rfpo.study.report import write_study
    from rfpo.study.tables import write_tables

    results = course.results()
    rows, found = summary_rows(course.plan, results), contrasts(course.plan, results)
    known = {result.name for result in results}
    missing = [name for name in course.plan.cells() if name not in known]
    summary = {"plan": course.plan.name, "hash": course.plan.hash, "cells": len(results),
               "missing": ["/".join(map(str, name)) for name in missing],
               "rows": [asdict(row) for row in rows], "contrasts": [asdict(contrast) for contrast in found]}
    text = json.dumps(summary, indent=1, allow_nan=False)
    (where.directory / "summary.json").write_text(text + "\n", encoding="utf-8")
    write_tables(where.directory, course.plan, rows, found, len(missing))
    path = where.directory / "versions.json"
    noted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else [versions()]
    return write_study(where.directory, course.plan, results, course.bases, command=where.command, versions=noted[-1],
                       missing=missing, found=found)


def rewrite(where: Where, console: Console) -> Course:
    """The report of what is done, without running anything."""
    course = where.course()
    if not course.results():
        raise UserError(f"--out {str(where.directory)!r} has no finished cell of this plan; run rfpo study without --report.")
    console.print(f"{_state(course)}\nReport: {write(where, course)}", soft_wrap=True, highlight=False)
    return course


def status(course: Course) -> str:
    """What is done and what is missing, a line a task and arm."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for arm, task, seed in course.missing():
        seeds.setdefault((task, arm), []).append(seed)
    lines = [_state(course)]
    lines += [f"missing  {task}  {arm}  seeds {_ranges(found)}" for (task, arm), found in seeds.items()]
    stale = len(course.table.lines) - len(course.results())
    if stale:
        lines.append(f"{stale} lines of {course.table.path} are of cells that the plan does not ask for as it stands now; they "
                     "are kept and not used.")
    return "\n".join(lines)


def _ranges(seeds: Sequence[int]) -> str:
    """0-3 5"""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)

