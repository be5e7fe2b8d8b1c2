"""Iterated DPO with momentum."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.checks import require
from rfpo.objective.pairwise._base import difference
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Accelerated(PairLoss):
    """Accelerated preference optimisation (APO, arXiv 2410.06293), as far as one step's columns can say it: DPO, started ahead.

        h = beta [ D_theta - D_old - alpha ( D_old - D_reference ) ]            D = lp(y_w) - lp(y_l)
        L = -log sigmoid(h)

    The method reads iterated DPO as a proximal-point method and adds Nesterov's extrapolation after each iteration,
    pi ~ pi_now (pi_now / pi_before)^alpha. That formula and its alpha are UNVERIFIED here. Two things differ: the extrapolated
    policy is the base of the loss and never the one that samples, and `reference`, frozen at the start of the run, stands in
    for the iterate before. Normalisers cancel in a pair. The default alpha is this library's.

    Degenerate: alpha = 0, or an old policy that is still the reference, is `dpo` with base "old".
    """

    beta: float = 0.1
    alpha: float = 0.3

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "alpha", lambda x: 0 <= x < 1, "at least 0 and below 1", 0.3)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"old", "reference"} if self.alpha else {"old"})

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        h = difference(chosen, rejected, "old")
        if self.alpha:
            h = h - self.alpha * (chosen.old - chosen.reference - rejected.old + rejected.reference)
        return -logsigmoid(self.beta * h)
