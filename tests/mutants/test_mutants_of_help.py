"""Mistakes in pieces for rows that the policy did not sample: each is caught by the contract that is named for it."""

from dataclasses import dataclass, replace

import pytest
import torch

from rfpo.batch import exp, keep, row_mean
from rfpo.objective import Policy
from rfpo.objective.advantage.confidence_penalty import ConfidencePenalty
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.advantage.times_affinity import TimesAffinity
from rfpo.objective.advantage.times_weight import TimesWeight
from rfpo.objective.ratio.by_origin import ByOrigin
from rfpo.objective.ratio.rl_plus import RlPlus
from rfpo.objective.ratio.token import Token
from rfpo.objective.regularizer.zero_variance import ZeroVariance
from rfpo.objective.surrogate.log_likelihood import LogLikelihood
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.objective.weight.affinity import Affinity
from rfpo.objective.weight.importance import Importance
from rfpo.objective.weight.reliance import Reliance
from tests.contract import contracts
from tests.mutants.broken import Mutant


@dataclass(frozen=True)
class ShuffledByPlace(TimesWeight):
    """The last row of the batch lends its weight to the first."""

    def __call__(self, batch):
        rows, weight = batch.corrected.nonzero().flatten(), exp(self.weight.log(Policy(batch.old), batch)).clone()
        weight[rows] = weight[rows.flip(0)]
        return weight * self.base(batch)


@dataclass(frozen=True)
class ShuffledByReward(TimesWeight):
    """The weights go round in the order of the rewards."""

    def __call__(self, batch):
        rows, weight = batch.corrected.nonzero().flatten(), exp(self.weight.log(Policy(batch.old), batch)).clone()
        order = rows[batch.reward[rows].argsort()]
        weight[order] = weight[order.roll(1)]
        return weight * self.base(batch)


@dataclass(frozen=True)
class AffinityOfTheMicroBatch(Affinity):
    """One number for whatever rows are in hand, as in HINT's code."""

    def log(self, policy, batch):
        log_weight = super().log(policy, batch)
        return log_weight.clamp(min=-5).mean().expand_as(log_weight)


@dataclass(frozen=True)
class UnknownIsZeroNats(Importance):
    """Where nobody knows the sampler's log-prob it is taken to be what stands in the column."""

    def log(self, policy, batch):
        return super().log(policy, replace(batch, known=torch.ones_like(batch.known)))


@dataclass(frozen=True)
class RelianceOnPadding(Reliance):
    """The mean is over the width of the batch."""

    def log(self, policy, batch):
        delta = keep(batch.old - batch.behaviour, batch.known & batch.valid).mean(-1, keepdim=True)
        return keep(-delta.abs() / self.temperature, (batch.origin != 0)[:, None])


@dataclass(frozen=True)
class PenaltyMovesWithRowsOutside(ConfidencePenalty):
    """Corrections move the mean of the group that they do not count for."""

    def __call__(self, batch):
        return super().__call__(replace(batch, baseline=torch.ones_like(batch.baseline)))


@dataclass(frozen=True)
class AffinityOfEverything(TimesAffinity):
    """Needs no sampler, by its own account."""

    needs = GroupZscore.needs | {"old"}


@dataclass(frozen=True)
class EitherRatio(ByOrigin):
    """Names what one of its two ratios reads."""

    other: object = RlPlus(share=1.0)
    needs = frozenset()


@dataclass(frozen=True)
class TruncatedInSinglePrecision(RlPlus):
    """Computes in float32 whatever it is given."""

    share: float = 1.0

    def __call__(self, policy, batch):
        return keep(policy.logp.float() - batch.old.float(), batch.mask)


@dataclass(frozen=True)
class ProbabilityByExp(Shaped):
    """p / (p + gamma) from the ratio by a plain exp, without a limit."""

    of: str = "ratio"

    def __call__(self, log_ratio, policy, batch):
        ratio = (2 * log_ratio).exp().sqrt()
        return -ratio / (ratio + self.gamma) * batch.advantage


@dataclass(frozen=True)
class LikelihoodOfEverything(LogLikelihood):
    """Imitates rows that have no advantage as well."""

    def __call__(self, log_ratio, policy, batch):
        return super().__call__(log_ratio, policy, batch) - 0.01 * policy.logp


@dataclass(frozen=True)
class BlamedByTheBatchsEntropy(ZeroVariance):
    """The largest entropy is that of the rows in hand."""

    def __call__(self, policy, batch):
        return super().__call__(policy, batch) * keep(policy.entropy.detach(), batch.mask).max()


@dataclass(frozen=True)
class EntropyLeftOfItsRow(ZeroVariance):
    """Reads the padding's entropy: the row's mean is over the width."""

    def __call__(self, policy, batch):
        return super().__call__(policy, batch) * row_mean(policy.entropy.detach(), torch.ones_like(batch.mask))


UNREAD = (AssertionError, AttributeError, TypeError)
MUTANTS = [
    Mutant(ShuffledByPlace(), TimesWeight(), contracts.row_order_is_free),
    Mutant(ShuffledByReward(), TimesWeight(), contracts.baseline_rows_only),
    Mutant(AffinityOfTheMicroBatch(), Affinity(), contracts.micro_batches_add_up),
    Mutant(UnknownIsZeroNats(), Importance(), contracts.reinforce_at_ratio_one),
    Mutant(RelianceOnPadding(), Reliance(), contracts.padding_is_never_read),
    Mutant(PenaltyMovesWithRowsOutside(), ConfidencePenalty(), contracts.baseline_rows_only),
    Mutant(AffinityOfEverything(), TimesAffinity(), contracts.reads_only_what_it_names, UNREAD),
    Mutant(EitherRatio(), ByOrigin(), contracts.reads_only_what_it_names, UNREAD),
    Mutant(TruncatedInSinglePrecision(), Token(), contracts.right_shape_and_dtype),
    Mutant(ProbabilityByExp(), Shaped(of="ratio"), contracts.finite_far_from_the_old_policy),
    Mutant(LikelihoodOfEverything(), LogLikelihood(), contracts.zero_advantage_teaches_nothing),
    Mutant(BlamedByTheBatchsEntropy(), ZeroVariance(), contracts.micro_batches_add_up),
    Mutant(EntropyLeftOfItsRow(), ZeroVariance(), contracts.padding_is_never_read),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: type(mutant.broken).__name__)
def test_the_named_contract_kills_the_mutant(mutant):
    mutant.contract(mutant.honest)
    with pytest.raises(mutant.error):
        mutant.contract(mutant.broken)
