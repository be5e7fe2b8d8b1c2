"""The policy that was shown more teaches the one that was not, on the tokens that it drew."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar

from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective.slots import Policy, Surrogate
from rfpo.objective.surrogate.detached_cap import DetachedCap


@dataclass(frozen=True)
class SelfDistillation(Surrogate):
    """Self-distillation on the drawn tokens (SDPO, arXiv 2601.20802; OPSD, 2601.18734): a token's advantage is what a teacher
    thinks more of it, the same model in a context that holds the feedback, or the solution (`Sample.teacher_context`).

        d = clip( lp_teacher - sg[lp_student] , -limit, limit )
        L = inner( log r , weight d + task A )

    The default inner, `detached_cap` with cap 2, makes it L = -sg[ min(r, 2) d ] log pi_theta: the reverse KL's gradient,
    with SDPO's bound on the importance ratio. `inner=clip, student="old"` is OpenClaw-RL's (arXiv 2603.10165), d in the place
    of an advantage in PPO's clip; its sum with the task's own, A = w_rl R + w_opd d, has the weights `task` and `weight`.
    student: whose log-probs d is against, those "now" or those "old" at the start of the step, as an advantage is.

    A row whose teacher is shown nothing else than the row has d = 0, and with task 0 it is not trained. A row whose advantage
    is 0 is not run: a stream of its own takes the advantage `constant`. The teacher is the policy at the start of the step; a
    frozen one, a moving average of the weights, and a mixture with the first are not offered. `teacher_kl` asks more of the
    teacher than the drawn token.

    Degenerate: a teacher that thinks of each token what the student does teaches nothing. limit none bounds nothing, as in the
    papers.
    """

    inner: Surrogate = DetachedCap(cap=2.0)
    weight: float = 1.0
    task: float = 0.0
    limit: float | None = None
    student: str = "now"
    narrows: ClassVar[dict[str, str]] = {"reinforce_at_ratio_one": "the advantage is the teacher's, not the batch's"}

    def __post_init__(self):
        require(self, "weight", isfinite, "a finite number", 1.0)
        require(self, "task", isfinite, "a finite number", 0.0)
        require(self, "limit", lambda x: x is None or x > 0, "positive, or left out", 5.0)
        one_of(self, "student", ("now", "old"))

    @property
    def needs(self) -> frozenset[str]:
        return self.inner.needs | {"teacher"} | ({"old"} if self.student == "old" else frozenset())

    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor:
        gain = batch.teacher - (batch.old if self.student == "old" else policy.logp.detach())
        if self.limit is not None:
            gain = gain.clamp(-self.limit, self.limit)
        advantage = self.task * batch.advantage + self.weight * keep(gain, batch.taught[:, None])
        return self.inner(log_ratio, policy, replace(batch, advantage=keep(advantage, batch.advantage != 0)))
