"""INPO's square against two policies."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.checks import require, scheduled
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Inpo(PairLoss):
    """INPO (arXiv 2407.00617): mirror descent towards the Nash policy, between the reference and the policy of this step.

        h = D_theta - (tau/eta) D_reference - ((eta - tau)/eta) D_old           D = lp(y_w) - lp(y_l)
        L = ( h - 1/(2 eta) )^2

    The defaults are those that an independent implementation quotes as the paper's. Sums, not means: eta = 0.0075 asks for a
    margin of 67 nats.

    Degenerate: where old and reference agree it is `ipo` on sums with beta = eta; with tau = eta the old policy drops out.
    """

    eta: float = 0.0075
    tau: float = 0.0025

    def __post_init__(self):
        require(self, "eta", lambda x: x > 0, "positive", 0.0075)
        require(self, "tau", lambda x: x > 0 and (scheduled(self.eta) or x <= self.eta), "above 0 and at most eta", 0.0025)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"reference"} if self.tau == self.eta else {"reference", "old"})

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        pull = self.tau / self.eta
        h = chosen.logp - rejected.logp - pull * (chosen.reference - rejected.reference)
        if pull != 1:
            h = h - (1 - pull) * (chosen.old - rejected.old)
        return (h - 1 / (2 * self.eta)) ** 2
