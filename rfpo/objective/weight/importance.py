"""The true importance weight of rows that somebody else sampled, or that were sampled in another context."""

import math
from dataclasses import dataclass

from torch import Tensor

from rfpo.batch import Batch, keep, row_mean, row_sum
from rfpo.checks import one_of, require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class Importance(Weight):
    """Truncated importance sampling of corrections: the policy in the train context over whoever drew the token, in the
    context it was drawn in (GOLF's `is`, arXiv 2603.04597; Guide, arXiv 2506.13923, whose exact form is UNVERIFIED).

        log w_t = log pi(o_t | q, o_<t) - log mu(o_t | c, o_<t),   clamped to +-limit, then to [log floor, log cap]

    level     "token": of each token [N,T]; "sequence": of their product, the exact weight; "geometric": of their geometric
              mean [N,1]. The products are over trained tokens with a known mu, summed in float64.
    snapshot  pi at the start of the step ("old", the one that goes with ratio `token`: w r = pi_theta / mu), of the update
              ("update"), or as it is now ("current", the one that goes with ratio `on_policy`: the gradient is that of
              pi_theta / mu, differentiated). GOLF's code is "token", limit 20, "current", for each token of each response
              also in the branch that it calls a sequence's; what its sums would be is not in the code.
    limit     nats, before cap and floor, which are values of w itself; None leaves them out.

    Degenerate: 1 on tokens whose mu is unknown, on a row without any that is known, and on rows of other origins.
    """

    level: str = "token"
    snapshot: str = "old"
    limit: float = 20.0
    cap: float | None = None
    floor: float | None = None
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        one_of(self, "level", ("token", "sequence", "geometric"))
        one_of(self, "snapshot", ("old", "update", "current"))
        require(self, "limit", lambda x: 0 < x <= 80, "above 0 and at most 80 nats", 20.0)
        require(self, "cap", lambda x: x is None or 1 <= x < math.inf, "at least 1, or left out", 2.0)
        require(self, "floor", lambda x: x is None or 0 < x <= 1, "above 0 and at most 1, or left out", 0.1)
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"behaviour", self.snapshot} - {"current"})

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        now = policy.logp if self.snapshot == "current" else getattr(batch, self.snapshot)
        counted = batch.known & batch.mask & of_origins(batch, self.origins)
        log_weight = keep(now.double() - batch.behaviour.double(), counted)
        if self.level != "token":
            log_weight = {"sequence": row_sum, "geometric": row_mean}[self.level](log_weight, counted)
        high = self.limit if self.cap is None else min(self.limit, math.log(self.cap))
        low = -self.limit if self.floor is None else max(-self.limit, math.log(self.floor))
        return log_weight.clamp(low, high).to(policy.logp.dtype)
