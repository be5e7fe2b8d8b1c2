"""CISPO's surrogate."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, exp
from rfpo.checks import require
from rfpo.objective.slots import Policy, Surrogate


@dataclass(frozen=True)
class DetachedCap(Surrogate):
    """REINFORCE with a bounded, detached ratio as its weight, as in CISPO (MiniMax-M1, arXiv 2506.13585).

        L = -sg( min(max(r, floor), cap) ) A log pi_theta

    `floor` and `cap` are values of r itself, never distances from 1: where another text writes eps_high = .28 above 1, the
    cap is 1.28. The default is ScaleRL's (arXiv 2510.13786): cap 5, no floor. Every token keeps a gradient, however far r.

    Degenerate: at r = 1 the gradient is REINFORCE's. The value has no meaning of its own; only its gradient has.
    """

    cap: float = 5.0
    floor: float = 0.0
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        require(self, "cap", lambda x: x >= 1, "at least 1: it bounds the ratio itself, not its distance from 1", 5.0)
        require(self, "floor", lambda x: 0 <= x <= 1, "between 0 and 1", 0.0)

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        return -exp(log_ratio).clamp(self.floor, self.cap).detach() * batch.advantage * policy.logp
