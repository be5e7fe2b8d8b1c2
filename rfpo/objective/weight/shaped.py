"""LUFFY's shaping as a detached weight."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.batch import Batch
from rfpo.checks import one_of, require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class Shaped(Weight):
    """What LUFFY's shaping (arXiv 2504.14945) multiplies the policy gradient with, as a weight of its own.

        w_t = gamma p / (p + gamma)^2,    p = pi(o_t | q, o_<t)             f'(p) p of f(p) = p / (p + gamma)

    Largest, 1/4, at p = gamma: the tokens of middling low probability are pushed. With a surrogate whose gradient is
    -A grad log pi (ratio `on_policy`, or surrogate `log_likelihood`) and snapshot "current" the gradient is exactly that of
    surrogate `shaped`; as a weight it also goes with a clip, and with "old" it is fixed for the step.

    Degenerate: 1 on rows of other origins; 0 in the limit of p = 0, found in logs: nothing overflows.
    """

    gamma: float = 0.1
    snapshot: str = "current"
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        require(self, "gamma", lambda x: 0 < x < math.inf, "above 0", 0.1)
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
        logp = policy.logp if self.snapshot == "current" else getattr(batch, self.snapshot)
        x = logp.double() - math.log(self.gamma)
        return torch.where(of_origins(batch, self.origins), logsigmoid(x) + logsigmoid(-x), 0.0).to(policy.logp.dtype)
