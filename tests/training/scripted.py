"""A bench with scripted answers: two-digit sums, told by column, and judged here."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from rfpo.batch import Batch
from rfpo.config.change import put
from rfpo.engines.scripted import ScriptedEngine
from rfpo.recipes import recipe
from rfpo.records import Prompt, Request, Verdict
from rfpo.reporting.display import Display
from rfpo.tasks.column_addition import ColumnAddition, scratchpad
from rfpo.training.bench import Bench
from rfpo.training.state import LoopState
from rfpo.training.step import take_step

TASK = ColumnAddition(digits=2)
SMALL = {"group_size": 4, "prompts_per_step": 1, "sampling.max_tokens": 64, "fixing.operator.templates": "student"}


def sum_of(a: int, b: int) -> Prompt:
    text = f"{a}+{b}="
    return Prompt(text, text, TASK.name, scratchpad(a, b, 2))


HARD = sum_of(47, 85)
RIGHT = HARD.solution  # 7502;4813;132
CARRY = "7502;4803;122"  # the carry is there, its sum is wrong: column 1, characters 5 to 9
RESULT = "7502;4813;131"


@dataclass
class Parted(ScriptedEngine):
    """Scores a parent's tokens at -0.9 nats and every other at -0.5, and `drift` lower after each update."""

    drift: float = 0.0

    def score(self, batch: Batch, columns: frozenset[str]) -> Batch:
        drift = self.drift * self.policy_version
        masks = {name: batch.parent_mask if name.startswith("parent") else batch.valid for name in columns}
        self.scored_tokens += sum(int(mask.sum()) for mask in masks.values())
        return replace(batch, **{name: torch.where(mask, (-0.9 if name.startswith("parent") else -0.5) - drift, 0.0)
                                 for name, mask in masks.items()})


def judge(items):
    """Right or wrong as the task says; a question mark cannot be judged."""
    return [Verdict.ungraded("no idea") if "?" in text else TASK.verify(prompt, text) for prompt, text in items]


def bench(script: Callable[[Request, int], str], *prompts: Prompt, name: str = "rfpo_outer", run=None, judge=judge,
          engine=Parted, context: int = 4096, drift: float = 0.0, **changes) -> Bench:
    """The recipe at the size of a test, with answers by `script`; changes name fields as in `--set`, with __ for a dot."""
    start = run or recipe(name)
    worded = hasattr(getattr(start.fixing, "operator", None), "templates")
    small = SMALL if worded else {path: value for path, value in SMALL.items() if not path.startswith("fixing")}
    start = put(start, [*small.items(), *((path.replace("__", "."), value) for path, value in changes.items())])
    made = engine(script, context_length=context, drift=drift)
    return Bench(start, made, judge, prompts or (HARD,), Display(1, quiet=True))


def is_try(request: Request) -> bool:
    return request.key.purpose != "rollout"


def says(answers: list[str], tries: list[str] = ()) -> Callable[[Request, int], str]:
    """Answer j of a group is `answers[j]`; try n of a correction `tries[n]`."""
    return lambda request, j: tries[request.key.attempt] if is_try(request) else answers[j]


def step(bench: Bench, state: LoopState | None = None, progress: float = 0.0):
    """One step: state, metrics and rollout rows."""
    state = state or LoopState()
    metrics, _, rows = take_step(bench, state, progress)
    return state, metrics, rows
