"""What the student does before any training: which evaluation prompts are stuck, and how surely."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rfpo.engines.local import LocalEngine
from rfpo.errors import UserError
from rfpo.records import Prompt, RandomKey, Sampling
from rfpo.study.plan import Measure
from rfpo.study.results import Base
from rfpo.training.evaluate import Judge, score

FIRST_DRAWS = 4
"""Most other prompts are known for what they are after so many draws; only the rest are drawn on."""


@dataclass(frozen=True)
class Classes:
    """Evaluation prompts, sorted by draws that are used for nothing else."""

    stuck: tuple[Prompt, ...]
    other: tuple[Prompt, ...]


@dataclass(frozen=True)
class Student:
    """A model that is asked before it is trained."""

    engine: LocalEngine
    judge: Judge
    sampling: Sampling


def sort(student: Student, prompts: Sequence[Prompt], measure: Measure, finished: Callable | None = None) -> Classes:
    """At most `stuck_prompts` prompts without a right answer in `stuck_draws` plain draws, and `other_prompts` with one, in
    the task's order. `finished` is called with every completion."""
    def unsolved(wave: Sequence[Prompt], draws: int, purpose: str) -> list[Prompt]:
        scores, _ = score(student.engine, student.judge, wave, student.sampling, draws, RandomKey(purpose=purpose), finished)
        other.extend(prompt for prompt, solved in zip(wave, scores.solved, strict=True) if solved)
        return [prompt for prompt, solved in zip(wave, scores.solved, strict=True) if not solved]

    stuck: list[Prompt] = []
    other: list[Prompt] = []
    wave = max(measure.stuck_prompts, measure.other_prompts)
    first = min(FIRST_DRAWS, measure.stuck_draws)
    for start in range(0, len(prompts), wave):
        maybe = unsolved(prompts[start : start + wave], first, "sort/first")[: measure.stuck_prompts - len(stuck)]
        stuck += unsolved(maybe, measure.stuck_draws - first, "sort/rest") if measure.stuck_draws > first else maybe
        if len(stuck) == measure.stuck_prompts and len(other) >= measure.other_prompts:
            break
    return Classes(tuple(stuck), tuple(other[: measure.other_prompts]))


def base_of(task: str, student: Student, prompts: Sequence[Prompt], measure: Measure, finished: Callable | None = None) -> Base:
    """Both classes of the evaluation prompts, and the base model's pass@N of the stuck ones, on draws of their own.

    Raises UserError when the task has no stuck prompt.
    """
    classes = sort(student, prompts, measure, finished)
    if not classes.stuck:
        raise UserError(f"tasks.{task}: none of {len(prompts)} evaluation prompts is stuck ({measure.stuck_draws} draws), so "
                        "there is nothing to recover. Make the task harder.")
    beyond: tuple[int, ...] = ()
    if measure.beyond_draws:
        scores, _ = score(student.engine, student.judge, classes.stuck, student.sampling, measure.beyond_draws,
                          RandomKey(purpose="beyond"), finished)
        beyond = tuple(scores.solved)
    return Base(task=task, stuck=tuple(p.id for p in classes.stuck), other=tuple(p.id for p in classes.other),
                stuck_draws=measure.stuck_draws, beyond=beyond, beyond_draws=measure.beyond_draws)


def save_base(base: Base, key: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": key, **asdict(base)}) + "\n", encoding="utf-8")


def load_base(path: Path, key: str) -> Base | None:
    """The base that was measured under this key; None where there is none, or another's."""
    if not path.exists():
        return None
    table = json.loads(path.read_text(encoding="utf-8"))
    if table.pop("key", None) != key:
        return None
    return Base(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})
