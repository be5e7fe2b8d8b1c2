"""The reward itself as the advantage."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import require
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class Reward(Advantage):
    """The reward without a baseline, floored: rejection sampling (RAFT, arXiv 2304.06767) with rewards of 0 and 1.

        A_i = max(R_i, floor)                        floor None: R_i, as in REINFORCE (Williams, 1992)

    ERL (arXiv 2602.13949) imitates its second attempts so. RLTF (arXiv 2602.02482) finds it worse than a baseline of the
    first turns: group_centred with baseline "originals".

    Degenerate: where every reward is 0, nothing.
    """

    floor: float | None = 0.0
    needs: ClassVar[frozenset[str]] = frozenset()
    narrows: ClassVar[dict[str, str]] = {"equal_rewards_teach_nothing": "a right answer is imitated, alone or among others"}

    def __post_init__(self):
        require(self, "floor", lambda x: x is None or math.isfinite(x), "a finite number, or left out", 0.0)

    def __call__(self, batch: Batch) -> Tensor:
        return (batch.reward if self.floor is None else batch.reward.clamp(min=self.floor))[:, None]
