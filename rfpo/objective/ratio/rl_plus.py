"""RL-PLUS's ratio."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Ratio


@dataclass(frozen=True)
class RlPlus(Ratio):
    """Multiple importance sampling against a density that is only assumed, as in RL-PLUS (arXiv 2508.00222).

        r_t = 2 pi_theta / ( pi_old + omega ),    omega = share pi_old + (1 - share)          for rows of `origins`
        r_t = pi_theta / pi_old                                                               for the others

    omega stands for whoever wrote the demonstration, whose density nobody knows; RL-PLUS takes the middle between pi_old
    and 1, share .5. share 0 puts it at 1, share 1 is ratio `token`. RL-PLUS clips nothing on these rows (surrogate
    `by_origin` with `unbounded`) and multiplies their advantage by (1 - pi_theta)^.5 (weight `probability_product`).

    Degenerate: 0 on tokens that are not trained. At pi_theta = pi_old the ratio is below 1 unless the policy is certain.
    """

    share: float = 0.5
    origins: tuple[str, ...] = AWAY
    needs: ClassVar[frozenset[str]] = frozenset({"old"})

    def __post_init__(self):
        require(self, "share", lambda x: 0 <= x <= 1, "between 0 and 1", 0.5)
        check_origins(self)

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {} if self.share == 1 else {"reinforce_at_ratio_one": "the assumed density is not that of the old policy"}

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        old = batch.old.double()
        rest = math.log(1 - self.share) if self.share < 1 else -math.inf
        mixed = torch.logaddexp(old + math.log1p(self.share), torch.full_like(old, rest)) - math.log(2)
        log_ratio = policy.logp.double() - torch.where(of_origins(batch, self.origins), mixed, old)
        return keep(log_ratio.to(policy.logp.dtype), batch.mask)
