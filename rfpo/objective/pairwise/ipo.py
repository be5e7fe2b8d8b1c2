"""IPO's square."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, log_ratio, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Ipo(PairLoss):
    """IPO (arXiv 2310.12036): the margin is regressed on 1/(2 beta) and does not grow for ever.

        L = ( l(y_w) - l(y_l) - 1/(2 beta) )^2

    per_token: log-ratios are means over an answer's tokens, as in TRL, and the target is nats a token; otherwise they are sums,
    as the equation is printed. The target does not depend on the length, so the beta of one is not that of the other.

    Degenerate: where policy and base agree L = 1/(4 beta^2); at the target both loss and gradient are 0.
    """

    beta: float = 0.1
    per_token: bool = True
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "per_token", lambda x: isinstance(x, bool), "true or false", True)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        better, worse = log_ratio(chosen, self.base), log_ratio(rejected, self.base)
        if self.per_token:
            better, worse = better / chosen.length, worse / rejected.length
        return (better - worse - 1 / (2 * self.beta)) ** 2
