"""A reward for staying undecided."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import require
from rfpo.objective.slots import Policy, Regularizer


@dataclass(frozen=True)
class EntropyBonus(Regularizer):
    """The entropy bonus of A3C (arXiv 1602.01783) and PPO (arXiv 1707.06347): a loss of minus the token's entropy.

        loss = -coefficient H( pi_theta(. | q, o_<t) )                      full next-token distribution, in nats

    A negative coefficient is a penalty. Degenerate: 0 with coefficient 0, but the entropy is still computed.
    """

    coefficient: float = 0.001
    needs: ClassVar[frozenset[str]] = frozenset({"entropy"})

    def __post_init__(self):
        require(self, "coefficient", math.isfinite, "a finite number", 0.001)

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        return -self.coefficient * policy.entropy
