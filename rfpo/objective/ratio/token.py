"""The ratio of PPO and GRPO."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.objective.slots import Policy, Ratio


@dataclass(frozen=True)
class Token(Ratio):
    """The probability ratio of each token, as in PPO (arXiv 1707.06347) and GRPO (arXiv 2402.03300).

        log r_t = log pi_theta(o_t | q, o_<t) - log pi_old(o_t | q, o_<t)

    Degenerate: 0 on tokens that are not trained.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"old"})

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        return keep(policy.logp - batch.old, batch.mask)
