"""PairObjective: a pair loss in the place of an objective."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, keep, recount
from rfpo.errors import UserError
from rfpo.objective.objective import masked, masked_policy
from rfpo.objective.slots import PairLoss, Policy, Side

SUMMED = ("old", "reference")


@dataclass(frozen=True)
class PairObjective:
    """The mean of a pair loss over the pairs of an optimizer update, called by a learner as an Objective is.

        loss = 1/P sum_p L( chosen_p , rejected_p )                 P counted over the whole update

    Rows that share a `unit` are a pair: those with the larger reward are the chosen answer, those with the smaller one the
    rejected answer. An answer is usually one row; where it is several, all of them have its reward.

    Degenerate: a unit of equal rewards, or with an answer of which nothing is trained (a truncated one, say), has no
    preference: it is not run and stays in P. A unit of one row, or of three different rewards, raises UserError.
    """

    pairs: PairLoss
    weights: ClassVar[tuple] = ()
    regularizers: ClassVar[tuple] = ()

    @property
    def pieces(self) -> tuple:
        return (self.pairs,)

    @property
    def needs(self) -> frozenset[str]:
        return self.pairs.needs

    def with_advantages(self, batch: Batch) -> Batch:
        """The batch of the whole step: advantage +1 on the trained tokens of chosen answers, -1 on those of rejected ones, 0
        where there is no preference. Each unit is a group of its own, so that updates are cut between pairs and count them."""
        sides = preferred(batch)[:, None].to(batch.reward.dtype)
        return recount(replace(batch, group=batch.unit, advantage=keep(sides.expand_as(batch.mask), batch.mask)))

    def log_weight(self, policy: Policy, batch: Batch) -> Tensor:
        """[N,T] of zeros: nothing multiplies a pair's loss."""
        return torch.zeros_like(policy.logp)

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        """The micro-batch's share. Raises ValueError when it holds one side of a pair without the other."""
        policy, batch = masked_policy(policy, batch.mask), masked(batch)
        run = batch.advantage.ne(0).any(-1)
        units, pair = batch.unit[run].unique(return_inverse=True)
        if not len(units):
            return policy.logp.sum() * 0.0
        chosen, rejected = (side(policy, batch, rows & run, pair[rows[run]], len(units))
                            for rows in (batch.advantage.gt(0).any(-1), batch.advantage.lt(0).any(-1)))
        if not ((chosen.rows > 0) & (rejected.rows > 0)).all():
            raise ValueError("a micro-batch holds one answer of a pair without the other; rows that share a unit must stay "
                             "together.")
        return self.pairs(chosen, rejected).sum() / batch.counts.groups


def side(policy: Policy, batch: Batch, rows: Tensor, pair: Tensor, pairs: int) -> Side:
    """The answers that `rows` [N] bool make up; `pair` is the pair of each of these rows, one of 0 .. pairs - 1."""
    def total(column: Tensor) -> Tensor:
        return column.new_zeros(pairs).index_add(0, pair, column)

    def largest(column: Tensor) -> Tensor:
        return column.new_zeros(pairs).scatter_reduce(0, pair, column, "amax", include_self=False)

    mask = batch.mask[rows]
    columns = {name: total(keep(getattr(batch, name)[rows], mask).sum(-1)) for name in SUMMED
               if getattr(batch, name) is not None}
    return Side(logp=total(keep(policy.logp[rows], mask).sum(-1)), length=total(mask.sum(-1)).to(policy.logp.dtype),
                rows=total(torch.ones_like(pair)), reward=largest(batch.reward[rows]), origin=largest(batch.origin[rows]),
                **columns)


def preferred(batch: Batch) -> Tensor:
    """[N]: 1 for the rows of a chosen answer, -1 for those of a rejected one, 0 for a unit without a preference."""
    units, pair = batch.unit.unique(return_inverse=True)
    best, worst = (batch.reward.new_zeros(len(units)).scatter_reduce(0, pair, batch.reward, how, include_self=False)
                   for how in ("amax", "amin"))
    alone = pair.bincount(minlength=len(units)) == 1
    if alone.any():
        raise UserError(f"{int(alone.sum())} of {len(units)} units of a stream of pairs hold one row; a pair is two answers "
                        "that share a unit. Mend the merge that made them.")
    chosen, rejected = batch.reward == best[pair], batch.reward == worst[pair]
    if not (chosen | rejected).all():
        raise UserError("a unit of a stream of pairs holds three different rewards; its rows are one chosen and one rejected "
                        "answer. Mend the merge that made them.")
    whole = torch.ones(len(units), dtype=torch.long, device=pair.device).scatter_reduce(
        0, pair, batch.mask.any(-1).long(), "amin", include_self=False).bool()
    return (chosen.long() - rejected.long()) * whole[pair]
