"""Cells: from a plan to the runs that it asks for. A cell is one arm on one task with one seed, and its run holds everything
that decides it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from rfpo import students
from rfpo.config.change import put
from rfpo.config.refuse import refuse
from rfpo.config.run import Evaluation, Model, Run
from rfpo.config.save import to_plain
from rfpo.errors import UserError, near_miss
from rfpo.pieces import find
from rfpo.recipes import recipe
from rfpo.study.plan import ArmPlan, Measure, Plan
from rfpo.study.results import Base, CellResult
from rfpo.tasks import Task

Name = tuple[str, str, int]
"""(arm, task, seed)"""
TRAINING_PROMPTS, EVALUATION_PROMPTS = 2048, 1024
"""Of a student's task. The evaluation prompts are drawn on until both classes are full."""
TEMPLATES = "student"
"""What a student was taught to read."""


@dataclass(frozen=True)
class Cell:
    """What a worker is given: plain values, so that it may run anywhere."""

    name: Name
    run: Run
    measure: Measure
    stuck: tuple[str, ...]
    other: tuple[str, ...]

    @cached_property
    def key(self) -> str:
        """Sixteen digits that change with anything that decides the cell's numbers: its run, the weights that it starts from,
        and how it is measured."""
        told = [to_plain(self.run), asdict(self.measure), self.stuck, self.other, weights(self.run.model.path)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        return "/".join(map(str, self.name))


@cache
def weights(model: str) -> str:
    """A checksum of a model directory's weights; its name for one that is fetched."""
    folder = Path(students.resolve(model))
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files:
        return model
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()


def cell(plan: Plan, name: Name, base: Base, paired: CellResult | None = None) -> Cell:
    """The cell of a plan. `paired` is the result of the cell that its arm follows."""
    arm, task, seed = name
    run = with_ledger(run_of(plan, arm, task, seed), plan.arms[arm], paired)
    return Cell(name, run, plan.measure, base.stuck, base.other)


def run_of(plan: Plan, arm: str, task: str, seed: int) -> Run:
    """The recipe, with what the student needs, the plan's changes, the task's, and the arm's: the later ones win.

    Raises UserError, naming the arm and the task, for changes that do not fit or a run that cannot work.
    """
    try:
        asked, where = plan.arms[arm], plan.tasks[task]
        run = replace(recipe(asked.recipe), name=arm, seed=seed, token_budget=where.token_budget, steps=1_000_000,
                      evaluation=Evaluation(prompts=0), keep_checkpoints=1)
        run = replace(run, model=Model(path=where.student), tasks=(task_of(where.student),)) if where.student else run
        changes = {"fixing.operator.templates": TEMPLATES} if where.student else {}
        run = _changed(run, {**changes, **plan.set, **where.set}, asked.set)
        refuse(run)
        if where.student and run.model.path == where.student and where.student not in students.names():
            raise UserError(f"there is no student {where.student!r}; {near_miss(where.student, students.names())} Build one "
                            f"with rfpo students build {where.student}, and give its directory: "
                            'set = { "model.path" = "DIR" }.')
        return run
    except UserError as error:
        raise UserError(f"arms.{arm} on tasks.{task}: {error}") from error


def refuse_changes(plan: Plan, task: str, runs: Sequence[Run]) -> None:
    """Raise UserError for a change that is for all arms, of the plan or of the task, and has no place in any of their runs."""
    for where, changes in (("set", plan.set), (f"tasks.{task}.set", plan.tasks[task].set)):
        for path, value in changes.items():
            if not any(_fitting(run, {path: value}) for run in runs):
                raise UserError(f"{where} has {path!r}, and no arm on tasks.{task} has a field of that name. Correct the name, "
                                "as rfpo show RECIPE has it, or take it out.")


def _changed(run: Run, general: Mapping[str, object], own: Mapping[str, object]) -> Run:
    """The run with what is said for all arms, and then what the arm says itself. A piece that the arm puts in a slot gets
    from what is said for all arms whatever the arm does not say of it."""
    said = set(own) | {f"{path}.{name}" for path, value in own.items() if isinstance(value, Mapping) for name in value}
    late = {path: value for path, value in general.items()
            if path not in said and any(path.startswith(f"{slot}.") for slot in own)}
    early = {path: value for path, value in general.items() if path not in late}
    run = put(run, [*_fitting(run, early), *own.items()])
    return put(run, fitting) if (fitting := _fitting(run, late)) else run


def _fitting(run: Run, changes: Mapping[str, object]) -> list[tuple[str, object]]:
    """The changes that are for all arms, without those of a correction stage or of a weight that this arm does not have."""
    kept = []
    for path, value in changes.items():
        if path.startswith(("fixing.", "objective.weights.")) and not _has(run, path.split(".")[:-1], path.split(".")[-1]):
            continue
        kept.append((path, value))
    return kept


def _has(run: Run, path: list[str], last: str) -> bool:
    value = run
    for name in path:
        if isinstance(value, tuple):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
            value = getattr(value, name, None)
    return is_dataclass(value) and any(field.name == last for field in fields(value))


def task_of(student: str) -> Task:
    """The student's own task, with evaluation prompts enough for both classes; or as many as there are (see Specialist)."""
    specialist = find("rfpo.students.specialists", student)()
    training, evaluation = getattr(specialist, "prompts", (TRAINING_PROMPTS, EVALUATION_PROMPTS))
    return replace(specialist.task(size=training), evaluation_size=evaluation)


def with_ledger(run: Run, arm: ArmPlan, paired: CellResult | None) -> Run:
    """The run with what the paired cell spent, step by step, or how often it updated."""
    if arm.after is None:
        return run
    if paired is None:
        raise ValueError(f"the arm follows {arm.after}, whose paired result is not given.")
    if arm.updates_like:
        return replace(run, updates_by_step=paired.updates_by_step)
    if run.fixing is None:
        raise UserError(f"arms.{run.name} has spends_like = {arm.spends_like!r} and no correction stage that could spend. Use "
                        "a recipe with one, such as extra_samples.")
    return replace(run, fixing=replace(run.fixing, tokens_by_step=paired.correction_tokens_by_step))
