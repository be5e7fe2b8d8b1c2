"""DPO's logistic loss."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Dpo(PairLoss):
    """DPO (arXiv 2305.18290); with `smoothing` it is cDPO, whose labels are wrong at that rate.

        L = -(1 - eps) log sigmoid(h) - eps log sigmoid(-h)                     h = beta ( l(y_w) - l(y_l) ), eps = smoothing

    base: what the log-ratios are against; "old" is iterated DPO, each step's own start for a reference, "none" no reference.

    Degenerate: where policy and base agree h = 0, L = log 2, and the gradient is -beta (1/2 - eps) on lp(y_w) and the opposite
    on lp(y_l).
    """

    beta: float = 0.1
    smoothing: float = 0.0
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "smoothing", lambda x: 0 <= x < 0.5, "at least 0 and below 0.5", 0.0)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        h = self.beta * difference(chosen, rejected, self.base)
        return -(1 - self.smoothing) * logsigmoid(h) - self.smoothing * logsigmoid(-h)
