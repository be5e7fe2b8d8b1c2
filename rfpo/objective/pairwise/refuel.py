"""REFUEL's regression of reward differences."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Refuel(PairLoss):
    """REFUEL (arXiv 2410.04612): the difference of log-ratios is regressed on that of rewards; with one turn it is REBEL.

        L = ( [ l(y) - l(y') ] / eta - (R - R') )^2

    y and y' are two answers of one turn, after which the current policy ended both dialogues; only that turn's tokens are
    trained, and R is the finished dialogue's reward. The base is the policy that drew them. The authors' code minimises
    eta^2 times this, with the same minimum.

    Degenerate: at the base L = (R - R')^2, with a gradient of -2 (R - R')/eta on lp(y). Equal rewards make no pair, though the
    paper would hold their log-ratios together; at the base that gradient is 0.
    """

    eta: float = 1000.0
    base: str = "old"

    def __post_init__(self):
        require(self, "eta", lambda x: x > 0, "positive", 1000.0)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        return (difference(chosen, rejected, self.base) / self.eta - (chosen.reward - rejected.reward)) ** 2
