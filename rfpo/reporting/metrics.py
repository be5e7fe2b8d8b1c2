"""A metric carries how it is combined, so that parts of a step (groups, micro-batches) add up to the step's figure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum


@dataclass(frozen=True)
class Mean:
    """Mean of `count` things whose mean is `value`. None when nothing was counted."""

    value: float
    count: int = 1

    @staticmethod
    def combine(parts: "list[Mean]") -> float | None:
        count = sum(part.count for part in parts)
        return fsum(part.value * part.count for part in parts if part.count) / count if count else None


@dataclass(frozen=True)
class Share:
    """`hits` out of `of`. None when there was nothing to hit."""

    hits: int
    of: int = 1

    @staticmethod
    def combine(parts: "list[Share]") -> float | None:
        of = sum(part.of for part in parts)
        return sum(part.hits for part in parts) / of if of else None


@dataclass(frozen=True)
class Sum:
    value: float

    @staticmethod
    def combine(parts: "list[Sum]") -> float:
        values = [part.value for part in parts]
        return sum(values) if all(isinstance(value, int) for value in values) else fsum(values)


@dataclass(frozen=True)
class Max:
    value: float

    @staticmethod
    def combine(parts: "list[Max]") -> float:
        return max(part.value for part in parts)


@dataclass(frozen=True)
class Min:
    value: float

    @staticmethod
    def combine(parts: "list[Min]") -> float:
        return min(part.value for part in parts)


Metric = Mean | Share | Sum | Max | Min


def reduce(records: Iterable[Mapping[str, Metric]]) -> dict[str, float | None]:
    """One figure for each key. The order of the records cannot change it: sums are exact before they are rounded.

    Raises ValueError when a key is combined in two ways.

    >>> reduce([{"reward": Mean(1.0, 3), "stuck": Share(0)}, {"reward": Mean(0.0, 1), "stuck": Share(1)}])
    {'reward': 0.75, 'stuck': 0.5}
    """
    parts: dict[str, list[Metric]] = {}
    for record in records:
        for key, metric in record.items():
            parts.setdefault(key, []).append(metric)
    return {key: _combined(key, metrics) for key, metrics in parts.items()}


def _combined(key: str, metrics: list[Metric]) -> float | None:
    kinds = {type(metric) for metric in metrics}
    if len(kinds) > 1:
        raise ValueError(f"metric {key!r} is combined as {' and '.join(sorted(kind.__name__ for kind in kinds))}; choose one.")
    return kinds.pop().combine(metrics)
