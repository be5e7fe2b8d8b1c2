"""The plainest correct piece for each slot: hosts for the piece under test, and the honest twins of the mutants.

Written from the formulas, apart from the library's pieces, so that either can catch the other.
"""

from dataclasses import dataclass
from math import isfinite

import torch

from rfpo.batch import exp, keep, row_mean, row_sum
from rfpo.checks import require
from rfpo.objective import Advantage, Aggregation, Ratio, Regularizer, Surrogate, Weight

NOTHING: frozenset[str] = frozenset()


def finite_number(x) -> bool:
    return not isinstance(x, bool) and isfinite(x)


@dataclass(frozen=True)
class Centred(Advantage):
    """R - mean over the group's baseline rows."""

    needs = NOTHING

    def baseline(self, batch):
        same = (batch.group[:, None] == batch.group[None, :]) & batch.baseline[None, :]
        share = same.to(batch.reward.dtype) / same.sum(-1, keepdim=True).clamp(min=1)
        return share

    def __call__(self, batch):
        return (batch.reward - self.baseline(batch) @ batch.reward)[:, None].expand_as(batch.mask)


@dataclass(frozen=True)
class ZScore(Centred):
    """(R - mean) / (population standard deviation + epsilon), both over the group's baseline rows."""

    epsilon: float = 1e-6

    def __post_init__(self):
        require(self, "epsilon", lambda x: finite_number(x) and 0 < x < 1, "above 0 and below 1", 1e-6)

    def __call__(self, batch):
        share = self.baseline(batch)
        away = batch.reward - share @ batch.reward
        spread = (share * (batch.reward[None, :] - (share @ batch.reward)[:, None]) ** 2).sum(-1).sqrt()
        return (away / (spread + self.epsilon))[:, None].expand_as(batch.mask)


@dataclass(frozen=True)
class ValueBaseline(Advantage):
    """R - the mean of the values over the response. It trusts that there is nothing but 0 in the padding."""

    needs = frozenset({"value"})

    def __call__(self, batch):
        mean = batch.value.sum(-1, keepdim=True) / batch.valid.sum(-1, keepdim=True).clamp(min=1)
        return (batch.reward[:, None] - mean).expand_as(batch.mask)


@dataclass(frozen=True)
class LeaveOneOut(Centred):
    """R - mean over the other baseline rows of the group; 0 where there are none."""

    def baseline(self, batch):
        others = (batch.group[:, None] == batch.group[None, :]) & batch.baseline[None, :] & ~torch.eye(len(batch)).bool()
        return others.to(batch.reward.dtype) / others.sum(-1, keepdim=True).clamp(min=1)

    def __call__(self, batch):
        return keep(super().__call__(batch), (self.baseline(batch).sum(-1) > 0)[:, None])


@dataclass(frozen=True)
class TokenRatio(Ratio):
    """log pi_theta - log pi_old, token by token."""

    needs = frozenset({"old"})

    def __call__(self, policy, batch):
        return policy.logp - keep(batch.old, batch.mask)


@dataclass(frozen=True)
class OnPolicy(Ratio):
    """0, with the gradient of log pi_theta."""

    needs = NOTHING

    def __call__(self, policy, batch):
        return policy.logp - policy.logp.detach()


@dataclass(frozen=True)
class SequenceRatio(Ratio):
    """Mean over the trained tokens of log pi_theta - log pi_old."""

    needs = frozenset({"old"})

    def __call__(self, policy, batch):
        return row_mean(policy.logp - batch.old, batch.mask).expand_as(policy.logp)


@dataclass(frozen=True)
class Linear(Surrogate):
    """-A r."""

    needs = NOTHING

    def __call__(self, log_ratio, policy, batch):
        return -batch.advantage * exp(log_ratio)


@dataclass(frozen=True)
class Clip(Surrogate):
    """-min(r A, clip(r, 1 - low, 1 + high) A), and for A < 0 at most -dual A."""

    low: float = 0.2
    high: float = 0.28
    dual: float = 3.0
    needs = NOTHING

    def __post_init__(self):
        require(self, "low", lambda x: finite_number(x) and 0 < x < 1, "above 0 and below 1", 0.2)
        require(self, "high", lambda x: finite_number(x) and 0 < x < 1e6, "positive", 0.2)
        require(self, "dual", lambda x: finite_number(x) and 1 < x < 1e6, "above 1", 3.0)

    def __call__(self, log_ratio, policy, batch):
        ratio, a = exp(log_ratio), batch.advantage
        gain = torch.minimum(ratio * a, ratio.clamp(1 - self.low, 1 + self.high) * a)
        return -torch.where(a < 0, torch.maximum(gain, self.dual * a), gain)


@dataclass(frozen=True)
class DetachedCap(Surrogate):
    """-sg(min(r, cap)) A log pi_theta."""

    cap: float = 2.0
    needs = NOTHING

    def __post_init__(self):
        require(self, "cap", lambda x: finite_number(x) and 0 < x < 1e6, "positive", 2.0)

    def __call__(self, log_ratio, policy, batch):
        return -exp(log_ratio).clamp(max=self.cap).detach() * batch.advantage * policy.logp


@dataclass(frozen=True)
class ClipTimesWeight(Surrogate):
    """-min(r R A, clip(r R, 1 - eps, 1 + eps) R A) with the detached weight R."""

    weight: Weight
    eps: float = 0.2

    def __post_init__(self):
        require(self, "eps", lambda x: finite_number(x) and 0 < x < 1, "above 0 and below 1", 0.2)

    @property
    def needs(self):
        return self.weight.needs

    def __call__(self, log_ratio, policy, batch):
        log_weight = self.weight.log(policy.detach(), batch)
        ratio, a = exp(log_ratio + log_weight), batch.advantage * exp(log_weight)
        return -torch.minimum(ratio * batch.advantage, ratio.clamp(1 - self.eps, 1 + self.eps) * a)


@dataclass(frozen=True)
class OffPolicy(Weight):
    """log R_off = clamp(gamma (mean log pi_old(o) - mean log pi_old(o_f)), -log cap, log cap); 0 without a parent."""

    gamma: float = 1.0
    cap: float = 2.0
    needs = frozenset({"old", "parent"})

    def __post_init__(self):
        require(self, "gamma", lambda x: finite_number(x) and abs(x) < 1e6, "a finite number", 1.0)
        require(self, "cap", lambda x: finite_number(x) and 1 < x < 1e6, "above 1", 2.0)

    def difference(self, batch):
        return row_mean(batch.parent, batch.parent_mask) - row_mean(batch.old, batch.valid)

    def log(self, policy, batch):
        limit = torch.tensor(self.cap).log().item()
        return keep((self.gamma * self.difference(batch)).clamp(-limit, limit), batch.corrected[:, None])


@dataclass(frozen=True)
class Trusting(Weight):
    """Half the difference of the mean log-probs, from sums over whole rows: there must be nothing but 0 in the padding."""

    needs = frozenset({"old", "parent"})

    def log(self, policy, batch):
        own = batch.old.sum(-1, keepdim=True) / batch.valid.sum(-1, keepdim=True).clamp(min=1)
        parent = batch.parent.sum(-1, keepdim=True) / batch.parent_mask.sum(-1, keepdim=True).clamp(min=1)
        return keep(0.5 * (parent - own).clamp(-3, 3), batch.corrected[:, None])


@dataclass(frozen=True)
class ReverseKL(Regularizer):
    """beta (exp(log pi_ref - log pi_theta) - (log pi_ref - log pi_theta) - 1): the k3 estimator."""

    beta: float = 0.1
    needs = frozenset({"reference"})

    def __post_init__(self):
        require(self, "beta", lambda x: finite_number(x) and 0 <= x < 1e6, "0 or more", 0.1)

    def __call__(self, policy, batch):
        towards = keep(batch.reference, batch.mask) - policy.logp
        return self.beta * (exp(towards) - towards - 1)


@dataclass(frozen=True)
class EntropyBonus(Regularizer):
    """-coefficient H."""

    coefficient: float = 0.01
    needs = frozenset({"entropy"})

    def __post_init__(self):
        require(self, "coefficient", lambda x: finite_number(x) and abs(x) < 1e6, "a finite number", 0.01)

    def __call__(self, policy, batch):
        return -self.coefficient * policy.entropy


@dataclass(frozen=True)
class TokenMean(Aggregation):
    """Sum over trained tokens / number of trained tokens of the update."""

    def __call__(self, loss, batch):
        return row_sum(loss, batch.mask).sum() / max(batch.counts.tokens, 1)


@dataclass(frozen=True)
class SequenceMean(Aggregation):
    """Mean over responses of the mean over their trained tokens."""

    def __call__(self, loss, batch):
        return row_mean(loss, batch.mask).sum() / max(batch.counts.trained_rows, 1)


@dataclass(frozen=True)
class SequenceSum(Aggregation):
    """Mean over responses of the sum over their trained tokens."""

    def __call__(self, loss, batch):
        return row_sum(loss, batch.mask).sum() / batch.counts.rows


@dataclass(frozen=True)
class ConstantLength(Aggregation):
    """Sum over trained tokens / (responses x T_max)."""

    def __call__(self, loss, batch):
        return row_sum(loss, batch.mask).sum() / (batch.counts.rows * batch.counts.max_length)


@dataclass(frozen=True)
class Littering(Surrogate):
    """-A r + 1 on trained tokens and `litter` elsewhere: a loss that an aggregation has to mask."""

    litter: float = 7.0
    needs = NOTHING

    def __call__(self, log_ratio, policy, batch):
        return torch.where(batch.mask, 1 - batch.advantage * exp(log_ratio), self.litter)
