"""REINFORCE++'s advantage."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective.advantage._group import BASELINES, baseline_rows, group_statistics, over
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class BatchWhitened(Advantage):
    """The reward, whitened over all trained tokens of the step, as in REINFORCE++ (arXiv 2501.03262).

        a_i = R_i,  or  R_i - mean_g  with `group_baseline` (REINFORCE++-baseline)
        A_i = (a_i - m) / (s + epsilon)     m, s: mean and population std of a over the trained tokens of the whole step

    A response weighs as many times as it has trained tokens. Rows that do not count for the baseline, and with
    `baseline` "originals" whatever was not sampled for the prompt, are whitened but move neither m nor s.

    Degenerate: equal a everywhere give exactly 0; a step with no trained token in the baseline gives 0; where s is 0 a row
    outside the baseline gets a_i - m. With `group_baseline`, a group with fewer than two rows in the baseline has a_i = 0,
    and a group of equal rewards still gets -m / s, because the step's mean is subtracted from it too.
    """

    group_baseline: bool = False
    epsilon: float = 1e-8
    baseline: str = "group"
    needs: ClassVar[frozenset[str]] = frozenset()
    narrows: ClassVar[dict[str, str]] = {"group_sees_itself_only": "mean and std are those of the whole step"}

    def __post_init__(self):
        require(self, "group_baseline", lambda x: isinstance(x, bool), "true or false", True)
        require(self, "epsilon", lambda x: x > 0, "positive", 1e-8)
        one_of(self, "baseline", BASELINES)

    def __call__(self, batch: Batch) -> Tensor:
        rows, score = baseline_rows(batch, self.baseline), batch.reward
        if self.group_baseline:
            group = group_statistics(batch.reward, batch.group, rows)
            score = keep(batch.reward - group.mean, group.usable)
        weight = keep(batch.mask.sum(-1).to(score.dtype), rows)
        tokens = weight.sum().clamp(min=1)
        top = score[weight > 0].max() if (weight > 0).any() else score.new_zeros(())
        mean = top + (weight * (score - top)).sum() / tokens  # from the highest, so that equal scores have mean exactly
        std = ((weight * (score - mean) ** 2).sum() / tokens).sqrt()
        return keep(over(score - mean, std, self.epsilon), weight.sum() > 0)[:, None]
