"""SLiC's hinge."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Hinge(PairLoss):
    """The hinge loss of SLiC-HF (arXiv 2305.10425), on log-ratios as in RSO (arXiv 2309.06657).

        L = max(0, margin - h)                                                  h = beta ( l(y_w) - l(y_l) )

    SLiC itself has no reference and beta 1: `base="none", beta=1.0`; its likelihood term is a second stream.

    Degenerate: where policy and base agree L = margin; from h = margin on neither loss nor gradient is left.
    """

    beta: float = 0.1
    margin: float = 1.0
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "margin", lambda x: x > 0, "positive", 1.0)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        return (self.margin - self.beta * difference(chosen, rejected, self.base)).clamp(min=0)
