"""GRPO's advantage."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective.advantage._group import BASELINES, baseline_rows, group_statistics, over
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class GroupZscore(Advantage):
    """The reward's z-score within its group, as in GRPO (arXiv 2402.03300).

        A_i = (R_i - mean_g) / (std_g + epsilon)          unbiased std, the same for every token of the response

    baseline "group": mean_g and std_g over every row of the group that counts for its baseline; "originals": over the
    responses sampled for the prompt only, so that a merged correction is measured by them and does not move them.

    Degenerate: equal rewards give exactly 0. Fewer than two rows in the baseline give 0 to the whole group: there is
    nobody to be compared with. A baseline of equal rewards has no scale: a row outside it gets R_i - mean_g.
    """

    epsilon: float = 1e-4
    baseline: str = "group"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        require(self, "epsilon", lambda x: x > 0, "positive", 1e-4)
        one_of(self, "baseline", BASELINES)

    def __call__(self, batch: Batch) -> Tensor:
        group = group_statistics(batch.reward, batch.group, baseline_rows(batch, self.baseline))
        return keep(over(batch.reward - group.mean, group.std, self.epsilon), group.usable)[:, None]
