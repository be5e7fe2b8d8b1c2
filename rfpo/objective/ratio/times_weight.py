"""The "inside" reading of RFPO."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.objective.ratio.token import Token
from rfpo.objective.slots import Policy, Ratio, Weight
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio


@dataclass(frozen=True)
class TimesWeight(Ratio):
    """A ratio with a detached weight multiplied in before the trust region: RFPO read with R_off once, inside the clip.

        log r'_t = log r_t + sg(log w)             e.g.  min[ r R_off A , clip(r R_off, 1-eps, 1+eps) A ]

    The weight plays the part of an importance ratio, so the trust region holds back a response whose r w is outside it.

    Degenerate: with weight 1 it is `base`; with weight 0 (log -inf) the ratio is 0 and has no gradient.
    """

    base: Ratio = Token()
    weight: Weight = OffPolicyRatio()

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs | self.weight.needs

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        log_weight = self.weight.log(policy.detach(), batch).detach()
        return self.base(policy, batch) + keep(log_weight.expand_as(batch.mask), batch.mask)
