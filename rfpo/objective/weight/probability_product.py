"""Powers of a token's probability as its weight."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import one_of, require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class ProbabilityProduct(Weight):
    """CHORD's token weight p (1 - p) (arXiv 2508.11408), and its relatives by two exponents.

        w_t = p^own (1 - p)^rest,    p = pi(o_t | q, o_<t)                                            detached

    own, rest = 1, 1  CHORD's phi: neither what is known nor what is far off;   0, .5  RL-PLUS's exploration (arXiv
    2508.00222), multiplied into the advantage there;   1, 0  the probability itself (DFT; raw importance sampling with a
    demonstration's density put at 1);   .5, 0  its root.

    `snapshot` "current" is the policy that is being updated, as in their codes; "old" and "update" are fixed before.

    Degenerate: 1 on rows of other origins; 0 at p = 1 where rest is above 0. In logs and float64: full digits near both ends.
    """

    own: float = 1.0
    rest: float = 1.0
    snapshot: str = "current"
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        require(self, "own", lambda x: 0 <= x < math.inf, "at least 0", 1.0)
        require(self, "rest", lambda x: 0 <= x < math.inf, "at least 0", 1.0)
        one_of(self, "snapshot", ("current", "old", "update"))
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.snapshot} - {"current"})

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {"reinforce_at_ratio_one": "weighs by the probability itself, which is not 1 where nothing is off-policy"}

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        logp = (policy.logp if self.snapshot == "current" else getattr(batch, self.snapshot)).double().clamp(max=0)
        found = torch.zeros_like(logp)
        if self.own:
            found = found + self.own * logp
        if self.rest:
            found = found + self.rest * _log_complement(logp)
        return torch.where(of_origins(batch, self.origins), found, 0.0).to(policy.logp.dtype)


def _log_complement(logp: Tensor) -> Tensor:
    """log(1 - exp(logp)), by whichever form keeps its digits; -inf at 0."""
    return torch.where(logp > -math.log(2), (-torch.expm1(logp)).log(), torch.log1p(-logp.exp()))
