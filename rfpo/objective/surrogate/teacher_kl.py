"""The student's next-token distributions are drawn to those of a teacher that was shown more."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, exp, keep
from rfpo.checks import require
from rfpo.objective.slots import Policy, Surrogate

NEARLY_ALL = -1e-6
"""The log of the likeliest tokens' mass is cut here, so that the tail's has a logarithm."""


@dataclass(frozen=True)
class TeacherKl(Surrogate):
    """Self-distillation on next-token distributions (SDPO, arXiv 2601.20802): a divergence for each token of the student's own
    answer, from what the same model makes of it in `Sample.teacher_context`.

        L = sg[ min(r, cap) ] D_alpha(teacher, student)             over the teacher's top_k tokens and one bucket for the rest
        D_0 = KL(teacher || student)        D_1 = KL(student || teacher)
        D_alpha = alpha KL(teacher || m) + (1 - alpha) KL(student || m),  m = alpha teacher + (1 - alpha) student     between

    alpha 0 is the forward KL, 1 the reverse, 0.5 Jensen-Shannon's, SDPO's choice without rich feedback (with it 1). The tokens
    are the teacher's likeliest, found at the start of the step, of which the engine gives 100; TRL's port of SDPO takes the
    student's. Who the teacher is and which rows are taught: see `self_distillation`.

    Degenerate: a teacher that agrees with the student teaches nothing. Between alpha 0 and 1 the divergence is at most log 2;
    as alpha goes to 0 it goes to 0 like alpha times the forward KL, and D_0 is not its limit.
    """

    alpha: float = 0.5
    top_k: int = 100
    cap: float = 2.0
    needs: ClassVar[frozenset[str]] = frozenset({"teacher_topk"})
    narrows: ClassVar[dict[str, str]] = {"reinforce_at_ratio_one": "it asks what the teacher thinks, not the advantage"}

    def __post_init__(self):
        require(self, "alpha", lambda x: 0 <= x <= 1, "between 0 and 1", 0.5)
        require(self, "top_k", lambda x: isinstance(x, int) and 1 <= x <= 100, "a whole number from 1 to 100", 100)
        require(self, "cap", lambda x: 1 <= x < math.inf, "at least 1: it bounds the ratio itself", 2.0)

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        teacher, student = (with_tail(x[..., : self.top_k]) for x in (batch.teacher_topk, policy.topk))
        distance = self._divergence(teacher, student) * exp(log_ratio).clamp(max=self.cap).detach()
        return keep(distance, batch.taught[:, None] & (batch.advantage != 0))

    def _divergence(self, teacher: Tensor, student: Tensor) -> Tensor:
        """[N,T] from log-probs [N,T,K+1]."""
        if self.alpha == 0:
            return divergence(teacher, student)
        if self.alpha == 1:
            return divergence(student, teacher)
        mixed = torch.logaddexp(teacher + math.log(self.alpha), student + math.log1p(-self.alpha))
        return self.alpha * divergence(teacher, mixed) + (1 - self.alpha) * divergence(student, mixed)


def divergence(first: Tensor, second: Tensor) -> Tensor:
    """KL(first || second) over the last dimension, from log-probs."""
    return (first.exp() * (first - second)).sum(-1)


def with_tail(logp: Tensor) -> Tensor:
    """[N,T,K+1]: the log-probs of some tokens, and of all others together."""
    inside = logp.logsumexp(-1, keepdim=True).clamp(max=NEARLY_ALL)
    return torch.cat([logp, (-inside.expm1()).log()], -1)
