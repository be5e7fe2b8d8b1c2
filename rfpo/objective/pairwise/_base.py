"""What answers are measured against."""

from torch import Tensor

from rfpo.objective.slots import Side

BASES = ("reference", "old", "none")
"""The frozen reference; the policy at the start of the step, which drew the answers (iterated methods); nothing at all."""


def needed(base: str) -> frozenset[str]:
    """The columns that a base is read from."""
    return frozenset() if base == "none" else frozenset({base})


def log_ratio(side: Side, base: str) -> Tensor:
    """[P]: l(y) = lp(y) - lp_base(y)."""
    return side.logp if base == "none" else side.logp - getattr(side, base)


def difference(chosen: Side, rejected: Side, base: str) -> Tensor:
    """[P]: l(y_w) - l(y_l)."""
    return log_ratio(chosen, base) - log_ratio(rejected, base)
