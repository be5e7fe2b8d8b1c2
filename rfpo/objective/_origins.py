"""Which rows a piece acts on, by where they came from."""

from torch import Tensor, isin

from rfpo.batch import ORIGINS, Batch
from rfpo.checks import require

AWAY = ("corrected", "given", "replayed")
"""Every row that the policy did not sample for the prompt in this step."""


def check_origins(piece) -> None:
    """Raise UserError unless the field `origins` is a tuple of at least one name, all of them in ORIGINS."""
    require(piece, "origins", lambda x: isinstance(x, tuple) and len(x) > 0 and all(name in ORIGINS for name in x),
            f"a tuple of names out of {', '.join(ORIGINS)}", AWAY)


def of_origins(batch: Batch, origins: tuple[str, ...]) -> Tensor:
    """[N,1] bool: the rows of these origins."""
    wanted = batch.origin.new_tensor([ORIGINS.index(name) for name in origins])
    return isin(batch.origin, wanted)[:, None]
