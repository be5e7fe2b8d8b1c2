"""RLOO's aggregation."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.objective.slots import Aggregation


@dataclass(frozen=True)
class SequenceSum(Aggregation):
    """The mean over responses of each response's sum: the policy gradient of whole sequences, as in RLOO (arXiv 2402.14740).

        1/N sum_i sum_t l_{i,t}                            N counted over the whole update

    With -A log pi_theta it is -A log pi_theta(o | q), the response as one action. Degenerate: a response without a trained
    token adds 0 and counts in N.
    """

    def __call__(self, loss: Tensor, batch: Batch) -> Tensor:
        return keep(loss, batch.mask).sum() / max(batch.counts.rows, 1)
