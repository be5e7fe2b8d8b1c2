"""R_off, the weight that gives RFPO its name."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from rfpo.batch import MAX_NATS, Batch, row_mean, row_sum
from rfpo.checks import one_of, require
from rfpo.objective.slots import Policy, Weight

COLUMNS = {"old": ("old", "parent"), "update": ("update", "parent_update")}


@dataclass(frozen=True)
class OffPolicyRatio(Weight):
    """RFPO's off-policy ratio: how much likelier the policy finds the wrong response o than its correction o_f.

        log R = gamma ( s(o | q) - s(o_f | q) ),   clamped to [-log cap, log cap];   1 for a row without a parent

    form      s is the "mean" of the tokens' log-probs, their "sum" (as printed: decided by the lengths), or the mean of
              the "suffix": the tokens from the first that differs on. The shared prefix has the same log-probs in both.
    link      "exp": w = R.  "sigmoid": w = 2 sigmoid(log R) = 2R/(1+R).  "accept": w = min(1, R).
    gamma     above 0 as printed, below 0 the inverse ratio, 0 off.
    cap       largest R, and 1/cap the smallest; None leaves only the 80 nats above which exp is cut.
    snapshot  the policy at the start of the step ("old") or of this optimizer update ("update"). Never the one that is
              being updated inside a micro-batch; no gradient flows to either response.

    Over every token of both responses, trained or not; sums in float64, so that thousands of float32 log-probs keep
    their digits. Log-probs in nats, [N,1].

    Degenerate: an empty response or suffix has s = 0.
    """

    gamma: float = 1.0
    form: str = "mean"
    link: str = "exp"
    cap: float | None = 2.0
    snapshot: str = "old"

    def __post_init__(self):
        require(self, "gamma", math.isfinite, "a finite number", 1.0)
        one_of(self, "form", ("mean", "sum", "suffix"))
        one_of(self, "link", ("exp", "sigmoid", "accept"))
        require(self, "cap", lambda x: x is None or x > 1, "above 1, or left out", 2.0)
        one_of(self, "snapshot", COLUMNS)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(COLUMNS[self.snapshot])

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        corrected = batch.corrected[:, None]
        if not corrected.any():
            return torch.zeros_like(policy.logp[:, :1])
        own, parent = (getattr(batch, column).double() for column in COLUMNS[self.snapshot])
        distance = self._score(parent, batch.parent_mask, batch) - self._score(own, batch.valid, batch)
        limit = MAX_NATS if self.cap is None else min(math.log(self.cap), MAX_NATS)
        log_weight = self._link((self.gamma * distance).clamp(-limit, limit))
        return torch.where(corrected, log_weight, 0.0).to(policy.logp.dtype)

    def _score(self, logp: Tensor, mask: Tensor, batch: Batch) -> Tensor:
        if self.form == "sum":
            return row_sum(logp, mask)
        if self.form == "suffix":
            mask = mask & (torch.arange(mask.shape[1], device=mask.device) >= batch.common_prefix[:, None])
        return row_mean(logp, mask)

    def _link(self, log_ratio: Tensor) -> Tensor:
        if self.link == "sigmoid":
            return math.log(2) + logsigmoid(log_ratio)
        if self.link == "accept":
            return log_ratio.clamp(max=0)
        return log_ratio
