"""A likelihood term on what was shown."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import require
from rfpo.objective._origins import check_origins, of_origins
from rfpo.objective.slots import Policy, Regularizer


@dataclass(frozen=True)
class Imitation(Regularizer):
    """The negative log-likelihood of demonstrations, beside whatever their advantage does.

        loss = -coefficient log pi_theta(o_t | q, o_<t)                       on rows of `origins`, whatever their advantage

    UFT (arXiv 2505.16984) adds .001 of it on the tokens of its hints, ExPO (arXiv 2507.02834) beta of it on self-written
    explanations of the known answer. Weights do not touch it; a term with weights of its own is a stream "imitation".

    Degenerate: 0 on other rows, but a regularizer makes the learner run rows without an advantage too.
    """

    coefficient: float = 0.001
    origins: tuple[str, ...] = ("given",)
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self):
        require(self, "coefficient", lambda x: 0 <= x < math.inf, "at least 0", 0.001)
        check_origins(self)

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        return -self.coefficient * keep(policy.logp, of_origins(batch, self.origins))
