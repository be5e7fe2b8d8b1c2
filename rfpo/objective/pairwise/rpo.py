"""DPO with the chosen answer's likelihood."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Rpo(PairLoss):
    """RPO (arXiv 2405.16436): DPO, held up by the likelihood of the chosen answer.

        L = -log sigmoid(h) - eta lp(y_w)/|y_w|                                 h = beta ( l(y_w) - l(y_l) )

    With `per_token=False` the likelihood is the whole answer's, eta lp(y_w); its authors then take beta = 0.01 and eta = 0.005.
    DPO alone may lower both answers' likelihood; a large enough eta keeps the chosen one's from falling.

    Degenerate: eta = 0 is `dpo`.
    """

    beta: float = 0.5
    eta: float = 0.2
    per_token: bool = True
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.5)
        require(self, "eta", lambda x: x >= 0, "at least 0", 0.2)
        require(self, "per_token", lambda x: isinstance(x, bool), "true or false", True)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        likelihood = chosen.mean if self.per_token else chosen.logp
        return -logsigmoid(self.beta * difference(chosen, rejected, self.base)) - self.eta * likelihood
