"""GRPO's aggregation."""

from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, row_mean
from rfpo.checks import require
from rfpo.objective.slots import Aggregation


@dataclass(frozen=True)
class SequenceMean(Aggregation):
    """The mean over responses of each response's token mean, as in GRPO (arXiv 2402.03300) and GSPO (arXiv 2507.18071).

        1/N sum_i 1/|o_i| sum_t l_{i,t}                    N counted over the whole update, |o_i| trained tokens

    Every response weighs the same, so a token of a long response weighs less. `count_masked_rows`: whether a response
    without a trained token (a masked truncated one) counts in N (as in TRL) or not (as in verl).

    Degenerate: such a response adds 0; without any response the loss is 0.
    """

    count_masked_rows: bool = True

    def __post_init__(self):
        require(self, "count_masked_rows", lambda x: isinstance(x, bool), "true or false", True)

    def __call__(self, loss: Tensor, batch: Batch) -> Tensor:
        rows = batch.counts.rows if self.count_masked_rows else batch.counts.trained_rows
        return row_mean(loss, batch.mask).sum() / max(rows, 1)
