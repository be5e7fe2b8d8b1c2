"""The surrogate that asks no ratio."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import require
from rfpo.objective.slots import Policy, Surrogate


@dataclass(frozen=True)
class LogLikelihood(Surrogate):
    """Weighted likelihood, importance sampling dropped on purpose: more bias, less variance.

        L = -A log pi_theta(o_t | q, o_<t) / (1 + tau)

    tau 0: RLTF's distillation of corrections (arXiv 2602.02482); with advantage `constant` it is supervised fine-tuning,
    with `reward` rejection sampling (RAFT). tau 1: the one-step policy mirror descent of R3L (arXiv 2601.03715).

    Degenerate: with tau 0 the gradient is REINFORCE's at every ratio. Nothing bounds a negative A: a response that is pushed
    down is pushed down for ever.
    """

    tau: float = 0.0
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        require(self, "tau", lambda x: 0 <= x < math.inf, "at least 0", 1.0)

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {"reinforce_at_ratio_one": "the slope is divided by 1 + tau"} if self.tau else {}

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        return -batch.advantage * policy.logp / (1 + self.tau)
