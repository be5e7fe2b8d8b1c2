"""A constant weight for rows of an origin."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class Fixed(Weight):
    """The same weight for every row of these origins: how much corrections or demonstrations count beside plain samples.

        w = factor for rows of `origins`, 1 elsewhere                    e.g. .1 for RLTF's corrections (arXiv 2602.02482)

    Unlike a stream of its own, the rows keep their place in their group's baseline and in the counts.

    Degenerate: factor 0 leaves the rows in the baseline and takes their gradient away; factor 1 is no weight.
    """

    factor: float = 0.1
    origins: tuple[str, ...] = AWAY
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        require(self, "factor", lambda x: 0 <= x < math.inf, "at least 0", 0.1)
        check_origins(self)

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {} if self.factor == 1 else {"reinforce_at_ratio_one": "a row is weighed by where it came from"}

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        log_factor = math.log(self.factor) if self.factor > 0 else -math.inf
        return policy.logp.new_zeros(len(batch), 1).masked_fill(of_origins(batch, self.origins), log_factor)
