"""The distance to the frozen reference policy, as a loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import MAX_NATS, Batch, exp, keep
from rfpo.checks import one_of, require
from rfpo.objective.slots import Policy, Regularizer


@dataclass(frozen=True)
class KlToReference(Regularizer):
    """A KL penalty to the reference policy added to the loss, as in GRPO (arXiv 2402.03300; beta = .04, k3).

        x = log pi_theta(o_t) - log pi_ref(o_t)
        k1 = x            k2 = x^2 / 2            k3 = exp(-x) + x - 1                       loss = coefficient * k

    What each does as a *loss* on samples of pi_theta is decided by its gradient, not by its value:
    k1 has expected gradient 0 (it belongs in the reward); k2 has that of KL(pi || ref), the reverse KL that is meant;
    k3 has that of KL(ref || pi), the forward KL.

    Degenerate: 0, value and gradient, where the policies agree for k2 and k3. In k3, x is clamped to +-80 nats before the
    exp, beyond which there is no gradient.
    """

    coefficient: float = 0.04
    estimator: str = "k3"
    needs: ClassVar[frozenset[str]] = frozenset({"reference"})

    def __post_init__(self):
        require(self, "coefficient", lambda x: x >= 0, "at least 0", 0.04)
        one_of(self, "estimator", ("k1", "k2", "k3"))

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        return self.coefficient * self._estimate(keep(policy.logp - batch.reference, batch.mask))

    def _estimate(self, x: Tensor) -> Tensor:
        if self.estimator == "k1":
            return x
        if self.estimator == "k2":
            return x.square() / 2
        x = x.clamp(-MAX_NATS, MAX_NATS)
        return exp(-x) + x - 1
