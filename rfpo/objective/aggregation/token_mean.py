"""DAPO's aggregation."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.objective.slots import Aggregation


@dataclass(frozen=True)
class TokenMean(Aggregation):
    """The mean over all trained tokens of the update, as in DAPO (arXiv 2503.14476).

        sum_{i,t} l_{i,t} / sum_i |o_i|                    the denominator counted over the whole update

    Every token weighs the same, so a long response weighs more. Degenerate: 0 without a trained token.
    """

    def __call__(self, loss: Tensor, batch: Batch) -> Tensor:
        return keep(loss, batch.mask).sum() / max(batch.counts.tokens, 1)
