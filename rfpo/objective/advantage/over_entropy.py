"""EDGE-GRPO's advantage."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective.advantage._confidence import SOURCES, column_of, mean_logp
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class OverEntropy(Advantage):
    """EDGE-GRPO (arXiv 2507.21848): confident answers count more, undecided ones less, right or wrong.

        A_i = A_base,i / h_i,    h_i = H_i / mean_j H_j, clamped to [1/bound, bound]              mean over the step's rows

    H_i is the mean of -log p over the row's trained tokens: an unbiased estimate of the mean entropy that EDGE takes from the
    full distribution at loss time, and one that is known of the whole step before it is cut. Its code clamps nothing (a clamp
    to [.1, 10] stands in a comment) and means over its padding too. `source` as in confidence_penalty.

    Degenerate: a row whose p is unknown keeps its base advantage; so does every row where the mean is 0.
    """

    base: Advantage = GroupZscore()
    bound: float = 10.0
    source: str = "behaviour"

    def __post_init__(self):
        require(self, "bound", lambda x: x >= 1, "at least 1", 10.0)
        one_of(self, "source", SOURCES)

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs | column_of(self.source)

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: what the base does not keep."""
        return getattr(self.base, "narrows", {})

    def __call__(self, batch: Batch) -> Tensor:
        logp, known = mean_logp(batch, self.source)
        entropy = keep((-logp).clamp(min=0), known)
        mean = entropy.sum() / known.sum().clamp(min=1)
        scale = (mean / entropy).clamp(1 / self.bound, self.bound)
        scale = keep(scale - 1, known & (mean > 0)) + 1
        return self.base(batch) * scale[:, None].to(batch.reward.dtype)
