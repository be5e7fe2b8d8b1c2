"""Dr.GRPO's aggregation."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import require
from rfpo.objective.slots import Aggregation


@dataclass(frozen=True)
class ConstantLength(Aggregation):
    """The sum over tokens divided by a constant length, as in Dr.GRPO (arXiv 2503.20783).

        sum_{i,t} l_{i,t} / (N T_max)                      N counted over the whole update

    T_max is `length`, or the run's limit on new tokens when it is left out; it never depends on the batch, so that the
    length of a response does not change the weight of its tokens. Gradients are smaller than with sequence_mean by about
    |o|/T_max. Degenerate: 0 without a trained token.
    """

    length: int | None = None

    def __post_init__(self):
        require(self, "length", lambda x: x is None or x >= 1, "at least 1, or left out", 1024)

    def __call__(self, loss: Tensor, batch: Batch) -> Tensor:
        length = batch.counts.max_length if self.length is None else self.length
        return keep(loss, batch.mask).sum() / max(batch.counts.rows * length, 1)
