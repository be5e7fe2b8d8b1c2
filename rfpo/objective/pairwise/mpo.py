"""DPO on the pairs that are far apart."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.checks import one_of, require
from rfpo.objective.pairwise._base import BASES, difference, needed
from rfpo.objective.slots import PairLoss, Side


@dataclass(frozen=True)
class Mpo(PairLoss):
    """MPO's easy half (mixed preference optimisation, arXiv 2403.19443): DPO where the rewards are far apart.

        L = -log sigmoid(h)  if R_w - R_l > gap,  else 0                        h = beta ( l(y_w) - l(y_l) )

    The paper trains the easy pairs first and gives the hard ones to PPO, which starts from the DPO model and has it as the
    reference of its KL. Here both go on at once, the hard answers in the run's main objective; for the paper's order run twice,
    the second time from the first one's model with `kl_to_reference`. The paper's threshold is UNVERIFIED: the default keeps
    every pair.

    Degenerate: gap = 0 is `dpo`; a gap above all rewards is loss 0.
    """

    beta: float = 0.1
    gap: float = 0.0
    base: str = "reference"

    def __post_init__(self):
        require(self, "beta", lambda x: x > 0, "positive", 0.1)
        require(self, "gap", lambda x: x >= 0, "at least 0", 0.0)
        one_of(self, "base", BASES)

    @property
    def needs(self) -> frozenset[str]:
        return needed(self.base)

    def __call__(self, chosen: Side, rejected: Side) -> Tensor:
        easy = (chosen.reward - rejected.reward > self.gap).to(chosen.logp)
        return -logsigmoid(self.beta * difference(chosen, rejected, self.base)) * easy
