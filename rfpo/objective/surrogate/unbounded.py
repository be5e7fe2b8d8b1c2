"""The surrogate without a trust region."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, exp
from rfpo.objective.slots import Policy, Surrogate


@dataclass(frozen=True)
class Unbounded(Surrogate):
    """The importance-weighted policy gradient without a trust region; with ratio on_policy it is REINFORCE (Williams, 1992).

        L = -r A

    Degenerate: at r = 1 the gradient is -A grad log pi. Nothing bounds a large r but the 80 nats above which exp is cut.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        return -exp(log_ratio) * batch.advantage
