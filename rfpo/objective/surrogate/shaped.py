"""LUFFY's surrogate."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, row_mean, row_sum
from rfpo.checks import one_of, require
from rfpo.objective.slots import Policy, Surrogate


@dataclass(frozen=True)
class Shaped(Surrogate):
    """LUFFY's policy shaping (arXiv 2504.14945), without a clip: low probabilities are raised the most.

        L = -f(x) A,    f(x) = x / (x + gamma),    whose gradient is -A gamma x / (x + gamma)^2 grad log pi

    of     "probability": x = pi_theta(o_t | q), the writer's density being put at 1 (LUFFY; Critique-GRPO, arXiv
           2506.03106; GOLF, arXiv 2603.04597; AMPO).  "ratio": x = r of the ratio slot, the "regularised" importance
           sampling of LTE (arXiv 2510.26109), whose exact f is UNVERIFIED.
    level  "token"; "geometric", the geometric mean over the row's trained tokens; "sequence", their product, which is 0 for
           any long response. GOLF's code also shapes token by token in the branch that it calls a sequence's.

    f is found as sigmoid(log x - log gamma), in float64: no x overflows it, and none is lost but to underflow.
    Use it inside surrogate `by_origin`, so that sampled rows keep their clip.

    Degenerate: largest slope, 1/4, at x = gamma; |L| is at most |A|, and the gradient vanishes at both ends.
    """

    gamma: float = 0.1
    of: str = "probability"
    level: str = "token"
    needs: ClassVar[frozenset[str]] = frozenset()
    narrows: ClassVar[dict[str, str]] = {"reinforce_at_ratio_one": "the slope is that of f at x, which is at most 1/4"}

    def __post_init__(self):
        require(self, "gamma", lambda x: 0 < x < math.inf, "above 0", 0.1)
        one_of(self, "of", ("probability", "ratio"))
        one_of(self, "level", ("token", "geometric", "sequence"))

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        x = (policy.logp if self.of == "probability" else log_ratio).double()
        if self.level != "token":
            x = {"geometric": row_mean, "sequence": row_sum}[self.level](x, batch.mask)
        return -torch.sigmoid(x - math.log(self.gamma)).to(policy.logp.dtype) * batch.advantage
