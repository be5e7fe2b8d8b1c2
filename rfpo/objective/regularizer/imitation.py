"""A likelihood term on what was shown."""

import math
from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective._origins import check_origins, of_origins
from rfpo.objective.slots import Policy, Regularizer


@dataclass(frozen=True)
class Imitation(Regularizer):
    """The negative log-likelihood of demonstrations, beside whatever their advantage does.

        loss = -coefficient log pi_theta(o_t | q, o_<t)                       on rows of `origins`, whatever their advantage

    UFT (arXiv 2505.16984) adds .001 of it on the tokens of its hints, ExPO (arXiv 2507.02834) beta of it on self-written
    explanations of the known answer. Weights do not touch it; a term with weights of its own is a stream "imitation".

    `tokens` is "all" of a row's trained ones, or "put": those that were put there and not drawn, so that nobody knows their
    behaviour log-prob (the opening of an answer that the policy went on from).

    Degenerate: 0 on other rows, but a regularizer makes the learner run rows without an advantage too.
    """

    coefficient: float = 0.001
    origins: tuple[str, ...] = ("given",)
    tokens: str = "all"

    def __post_init__(self):
        require(self, "coefficient", lambda x: 0 <= x < math.inf, "at least 0", 0.001)
        check_origins(self)
        one_of(self, "tokens", ("all", "put"))

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"behaviour"} if self.tokens == "put" else ())

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {"reads_all_that_it_names": "where behaviour is known, and not what it is"} if self.tokens == "put" else {}

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        wanted = of_origins(batch, self.origins)
        if self.tokens == "put":
            wanted = wanted & batch.mask & ~batch.known
        return -self.coefficient * keep(policy.logp, wanted)
