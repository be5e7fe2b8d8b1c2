"""SimPO: no reference, log-probs a token."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.checks import require
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Simpo(PairLoss):
    """SimPO (arXiv 2405.14734): log-probs a token, a margin, and no reference policy.

        L = -log sigmoid( beta ( lp(y_w)/|y_w| - lp(y_l)/|y_l| ) - gamma )

    gamma is in the units of beta times nats a token; what is tuned is gamma/beta, 0.5 here.

    Degenerate: equal log-probs a token give L = log(1 + e^gamma), whatever the lengths.
    """

    beta: float = 2.0
    gamma: float = 1.0
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 2.0)
        require(self, "gamma", lambda x: x >= 0, "at least 0", 1.0)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        return -logsigmoid(self.beta * (chosen.mean - rejected.mean) - self.gamma)
