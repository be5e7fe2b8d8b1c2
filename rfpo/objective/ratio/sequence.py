"""GSPO's ratio, and the plain sequence ratio of RLOO."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep, row_mean, row_sum
from rfpo.checks import one_of
from rfpo.objective.slots import Policy, Ratio


@dataclass(frozen=True)
class Sequence(Ratio):
    """One ratio for the whole response, the geometric mean of its tokens' ratios, as in GSPO (arXiv 2507.18071).

        log s_i   = 1/|o_i| sum_t d_t,    d_t = log pi_theta(o_t) - log pi_old(o_t),    over the trained tokens
        log s_i,t = sg(log s_i) + log pi_theta(o_t) - sg(log pi_theta(o_t))             level "token" (GSPO-token)

    Both levels have the same value; with "token" each token's gradient is its own, so that advantages may differ by token.
    form "sum" leaves out 1/|o_i|: the true ratio of the two sequence probabilities, which RLOO clips.

    Degenerate: 0 for a response without a trained token. |o_i| counts trained tokens. Aggregate with sequence_mean: a
    token mean would count a response's ratio once for each of its tokens.
    """

    level: str = "sequence"
    form: str = "mean"
    needs: ClassVar[frozenset[str]] = frozenset({"old"})

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: at ratio 1 the sum's gradient is |o_i| times REINFORCE's under a mean over tokens."""
        summed = self.form == "sum" and self.level == "sequence"
        return {"reinforce_at_ratio_one": "the whole response is one action, once for each token"} if summed else {}

    def __post_init__(self):
        one_of(self, "level", ("sequence", "token"))
        one_of(self, "form", ("mean", "sum"))

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        reduce = row_mean if self.form == "mean" else row_sum
        log_ratio = reduce(policy.logp - batch.old, batch.mask)
        if self.level == "token":
            log_ratio = log_ratio.detach() + policy.logp - policy.logp.detach()
        return keep(log_ratio.expand_as(policy.logp), batch.mask)
