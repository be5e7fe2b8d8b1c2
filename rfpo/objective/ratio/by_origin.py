"""One ratio for sampled rows, another for the rest."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.ratio.token import Token
from rfpo.objective.slots import Policy, Ratio


@dataclass(frozen=True)
class ByOrigin(Ratio):
    """The ratio `other` for rows of `origins`, `base` for the others.

        log r = log r_other where the row is of `origins`, log r_base elsewhere

    For methods that hold the policy's own samples to a trust region and treat demonstrations or corrections apart: LUFFY
    (arXiv 2504.14945), RL-PLUS (arXiv 2508.00222), GOLF (arXiv 2603.04597). No gradient flows through the one not taken.

    Degenerate: with both alike it is that ratio.
    """

    base: Ratio = Token()
    other: Ratio = OnPolicy()
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs | self.other.needs

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: what either does not keep."""
        return getattr(self.base, "narrows", {}) | getattr(self.other, "narrows", {})

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        return torch.where(of_origins(batch, self.origins), self.other(policy, batch), self.base(policy, batch))
