"""LENS's advantage."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective.advantage._confidence import SOURCES, column_of, mean_logp
from rfpo.objective.advantage._group import GroupStatistics, group_statistics, over
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class ConfidencePenalty(Advantage):
    """LENS (arXiv 2510.08696): wrong answers are blamed by how confident they were, so that all-wrong groups teach.

        R'_i = R_i - p_i / (D - p_i)   for a wrong answer,  R_i for a right one;   p_i = exp( mean_t log pi_old(o_t) )
        all wrong:   D = 2 max_g p,                          A_i = alpha (R'_i - mean'_g)
        mixed:       D = max( mean_g p / share right, 2 max_g p ),   A_i = (R'_i - mean'_g) / (std'_g + epsilon)

    p / (D - p) is the slope of log(1 - pi/D), the likelihood of "wrong" under the reward model pi/D: at most 1, for the
    most confident of the group. Which D a mixed group's accuracy implies is UNVERIFIED; mean p / share right is the one at
    which pi/D has that mean. `mixed` False leaves mixed groups to GRPO. alpha .25 is the paper's.

    An answer is right from `solved_at` on. `source` of p: "behaviour", or "old", which is scored in the train context.
    Statistics are over the rows that count for the baseline.

    Degenerate: all right, 0. All wrong and equally confident, 0. Where p is unknown there is no penalty.
    """

    alpha: float = 0.25
    mixed: bool = True
    solved_at: float = 1.0
    epsilon: float = 1e-4
    source: str = "behaviour"

    def __post_init__(self):
        require(self, "alpha", lambda x: 0 <= x < math.inf, "at least 0", 0.25)
        require(self, "mixed", lambda x: isinstance(x, bool), "true or false", False)
        require(self, "solved_at", math.isfinite, "a finite number", 1.0)
        require(self, "epsilon", lambda x: x > 0, "positive", 1e-4)
        one_of(self, "source", SOURCES)

    @property
    def needs(self) -> frozenset[str]:
        return column_of(self.source)

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {"equal_rewards_teach_nothing": "equally wrong answers differ in how confident they were"}

    def __call__(self, batch: Batch) -> Tensor:
        right, rows = batch.reward >= self.solved_at, batch.baseline
        share = group_statistics(right.to(batch.reward.dtype), batch.group, rows).mean
        penalty = self._penalty(batch, rows, share.double())
        blamed = ~right if self.mixed else ~right & (share == 0)
        reward = batch.reward - keep(penalty.to(batch.reward.dtype), blamed)
        group: GroupStatistics = group_statistics(reward, batch.group, rows)
        centred = reward - group.mean
        found = torch.where(share > 0, over(centred, group.std, self.epsilon), self.alpha * centred)
        return keep(found, group.usable)[:, None]

    def _penalty(self, batch: Batch, rows: Tensor, share: Tensor) -> Tensor:
        """p / (D - p) [N] in float64, with p and D over the group's largest p, which may be far below 1e-308."""
        logp, known = mean_logp(batch, self.source)
        index = torch.unique(batch.group, return_inverse=True)[1]
        zeros = logp.new_zeros(int(index.max()) + 1 if len(index) else 0)
        counted = rows & known
        top = zeros.scatter_reduce(0, index[counted], logp[counted], "amax", include_self=False)
        relative = keep((logp - top[index]).clamp(max=0).exp(), known)
        mean = zeros.index_add(0, index[counted], relative[counted]) / torch.bincount(
            index[counted], minlength=len(zeros)).clamp(min=1)
        implied = keep(mean[index] / torch.where(share > 0, share, 1.0), share > 0)
        return relative / (implied.clamp(min=2) - relative)
