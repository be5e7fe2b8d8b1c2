"""SPPO's regression on win rates."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, log_ratio, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Sppo(PairLoss):
    """SPPO (arXiv 2405.00675): each answer's log-ratio is regressed on how often it wins against the policy that drew it.

        L = 1/2 [ ( l(y_w) - (P_w - 1/2)/beta )^2 + ( l(y_l) - (P_l - 1/2)/beta )^2 ]

    wins: P is 1 for the chosen and 0 for the rejected answer ("hard"); the answer's own reward, cut to [0, 1], for runs whose
    reward is a win rate ("reward"); or sigmoid(R_w - R_l) and its complement ("pair"). The base is the policy at the start of
    the step, which drew the pairs; `base="reference"` is the loss of a first iteration.

    With the paper's beta = 0.001 the target is 500 nats and the loss is of the order of 10^5: beside another loss give the
    stream a small coefficient, or take a larger beta.

    Degenerate: at the base L = [ (P_w - 1/2)^2 + (P_l - 1/2)^2 ] / (2 beta^2); with both P = 1/2 it is 0 there.
    """

    beta: float = 0.001
    wins: str = "hard"
    base: str = "old"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.001)
        one_of(self, "wins", ("hard", "reward", "pair"))
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        better, worse = self._win_rates(chosen, rejected)
        return 0.5 * ((log_ratio(chosen, self.base) - (better - 0.5) / self.beta) ** 2
                      + (log_ratio(rejected, self.base) - (worse - 0.5) / self.beta) ** 2)

    def _win_rates(self, chosen: Side, rejected: Side) -> tuple[Tensor, Tensor]:
        if self.wins == "reward":
            return chosen.reward.clamp(0, 1), rejected.reward.clamp(0, 1)
        better = torch.ones_like(chosen.logp)
        if self.wins == "pair":
            better = (chosen.reward - rejected.reward).sigmoid()
        return better, 1 - better
