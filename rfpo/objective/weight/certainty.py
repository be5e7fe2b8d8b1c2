"""SRFT's weights by entropy."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, row_mean
from rfpo.checks import one_of, require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class Certainty(Weight):
    """A weight by how certain the policy is, as in SRFT (arXiv 2506.19767): a demonstration counts less where it is not.

        w = scale exp(exponent H),    H = entropy of pi_theta(. | q, o_<t), in nats, detached

    SRFT's weights are .5 exp(-H) on demonstrations and .1 exp(+H) on the policy's own right answers: `praised` leaves out
    what has no positive advantage. By third-party notes the released code has exp(+H) on demonstrations too: exponent 1. level
    "response" takes the mean over a row's trained tokens, "token" each token's own; which of them SRFT means is UNVERIFIED.

    Degenerate: 1 on rows of other origins, and with `praised` on tokens with A <= 0; exp is cut at 80 nats.
    """

    exponent: float = -1.0
    scale: float = 1.0
    level: str = "response"
    origins: tuple[str, ...] = AWAY
    praised: bool = False
    needs: ClassVar[frozenset[str]] = frozenset({"entropy"})
    narrows: ClassVar[dict[str, str]] = {"reinforce_at_ratio_one": "weighs by the entropy, on-policy or not"}

    def __post_init__(self):
        require(self, "exponent", lambda x: abs(x) <= 1e3, "between -1000 and 1000", -1.0)
        require(self, "scale", lambda x: 0 < x < math.inf, "above 0", 0.5)
        one_of(self, "level", ("token", "response"))
        require(self, "praised", lambda x: isinstance(x, bool), "true or false", True)
        check_origins(self)

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        entropy = policy.entropy.double()
        if self.level == "response":
            entropy = row_mean(entropy, batch.mask)
        found = self.exponent * entropy + math.log(self.scale)
        weighed = of_origins(batch, self.origins)
        if self.praised:
            weighed = weighed & (batch.advantage > 0)
        return torch.where(weighed, found, 0.0).to(policy.logp.dtype)
