"""NGRPO's advantage."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective.advantage._group import BASELINES, baseline_rows, group_statistics, over
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class VirtualReward(Advantage):
    """NGRPO (arXiv 2509.18851): the z-score in a group to which answers of the highest reward are thought to belong.

        A_i = (R_i - mean') / (std' + epsilon)     over the group's rewards and `count` virtual ones of `reward`; unbiased std

    In *every* group, as in its code, not only in all-wrong ones: there every answer gets the same negative advantage, and
    everywhere else right answers get less. NGRPO clips at .16 below and .24 above. `baseline` as in group_zscore.

    Degenerate: a group whose rewards are all the virtual one has exactly 0. Fewer than two rows in the baseline give 0 to
    the whole group, as elsewhere here (its code takes the plain reward of a single one).
    """

    reward: float = 1.0
    count: int = 1
    epsilon: float = 1e-6
    baseline: str = "group"
    needs: ClassVar[frozenset[str]] = frozenset()
    narrows: ClassVar[dict[str, str]] = {"equal_rewards_teach_nothing": "equally wrong answers are all below the virtual one"}

    def __post_init__(self):
        require(self, "reward", math.isfinite, "a finite number", 1.0)
        require(self, "count", lambda x: isinstance(x, int) and 1 <= x <= 10**6, "a whole number of at least 1", 1)
        require(self, "epsilon", lambda x: x > 0, "positive", 1e-6)
        one_of(self, "baseline", BASELINES)

    def __call__(self, batch: Batch) -> Tensor:
        group = group_statistics(batch.reward, batch.group, baseline_rows(batch, self.baseline))
        rows, away = group.count.to(batch.reward.dtype), self.reward - group.mean
        every = rows + self.count
        square = (rows - 1).clamp(min=0) * group.std.square() + rows * self.count / every * away.square()
        centred = batch.reward - group.mean - away * self.count / every
        return keep(over(centred, (square / (every - 1).clamp(min=1)).sqrt(), self.epsilon), group.usable)[:, None]
