"""The same advantage everywhere."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import require
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class Constant(Advantage):
    """The same advantage for every row, whatever its reward: with surrogate `log_likelihood` it is supervised fine-tuning.

        A_i = value

    For a stream that holds only what is worth imitating: demonstrations (CHORD, arXiv 2508.11408; SRFT, arXiv 2506.19767;
    ReLIFT, arXiv 2506.07527), critiques to be predicted (RLTF's feedback modelling, arXiv 2602.02482).

    Degenerate: value 0 trains nothing.
    """

    value: float = 1.0
    needs: ClassVar[frozenset[str]] = frozenset()
    narrows: ClassVar[dict[str, str]] = {
        "group_sees_itself_only": "no advantage depends on any reward",
        "baseline_rows_only": "no advantage depends on any reward",
        "equal_rewards_teach_nothing": "whatever is in the stream is imitated"}

    def __post_init__(self):
        require(self, "value", math.isfinite, "a finite number", 1.0)

    def __call__(self, batch: Batch) -> Tensor:
        return torch.full_like(batch.reward, self.value)[:, None]
