"""Objective: six slots, one loss."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from rfpo.batch import Batch, exp, keep
from rfpo.objective.slots import Advantage, Aggregation, Policy, Ratio, Regularizer, Surrogate, Weight

PER_TOKEN = ("behaviour", "old", "update", "reference", "teacher", "value", "returns", "advantage")
PER_PARENT_TOKEN = ("parent", "parent_update")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """loss = aggregate_{i,t} [ w_{i,t} * surrogate(log r_{i,t}, A_{i,t}) + sum of regularizers ]

    The advantage is computed once over the whole step (`with_advantages`), everything else per micro-batch. Weights
    multiply the surrogate only and are detached; their logs are added before one clamped exp. Inputs are masked once,
    here, before any exp, so that a piece never meets what stands in the padding.

    >>> loss = objective(policy, batch)     # scalar; the micro-batches' losses add up to the whole update's
    """

    advantage: Advantage
    ratio: Ratio
    surrogate: Surrogate
    aggregation: Aggregation
    weights: tuple[Weight, ...] = ()
    regularizers: tuple[Regularizer, ...] = ()

    @property
    def pieces(self) -> tuple:
        return (self.advantage, self.ratio, self.surrogate, *self.weights, *self.regularizers)

    @property
    def needs(self) -> frozenset[str]:
        """The union of what the pieces read."""
        return frozenset().union(*(piece.needs for piece in self.pieces))

    def with_advantages(self, batch: Batch) -> Batch:
        """The batch of the whole step with its advantage column, zero where nothing is trained."""
        clean = masked(batch)
        return replace(batch, advantage=keep(self.advantage(clean).expand_as(clean.mask), clean.mask).detach())

    def log_weight(self, policy: Policy, batch: Batch) -> Tensor:
        """[N,T], detached: the sum of the weights' logs; 0 without weights."""
        total = torch.zeros_like(policy.logp)
        for weight in self.weights:
            total = total + weight.log(policy.detach(), batch)
        return total.detach()

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        policy, batch = masked_policy(policy, batch.mask), masked(batch)
        loss = self.surrogate(self.ratio(policy, batch), policy, batch)
        if self.weights:
            loss = exp(self.log_weight(policy, batch)) * loss
        for regularizer in self.regularizers:
            loss = loss + regularizer(policy, batch)
        return self.aggregation(loss, batch)


def masked_policy(policy: Policy, mask: Tensor) -> Policy:
    """The policy's columns with 0 where nothing is trained."""
    topk = None if policy.topk is None else keep(policy.topk, mask[..., None])
    return Policy(*(None if x is None else keep(x, mask) for x in (policy.logp, policy.entropy, policy.value)), topk=topk)


def masked(batch: Batch) -> Batch:
    """The batch with 0 in every float column where there is no token.

    `old`, `update` and `behaviour` are kept on every valid token, because the off-policy ratio is over the whole response
    even when only a part of it is trained.
    """
    columns = {f.name: getattr(batch, f.name) for f in fields(batch)}
    clean = {name: keep(columns[name], batch.valid) for name in PER_TOKEN if columns[name] is not None}
    if batch.teacher_topk is not None:
        clean["teacher_topk"] = keep(batch.teacher_topk, batch.valid[..., None])
    clean |= {name: keep(columns[name], batch.parent_mask) for name in PER_PARENT_TOKEN if columns[name] is not None}
    return replace(batch, **clean)
