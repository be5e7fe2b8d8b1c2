"""RFPO as printed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch, exp
from rfpo.checks import require
from rfpo.objective.slots import Policy, Surrogate, Weight
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio


@dataclass(frozen=True)
class ClipTimesWeight(Surrogate):
    """RFPO's objective as its author printed it, with the weight twice in the clipped branch.

        L = -min[ r w A , clip(r w, 1 - low, 1 + high) w A ]               w detached

    For A > 0: w >= 1 multiplies PPO's gradient by w and leaves its clip at r = 1 + high; w < 1 - low has no gradient at
    r = 1 (until r reaches (1 - low)/w), so such a row never starts to move; in between the gradient is w^2. For A < 0 it is
    w below 1, w^2 from there to 1 + high, and 0 above. `weights=(off_policy_ratio,)` beside `clip` has no dead zone.

    Degenerate: with weight 1 it is `clip`; with weight 0 (log -inf) the loss and its gradient are 0.
    """

    weight: Weight = OffPolicyRatio()
    low: float = 0.2
    high: float = 0.2

    def __post_init__(self):
        require(self, "low", lambda x: 0 <= x <= 1, "between 0 and 1", 0.2)
        require(self, "high", lambda x: x >= 0, "at least 0", 0.2)

    @property
    def needs(self) -> frozenset[str]:
        return self.weight.needs

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        log_weight = self.weight.log(policy.detach(), batch).detach()
        product, weighted = exp(log_ratio + log_weight), exp(log_weight) * batch.advantage
        return -torch.min(product * batch.advantage, product.clamp(1 - self.low, 1 + self.high) * weighted)
