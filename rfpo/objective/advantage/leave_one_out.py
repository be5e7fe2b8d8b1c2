"""RLOO's advantage."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of
from rfpo.objective.advantage._group import BASELINES, baseline_rows, group_statistics
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class LeaveOneOut(Advantage):
    """The reward minus the mean of the *other* responses' rewards, as in RLOO (arXiv 2402.14740).

        A_i = R_i - 1/(G-1) sum_{j != i} R_j = G/(G-1) (R_i - mean_g)        for a row of the baseline, which holds G
        A_i = R_i - mean_g                                                   for a row outside it: nothing to leave out

    `baseline` as in group_zscore: "group", or "originals" for the sampled responses only.

    Degenerate: equal rewards give exactly 0; fewer than two rows in the baseline give 0 to the whole group.
    """

    baseline: str = "group"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        one_of(self, "baseline", BASELINES)

    def __call__(self, batch: Batch) -> Tensor:
        rows = baseline_rows(batch, self.baseline)
        group = group_statistics(batch.reward, batch.group, rows)
        count = group.count.to(batch.reward.dtype)
        left_out = torch.where(rows, count / (count - 1).clamp(min=1), torch.ones_like(count))
        return keep(left_out * (batch.reward - group.mean), group.usable)[:, None]
