"""SRPO: an answer and its own revision."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Srpo(PairLoss):
    """Self-improving robust preference optimisation (SRPO, arXiv 2406.01660): one model answers and revises.

        l+(a | b) = log-ratio of a as a revision of b: in the context that holds the prompt and the answer b
        self-improvement    L+ = ( 1/2 - beta [ l+(y_w | y_l) - l+(y_l | y_l) ] )^2
        robust generation   L  = ( 1/2 - beta/2 [ l+(y_w | y_l) - l+(y_l | y_w) + l(y_w) - l(y_l) ] )^2
        (1 - alpha) L + alpha L+

    Both are one formula, beta divided by the rows of an answer. A unit of two rows, in the revision's context of y_l, is a pair
    of L+; a unit of four, each answer once in the plain context and once as a revision of the other, is a pair of L.
    The equations were derived from the paper's objective with P(y_w > y_l) = 1. beta, alpha and which of the two alpha
    multiplies are UNVERIFIED.

    Degenerate: where policy and base agree L = L+ = 1/4. A unit of two rows in the plain context is `ipo` on sums, times
    alpha beta^2.
    """

    beta: float = 0.1
    alpha: float = 0.5
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "alpha", lambda x: 0 <= x <= 1, "between 0 and 1", 0.5)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        residual = 0.5 - self.beta / chosen.rows.to(chosen.logp) * difference(chosen, rejected, self.base)
        share = torch.full_like(residual, self.alpha).masked_fill(chosen.rows > 1, 1 - self.alpha)
        return share * residual ** 2
