"""DPO with optimism."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.batch import ORIGINS
from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Xpo(PairLoss):
    """XPO (arXiv 2405.21046): online DPO that moves away from what the reference policy says anyway.

        L = -log sigmoid(h) + alpha lp(y~)              h = beta ( l(y_w) - l(y_l) ), y~ the answer that the reference drew

    The sign is plus in a loss that is minimised: the likelihood of y~ is pushed down, whether it won or lost. A pair is one
    answer of the policy and one of the reference. `drawn` says which is the reference's: the "chosen" or the "rejected" one, or
    the answers of that origin ("given": put into the run from outside). A pair without one has no such term.

    Degenerate: alpha = 0, or no answer of the reference's, is `dpo`.
    """

    beta: float = 0.1
    alpha: float = 1e-5
    drawn: str = "given"
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "alpha", lambda x: x >= 0, "at least 0", 1e-5)
        one_of(self, "drawn", ("chosen", "rejected", *ORIGINS))
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        loss = -logsigmoid(self.beta * difference(chosen, rejected, self.base))
        for name, side in (("chosen", chosen), ("rejected", rejected)):
            there = self.drawn == name or (self.drawn in ORIGINS and side.origin == ORIGINS.index(self.drawn))
            loss = loss + self.alpha * side.logp * there
        return loss
