"""RL-ZVP: what a group of equal rewards can still teach."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import require
from rfpo.objective._origins import check_origins, of_origins
from rfpo.objective.ratio.token import Token
from rfpo.objective.slots import Policy, Ratio, Regularizer, Surrogate
from rfpo.objective.surrogate.clip import Clip


@dataclass(frozen=True)
class ZeroVariance(Regularizer):
    """RL-ZVP's advantage for prompts whose answers are all right or all wrong (arXiv 2509.21880), by the tokens' entropy.

        A_t = +coefficient H_t                      all right: the undecided tokens are praised the most
        A_t = -coefficient ( max_k H_k - H_t )      all wrong: the undecided ones are blamed the least
        loss = surrogate( ratio, A )

    H_t is the entropy of pi_theta(. | q, o_<t) in nats, detached; the maximum is over the response's own trained tokens. It
    stands here and not among the advantages, because those are there before any entropy is. A row belongs to such a group
    when all its advantages are 0: right where its reward is at least `solved_at`, wrong below. alpha, here `coefficient`, is
    not given in the source: the default is ours and UNVERIFIED.

    Degenerate: 0 on rows with an advantage; on rows of another origin; and on an all-wrong row of even entropy. A prompt with
    a single answer has no advantage either and counts as a group. The rows need an advantage that is 0 in such groups
    (group_zscore, group_centred, leave_one_out).
    """

    coefficient: float = 0.1
    ratio: Ratio = Token()
    surrogate: Surrogate = Clip()
    solved_at: float = 0.5
    origins: tuple[str, ...] = ("sampled",)

    def __post_init__(self):
        require(self, "coefficient", lambda x: 0 <= x < math.inf, "at least 0", 0.1)
        require(self, "solved_at", math.isfinite, "a finite number", 0.5)
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return self.ratio.needs | self.surrogate.needs | {"entropy"}

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        entropy = policy.entropy.detach()
        idle = batch.mask & (batch.advantage == 0).all(-1, keepdim=True) & of_origins(batch, self.origins)
        top = entropy.masked_fill(~batch.mask, -math.inf).amax(-1, keepdim=True)
        right = (batch.reward >= self.solved_at)[:, None]
        advantage = keep(self.coefficient * torch.where(right, entropy, entropy - top), idle)
        shown = replace(batch, advantage=advantage)
        return keep(self.surrogate(keep(self.ratio(policy, batch), idle), policy, shown), idle)
