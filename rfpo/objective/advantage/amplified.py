"""R3L's amplification of what went well."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import require
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class Amplified(Advantage):
    """R3L's positive amplification (arXiv 2601.03715): failures outnumber successes, so successes count more.

        A_i = 1                    where R_i >= solved_at, if that is set
        A_i = factor A_base,i      where A_base,i > 0
        A_i = A_base,i             elsewhere

    R3L: factor 3, solved_at 1, over the group's centred reward. The first rule also trains a solved group, where the base
    gives 0.

    Degenerate: factor 1 without solved_at is the base.
    """

    base: Advantage = GroupCentred()
    factor: float = 3.0
    solved_at: float | None = None

    def __post_init__(self):
        require(self, "factor", lambda x: 0 < x < math.inf, "above 0", 3.0)
        require(self, "solved_at", lambda x: x is None or math.isfinite(x), "a finite number, or left out", 1.0)

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: what the base does not keep, and what imitating every solved response does not."""
        own = {} if self.solved_at is None else {"equal_rewards_teach_nothing": "a solved response is imitated among others",
                                                 "baseline_rows_only": "above solved_at the reward says no more"}
        return getattr(self.base, "narrows", {}) | own

    def __call__(self, batch: Batch) -> Tensor:
        base = self.base(batch)
        found = torch.where(base > 0, self.factor * base, base)
        if self.solved_at is None:
            return found
        return torch.where((batch.reward >= self.solved_at)[:, None], torch.ones_like(found), found)
