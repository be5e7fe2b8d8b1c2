"""Dr.GRPO's advantage."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of
from rfpo.objective.advantage._group import BASELINES, baseline_rows, group_statistics
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class GroupCentred(Advantage):
    """The reward minus its group's mean, as in Dr.GRPO (arXiv 2503.20783).

        A_i = R_i - mean_g                                 the same for every token of the response

    Without a division by the std, nearly solved and nearly unsolved prompts are not blown up, and the scale of the reward
    is kept. `baseline` as in group_zscore: "group", or "originals" for the sampled responses only.

    Degenerate: equal rewards give exactly 0; fewer than two rows in the baseline give 0 to the whole group.
    """

    baseline: str = "group"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        one_of(self, "baseline", BASELINES)

    def __call__(self, batch: Batch) -> Tensor:
        group = group_statistics(batch.reward, batch.group, baseline_rows(batch, self.baseline))
        return keep(batch.reward - group.mean, group.usable)[:, None]
