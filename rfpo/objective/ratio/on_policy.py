"""REINFORCE's ratio."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch
from rfpo.objective.slots import Policy, Ratio


@dataclass(frozen=True)
class OnPolicy(Ratio):
    """A ratio that is always 1 and has the gradient of the log-probability, as in REINFORCE (Williams, 1992).

        log r_t = log pi_theta(o_t) - sg(log pi_theta(o_t)) = 0

    Under any surrogate the gradient is -A_t grad log pi_theta(o_t): nothing is clipped and nothing is corrected for
    sampling from an older policy.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        return policy.logp - policy.logp.detach()
