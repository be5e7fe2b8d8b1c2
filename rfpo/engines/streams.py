"""Which rows of a stream are run."""

import torch
from torch import Tensor

from rfpo.engines.protocols import Stream


def rows_to_run(stream: Stream) -> Tensor:
    """[N] bool. A row without a trained token, or with an advantage of zero everywhere and no regularizer to read it, has no
    gradient: it is not run. It stays in the counts. A unit is run whole if any of its rows is."""
    batch, objective = stream.batch, stream.objective
    trained = batch.mask
    if not objective.regularizers and batch.advantage is not None:
        trained = trained & (batch.advantage != 0)
    return torch.isin(batch.unit, batch.unit[trained.any(-1)])
