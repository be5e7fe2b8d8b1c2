"""DPO under flipped labels."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Robust(PairLoss):
    """Robust DPO (arXiv 2403.00409): unbiased when a share `flipped` of the labels is the wrong way round.

        L = [ -(1 - eps) log sigmoid(h) + eps log sigmoid(-h) ] / (1 - 2 eps)        h = beta ( l(y_w) - l(y_l) ), eps = flipped

    The flipped pair's loss is subtracted; `dpo` with smoothing adds it. So a pair that is far on the right side goes on being
    pushed: as h grows, L falls like -eps h / (1 - 2 eps), without a floor.

    Degenerate: eps = 0 is `dpo`. Where policy and base agree L = log 2, and the gradient on lp(y_w) is -beta / (2 (1 - 2 eps)).
    """

    beta: float = 0.1
    flipped: float = 0.1
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "flipped", lambda x: 0 <= x < 0.5, "at least 0 and below 0.5", 0.1)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        h = self.beta * difference(chosen, rejected, self.base)
        return (self.flipped * logsigmoid(-h) - (1 - self.flipped) * logsigmoid(h)) / (1 - 2 * self.flipped)
