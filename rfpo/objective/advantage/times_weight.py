"""A weight in the advantage: what only the whole step can say of it."""

from dataclasses import dataclass, replace
from hashlib import blake2b

import torch
from torch import Tensor

from rfpo.batch import Batch, exp, keep, row_mean
from rfpo.checks import one_of, require
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.slots import Advantage, Policy, Weight
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio

LATER = frozenset({"update", "parent_update", "entropy", "value"})
"""Columns that are not there when the step's advantages are found."""


@dataclass(frozen=True)
class TimesWeight(Advantage):
    """The advantage times a weight, which may be dealt out anew or brought to mean 1, both over the whole step.

        A_i = w_i A_base,i,    or   w_pi(i) A_base,i                pi a cycle through the rows that have a parent

    pairing   "own" is the same as the weight in `objective.weights`, for every surrogate that is linear in the advantage's
              size (clip, unbounded, detached_cap, log_likelihood). "shuffled" is R_off's control: the same weights on the
              same rows, each on another row than its own. If that trains as well, R_off is a step size. The order of the
              cycle is by a digest of the rows' tokens: another in every step, the same in every run.
    mean_one  divides by the mean over the rows that have a parent, so that the weight moves none of the step's total.

    The weight is found at the start of the step: one that reads the updating policy's log-probs is shown `old`, and one that
    reads what is not there yet (snapshot "update", entropy) is refused. Shuffled weights are a row's mean over its trained
    tokens. Do not also put the weight among `objective.weights`.

    Degenerate: a single row with a parent keeps its own weight; without any, nothing is dealt out and no mean is taken.
    """

    base: Advantage = GroupZscore()
    weight: Weight = OffPolicyRatio()
    pairing: str = "shuffled"
    mean_one: bool = False

    def __post_init__(self):
        require(self, "weight", lambda x: not x.needs & LATER, "known at the start of the step, with snapshot 'old'",
                OffPolicyRatio())
        one_of(self, "pairing", ("own", "shuffled"))
        require(self, "mean_one", lambda x: isinstance(x, bool), "true or false", True)

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs | self.weight.needs

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: what the base does not keep; and a weight planted in a loss is not in the advantage."""
        planted = {"minus_infinity_is_weight_zero": "the weight is in the advantage, found before there is a loss"}
        return getattr(self.base, "narrows", {}) | planted

    def __call__(self, batch: Batch) -> Tensor:
        base = self.base(batch).expand_as(batch.mask)
        seen = Policy(torch.zeros_like(base) if batch.old is None else keep(batch.old, batch.mask))
        weight = exp(self.weight.log(seen, replace(batch, advantage=base)).detach().expand_as(base)).clone()
        rows = (batch.corrected & batch.mask.any(-1)).nonzero().flatten()
        if self.pairing == "shuffled":
            digests = _digests(batch, rows)
            order = rows[torch.tensor(sorted(range(len(rows)), key=digests.__getitem__), dtype=torch.long)]
            weight[order] = row_mean(weight, batch.mask)[order.roll(1)].expand(-1, base.shape[1])
        if self.mean_one:
            mean = row_mean(weight, batch.mask)[rows].double().mean()
            weight[rows] = (weight[rows] / mean.clamp(min=1e-35)).to(base.dtype)
        return weight * base


def _digests(batch: Batch, rows: Tensor) -> list[bytes]:
    """One for each row, by what is in it and not by where it stands."""
    found = []
    for row in rows.tolist():
        tokens = batch.tokens[row][batch.valid[row]].tolist()
        parent = [] if batch.parent_tokens is None else batch.parent_tokens[row][batch.parent_mask[row]].tolist()
        told = (batch.contexts[int(batch.context[row])], tokens, parent, int(batch.group[row]))
        found.append(blake2b(repr(told).encode(), digest_size=16).digest())
    return found
