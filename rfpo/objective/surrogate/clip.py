"""PPO's clipped surrogate."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, exp
from rfpo.checks import require
from rfpo.objective.slots import Policy, Surrogate


@dataclass(frozen=True)
class Clip(Surrogate):
    """PPO's clipped surrogate (arXiv 1707.06347), with DAPO's separate bounds (arXiv 2503.14476) and dual clip (1912.09729).

        L = -min[ r A , clip(r, 1 - low, 1 + high) A ]
        L = min[ L , -dual A ]                      where A < 0 and `dual` is set: a far-off ratio cannot punish for ever

    Degenerate: at r = 1 the gradient is REINFORCE's, -A grad log pi; outside the bounds, on the side that A favours, it
    is 0.
    """

    low: float = 0.2
    high: float = 0.2
    dual: float | None = None
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        require(self, "low", lambda x: 0 <= x <= 1, "between 0 and 1", 0.2)
        require(self, "high", lambda x: x >= 0, "at least 0", 0.2)
        require(self, "dual", lambda x: x is None or x > 1, "above 1, or left out", 3.0)

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        ratio, advantage = exp(log_ratio), batch.advantage
        loss = -torch.min(ratio * advantage, ratio.clamp(1 - self.low, 1 + self.high) * advantage)
        if self.dual is None:
            return loss
        return torch.where(advantage < 0, torch.min(loss, -self.dual * advantage), loss)
