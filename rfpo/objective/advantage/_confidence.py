"""How likely whoever sampled a row found it, as a number of the whole step."""

from torch import Tensor

from rfpo.batch import Batch, row_mean

SOURCES = ("behaviour", "old")


def column_of(source: str) -> frozenset[str]:
    """What a piece with this source reads."""
    return frozenset({source})


def mean_logp(batch: Batch, source: str) -> tuple[Tensor, Tensor]:
    """[N] in float64, and [N] bool: each row's mean log-prob over its trained tokens, and whether it has any that is known.

    "behaviour": as its sampler reported it, in the context it was drawn in, which is there before anything is scored;
    "old": of the policy at the start of the step, in the train context.
    """
    counted = batch.mask & batch.known if source == "behaviour" else batch.mask
    return row_mean(getattr(batch, source).double(), counted)[:, 0], counted.any(-1)
