"""One surrogate for sampled rows, another for the rest."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Surrogate
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.shaped import Shaped


@dataclass(frozen=True)
class ByOrigin(Surrogate):
    """The surrogate `other` for rows of `origins`, `base` for the others.

        L = L_other where the row is of `origins`, L_base elsewhere

    The defaults are LUFFY's (arXiv 2504.14945): PPO's clip on the policy's own samples, p / (p + .1) without a clip on
    demonstrations. Critique-GRPO (arXiv 2506.03106) and GOLF (arXiv 2603.04597) do the same with corrections.

    `with_parent`: of these rows only those that stand for another answer (`Batch.corrected`). A correction that is trained
    under the prompt it was drawn in is the policy's own sample there and keeps `base`, as GOLF's refinement task does; so does
    a try that failed.

    Each is shown a log ratio of 0 on the rows that are not its own, so that no slope of what is not taken is ever asked for.

    Degenerate: with both alike it is that surrogate.
    """

    base: Surrogate = Clip()
    other: Surrogate = Shaped()
    origins: tuple[str, ...] = AWAY
    with_parent: bool = False

    def __post_init__(self):
        check_origins(self)
        require(self, "with_parent", lambda x: isinstance(x, bool), "true or false", True)

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs | self.other.needs

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: what either does not keep. A row with a parent is off-policy, whatever its ratio."""
        of_other = dict(getattr(self.other, "narrows", {}))
        if self.with_parent:
            of_other.pop("reinforce_at_ratio_one", None)
        return getattr(self.base, "narrows", {}) | of_other

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        rows = of_origins(batch, self.origins)
        if self.with_parent:
            rows = rows & batch.corrected[:, None]
        base, other = (piece(keep(log_ratio, own), policy, batch) for piece, own in ((self.base, ~rows), (self.other, rows)))
        return torch.where(rows, other, base)
