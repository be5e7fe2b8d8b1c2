"""Are two runs the same run? Metrics and rollouts are compared bit for bit; clocks and settings are not."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from rfpo.reporting.store import RunStore

ABSENT = "absent"


def diff(a: Path, b: Path) -> list[str]:
    """What differs at the first step at which the metrics part, and at the first at which the rollouts do; [] when equal.

    Raises UserError when one of them is no run.
    """
    first, second = RunStore.open(a), RunStore.open(b)
    return [*_metrics(first, second), *_rollouts(first, second)]


def _metrics(first: RunStore, second: RunStore) -> list[str]:
    for left, right in zip_longest(first.metrics(), second.metrics()):
        step = (left or right)["step"]
        if left is None or right is None:
            return [f"metrics: step {step} is only in {(second if left is None else first).directory}"]
        if found := [f"metrics step {step}: {change}" for change in _changes(left, right)]:
            return found
    return []


def _rollouts(first: RunStore, second: RunStore) -> list[str]:
    steps, others = first.rollout_steps(), second.rollout_steps()
    for step in sorted({*steps, *others}):
        if step not in steps or step not in others:
            return [f"rollouts: step {step} is only in {(first if step in steps else second).directory}"]
        left, right = first.rollouts(step), second.rollouts(step)
        if len(left) != len(right):
            return [f"rollouts step {step}: {len(left)} rows / {len(right)} rows"]
        for index, (row, other) in enumerate(zip(left, right, strict=True)):
            if found := [f"rollouts step {step} row {index} ({row['prompt_id']}): {change}" for change in _changes(row, other)]:
                return found
    return []


def _changes(left: dict, right: dict) -> Iterator[str]:
    """repr tells apart what == does not: 1 and 1.0, 0.0 and -0.0."""
    for key in (*left, *(key for key in right if key not in left)):
        values = repr(left.get(key, ABSENT)), repr(right.get(key, ABSENT))
        if values[0] != values[1]:
            yield f"{key} is {values[0]} / {values[1]}"
