"""Deliberately wrong pieces, each with the honest twin that it spoils and the contract that must notice.

Each mutant is a mistake that has been made, here or in another library's loss.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pickle import PicklingError

import torch

from rfpo.batch import exp, keep, row_mean, row_sum
from rfpo.objective import Objective, Surrogate
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.objective import masked, masked_policy
from tests.contract import contracts, golden, honest


@dataclass(frozen=True)
class Mutant:
    """`contract` passes on `honest` and fails on `broken`, with an error of this kind."""

    broken: object
    honest: object
    contract: Callable
    error: type[Exception] | tuple = AssertionError


# Aggregation


@dataclass(frozen=True)
class ForgottenMask(honest.TokenMean):
    def __call__(self, loss, batch):
        return loss.sum() / batch.counts.tokens


@dataclass(frozen=True)
class LocalTokenCount(honest.TokenMean):
    def __call__(self, loss, batch):
        return row_sum(loss, batch.mask).sum() / batch.mask.sum().clamp(min=1)


@dataclass(frozen=True)
class LocalRowCount(honest.SequenceMean):
    def __call__(self, loss, batch):
        return row_mean(loss, batch.mask).mean()


@dataclass(frozen=True)
class MeanOverWidth(honest.SequenceMean):
    def __call__(self, loss, batch):
        return keep(loss, batch.mask).mean(-1).sum() / batch.counts.trained_rows


@dataclass(frozen=True)
class SumOverTokensNotRows(honest.SequenceSum):
    def __call__(self, loss, batch):
        return row_sum(loss, batch.mask).sum() / batch.counts.tokens


@dataclass(frozen=True)
class ConstantIsTheBatchWidth(honest.ConstantLength):
    def __call__(self, loss, batch):
        return row_sum(loss, batch.mask).sum() / (batch.counts.rows * loss.shape[1])


@dataclass(frozen=True)
class WorstRowOnly(honest.SequenceMean):
    def __call__(self, loss, batch):
        return row_mean(loss, batch.mask).max()


@dataclass(frozen=True)
class EarlyRowsFirst(honest.SequenceMean):
    def __call__(self, loss, batch):
        place = torch.arange(len(batch), 0, -1, dtype=loss.dtype)[:, None]
        return (place * row_mean(loss, batch.mask)).sum() / batch.counts.trained_rows


@dataclass(frozen=True)
class ValidInsteadOfTrained(honest.TokenMean):
    def __call__(self, loss, batch):
        return row_sum(loss, batch.valid).sum() / batch.counts.tokens


@dataclass(frozen=True)
class CastToSinglePrecision(honest.TokenMean):
    def __call__(self, loss, batch):
        return super().__call__(loss.float(), batch)


@dataclass(frozen=True)
class DividesByNothingTrained(honest.TokenMean):
    def __call__(self, loss, batch):
        return row_sum(loss, batch.mask).sum() / torch.tensor(batch.counts.tokens, dtype=loss.dtype)


@dataclass(frozen=True)
class ClampedLoss(honest.TokenMean):
    def __call__(self, loss, batch):
        return super().__call__(loss.clamp(-1, 1), batch)


# Advantage


@dataclass(frozen=True)
class BatchMean(honest.Centred):
    def __call__(self, batch):
        return (batch.reward - batch.reward[batch.baseline].mean())[:, None].expand_as(batch.mask)


@dataclass(frozen=True)
class StdOverTheBatch(honest.ZScore):
    def __call__(self, batch):
        away = batch.reward - self.baseline(batch) @ batch.reward
        return (away / (batch.reward[batch.baseline].std(correction=0) + self.epsilon))[:, None].expand_as(batch.mask)


@dataclass(frozen=True)
class CorrectionMovesTheBaseline(honest.Centred):
    def baseline(self, batch):
        return super().baseline(replace(batch, baseline=torch.ones_like(batch.baseline)))


@dataclass(frozen=True)
class LeavesNobodyOut(honest.LeaveOneOut):
    def baseline(self, batch):
        return honest.Centred().baseline(batch)


@dataclass(frozen=True)
class NoEpsilon(honest.ZScore):
    def __call__(self, batch):
        share = self.baseline(batch)
        mean = share @ batch.reward
        spread = (share * (batch.reward[None, :] - mean[:, None]) ** 2).sum(-1).sqrt()
        return ((batch.reward - mean) / spread)[:, None].expand_as(batch.mask)


@dataclass(frozen=True)
class UnbiasedStdOfOne(honest.ZScore):
    def __call__(self, batch):
        result = super().__call__(batch).clone()
        for group in batch.group.unique():
            rows = batch.group == group
            result[rows] = (batch.reward[rows] - batch.reward[rows].mean())[:, None] / (batch.reward[rows].std() + 1e-6)
        return result


@dataclass(frozen=True)
class PreviousRowIsTheBaseline(honest.Centred):
    def __call__(self, batch):
        return (batch.reward - batch.reward.roll(1))[:, None].expand_as(batch.mask)


@dataclass(frozen=True)
class CountsPadding(honest.Centred):
    def __call__(self, batch):
        return super().__call__(batch) * batch.mask.sum() / batch.mask.numel()


@dataclass(frozen=True)
class RawReward(honest.Centred):
    def __call__(self, batch):
        return batch.reward[:, None].expand_as(batch.mask)


@dataclass(frozen=True)
class BaselineForgotItsOwnReward(honest.Centred):
    def __call__(self, batch):
        return keep(super().__call__(batch), batch.baseline[:, None])


# Ratio


@dataclass(frozen=True)
class UpsideDown(honest.TokenRatio):
    def __call__(self, policy, batch):
        return -super().__call__(policy, batch)


@dataclass(frozen=True)
class WholeRatioDetached(honest.TokenRatio):
    def __call__(self, policy, batch):
        return super().__call__(policy, batch).detach() + 0 * policy.logp


@dataclass(frozen=True)
class MeanOverPadding(honest.SequenceRatio):
    def __call__(self, policy, batch):
        return keep(policy.logp - batch.old, batch.mask).mean(-1, keepdim=True).expand_as(policy.logp)


@dataclass(frozen=True)
class SumOfTheRow(honest.SequenceRatio):
    def __call__(self, policy, batch):
        return row_sum(policy.logp - batch.old, batch.mask).expand_as(policy.logp)


@dataclass(frozen=True)
class UntrainedTokensInTheMean(honest.SequenceRatio):
    def __call__(self, policy, batch):
        return row_mean(policy.logp - batch.old, batch.valid).expand_as(policy.logp)


@dataclass(frozen=True)
class ReferenceForOld(honest.TokenRatio):
    def __call__(self, policy, batch):
        return policy.logp - keep(batch.reference, batch.mask)


@dataclass(frozen=True)
class NeedsTheReferenceToo(honest.TokenRatio):
    needs = frozenset({"old", "reference"})


@dataclass(frozen=True)
class NeedsNobodyOffers(honest.TokenRatio):
    needs = frozenset({"old", "old_logprobs"})


@dataclass(frozen=True)
class OneColumn(honest.SequenceRatio):
    def __call__(self, policy, batch):
        return row_mean(policy.logp - batch.old, batch.mask)


@dataclass(frozen=True)
class ThroughData(honest.TokenRatio):
    def __call__(self, policy, batch):
        drift = policy.logp - policy.logp.data
        return super().__call__(policy, batch) + drift * policy.logp.data


# Surrogate


@dataclass(frozen=True)
class SidesSwapped(honest.Clip):
    def __call__(self, log_ratio, policy, batch):
        return honest.Clip(low=self.high, high=self.low, dual=self.dual)(log_ratio, policy, batch)


@dataclass(frozen=True)
class MissingMin(honest.Clip):
    def __call__(self, log_ratio, policy, batch):
        return -exp(log_ratio).clamp(1 - self.low, 1 + self.high) * batch.advantage


@dataclass(frozen=True)
class DualClipOnRewardToo(honest.Clip):
    def __call__(self, log_ratio, policy, batch):
        ratio, a = exp(log_ratio), batch.advantage
        return -torch.maximum(torch.minimum(ratio * a, ratio.clamp(1 - self.low, 1 + self.high) * a), self.dual * a)


@dataclass(frozen=True)
class UnclampedExp(honest.Linear):
    def __call__(self, log_ratio, policy, batch):
        return -batch.advantage * (2 * log_ratio).exp().sqrt()


@dataclass(frozen=True)
class ClimbsTheLoss(honest.Linear):
    def __call__(self, log_ratio, policy, batch):
        return batch.advantage * exp(log_ratio)


@dataclass(frozen=True)
class CapNotDetached(honest.DetachedCap):
    def __call__(self, log_ratio, policy, batch):
        return -exp(log_ratio).clamp(max=self.cap) * batch.advantage * policy.logp


@dataclass(frozen=True)
class CapIsADistance(honest.DetachedCap):
    def __call__(self, log_ratio, policy, batch):
        return honest.DetachedCap(cap=1 + self.cap)(log_ratio, policy, batch)


@dataclass(frozen=True)
class PullsWithoutAdvantage(honest.Linear):
    def __call__(self, log_ratio, policy, batch):
        return super().__call__(log_ratio, policy, batch) + 0.01 * log_ratio


@dataclass(frozen=True)
class WritesInPlace(honest.Linear):
    def __call__(self, log_ratio, policy, batch):
        return -exp(log_ratio) * batch.advantage.mul_(2)


@dataclass(frozen=True)
class ScaledByTheMicroBatch(honest.Linear):
    def __call__(self, log_ratio, policy, batch):
        return super().__call__(log_ratio, policy, batch) / batch.advantage.abs().mean().clamp(min=1e-3)


@dataclass(frozen=True)
class WeightOnceOnly(honest.ClipTimesWeight):
    def __call__(self, log_ratio, policy, batch):
        ratio = exp(log_ratio + self.weight.log(policy.detach(), batch))
        return -torch.minimum(ratio * batch.advantage, ratio.clamp(1 - self.eps, 1 + self.eps) * batch.advantage)


@dataclass(frozen=True)
class WeightNotDetached(honest.ClipTimesWeight):
    def __call__(self, log_ratio, policy, batch):
        log_weight = self.weight.log(policy, batch)
        ratio, a = exp(log_ratio + log_weight), batch.advantage * exp(log_weight)
        return -torch.minimum(ratio * batch.advantage, ratio.clamp(1 - self.eps, 1 + self.eps) * a)


@dataclass(frozen=True)
class ZeroTimesInfinity(honest.ClipTimesWeight):
    def __call__(self, log_ratio, policy, batch):
        log_weight = self.weight.log(policy.detach(), batch)
        return -batch.advantage * exp(log_ratio) * exp(log_weight) * (log_weight - log_weight + 1)


# Weight


@dataclass(frozen=True)
class SumsInsteadOfMeans(honest.OffPolicy):
    def difference(self, batch):
        return row_sum(batch.parent, batch.parent_mask) - row_sum(batch.old, batch.valid)


@dataclass(frozen=True)
class ParentsPaddingCounted(honest.OffPolicy):
    def difference(self, batch):
        return keep(batch.parent, batch.parent_mask).mean(-1, keepdim=True) - row_mean(batch.old, batch.valid)


@dataclass(frozen=True)
class CorrectionOverParent(honest.OffPolicy):
    def difference(self, batch):
        return -super().difference(batch)


@dataclass(frozen=True)
class EveryRowIsWeighted(honest.OffPolicy):
    def log(self, policy, batch):
        return self.gamma * self.difference(batch).clamp(-0.7, 0.7)


@dataclass(frozen=True)
class MeanOneInTheMicroBatch(honest.OffPolicy):
    def log(self, policy, batch):
        log_weight = super().log(policy, batch)
        return log_weight - log_weight.exp().mean().log()


@dataclass(frozen=True)
class ReadsTheCurrentPolicyUndeclared(honest.OffPolicy):
    needs = frozenset({"parent"})


@dataclass(frozen=True)
class InfiniteWeight(honest.OffPolicy):
    def log(self, policy, batch):
        return torch.where(batch.corrected, torch.inf, 0.0).to(policy.logp.dtype)[:, None]


# Regularizer


@dataclass(frozen=True)
class SwappedK3(honest.ReverseKL):
    def __call__(self, policy, batch):
        apart = policy.logp - keep(batch.reference, batch.mask)
        return self.beta * (exp(apart) - apart - 1)


@dataclass(frozen=True)
class UnclampedK3(honest.ReverseKL):
    def __call__(self, policy, batch):
        towards = 1.2 * (keep(batch.reference, batch.mask) - policy.logp)
        return self.beta * (towards.exp() - towards - 1)


@dataclass(frozen=True)
class EntropyPunished(honest.EntropyBonus):
    def __call__(self, policy, batch):
        return self.coefficient * policy.entropy


@dataclass(frozen=True)
class EntropyOfTheSampleOnly(honest.EntropyBonus):
    def __call__(self, policy, batch):
        return self.coefficient * policy.logp.exp() * policy.logp


# Values


@dataclass(unsafe_hash=True)
class Mutable(Surrogate):
    """-A r."""

    scale: float = 1.0
    needs = honest.NOTHING

    def __call__(self, log_ratio, policy, batch):
        return -self.scale * batch.advantage * exp(log_ratio)


@dataclass(frozen=True)
class HoldsALambda(honest.Linear):
    link: Callable = field(default_factory=lambda: lambda x: x)


@dataclass(frozen=True)
class Unhashable(honest.Linear):
    levels: list = field(default_factory=list)


@dataclass(frozen=True)
class TakesAnything(honest.Clip):
    def __post_init__(self):
        pass


@dataclass(frozen=True)
class TakesNan(honest.Clip):
    def __post_init__(self):
        if self.low < 0 or self.high < 0 or self.dual < 1:
            raise ValueError("bad clip")


@dataclass(frozen=True)
class RefusesWithoutAName(honest.Clip):
    def __post_init__(self):
        try:
            super().__post_init__()
        except ValueError as error:
            raise type(error)("bad value") from error


# Objective


PLAIN = {"advantage": honest.ZScore(), "ratio": honest.TokenRatio(), "surrogate": honest.Clip(),
         "aggregation": honest.TokenMean(), "weights": (honest.OffPolicy(),)}
VALUED = PLAIN | {"advantage": honest.ValueBaseline()}
REGULARIZED = PLAIN | {"surrogate": honest.Linear(), "regularizers": (honest.ReverseKL(beta=0.1),)}
CAPPED = PLAIN | {"surrogate": honest.DetachedCap(), "weights": ()}


class NoMasking(Objective):
    def __call__(self, policy, batch):
        return self.aggregation(self.surrogate(self.ratio(policy, batch), policy, batch), batch)


class ExpBeforeMasking(Objective):
    def __call__(self, policy, batch):
        loss = -batch.advantage * (policy.logp - batch.old).exp()
        return self.aggregation(keep(loss, batch.mask), batch)


class AdvantageOfTheMicroBatch(Objective):
    def __call__(self, policy, batch):
        return super().__call__(policy, self.with_advantages(batch))


class AdvantageNotDetached(Objective):
    def with_advantages(self, batch):
        return replace(batch, advantage=keep(self.advantage(batch).expand_as(batch.mask), batch.mask))


class WeightsOnEverything(Objective):
    def __call__(self, policy, batch):
        policy, batch = masked_policy(policy, batch.mask), masked(batch)
        loss = self.surrogate(self.ratio(policy, batch), policy, batch)
        loss = loss + sum(regularizer(policy, batch) for regularizer in self.regularizers)
        return self.aggregation(exp(self.log_weight(policy, batch)) * loss, batch)


class RegularizersRewarded(Objective):
    def __call__(self, policy, batch):
        bare = Objective(**REGULARIZED | {"regularizers": ()})(policy, batch)
        return 2 * bare - super().__call__(policy, batch)


class AdvantagesOfUnmaskedColumns(Objective):
    def with_advantages(self, batch):
        return replace(batch, advantage=keep(self.advantage(batch).expand_as(batch.mask), batch.mask).detach())


class WeightIsTrained(Objective):
    def log_weight(self, policy, batch):
        return sum(weight.log(policy, batch) for weight in self.weights).expand_as(policy.logp)


class WeightsAddedNotMultiplied(Objective):
    def __call__(self, policy, batch):
        return super().__call__(policy, batch) + self.aggregation(self.log_weight(policy, batch) * policy.logp, batch)


MUTANTS = [
    Mutant(ForgottenMask(), honest.TokenMean(), golden.token_mean_number),
    Mutant(MeanOverWidth(), honest.SequenceMean(), golden.sequence_mean_number),
    Mutant(SumOverTokensNotRows(), honest.SequenceSum(), golden.sequence_sum_number),
    Mutant(BatchMean(), honest.Centred(), golden.centred_on_the_group),
    Mutant(LeavesNobodyOut(), honest.LeaveOneOut(), golden.others_are_the_baseline),
    Mutant(SumOfTheRow(), honest.SequenceRatio(), golden.sequence_ratio_is_the_geometric_mean),
    Mutant(honest.ZScore(), GroupZscore(), golden.unbiased_std_of_the_group),
    Mutant(ForgottenMask(), honest.TokenMean(), contracts.padding_is_never_read),
    Mutant(LocalTokenCount(), honest.TokenMean(), contracts.micro_batches_add_up),
    Mutant(LocalRowCount(), honest.SequenceMean(), contracts.micro_batches_add_up),
    Mutant(MeanOverWidth(), honest.SequenceMean(), contracts.padding_is_never_read),
    Mutant(ConstantIsTheBatchWidth(), honest.ConstantLength(), contracts.micro_batches_add_up),
    Mutant(ConstantIsTheBatchWidth(), honest.ConstantLength(), golden.constant_length_number),
    Mutant(WorstRowOnly(), honest.SequenceMean(), contracts.linear_in_the_loss),
    Mutant(EarlyRowsFirst(), honest.SequenceMean(), contracts.row_order_is_free),
    Mutant(ValidInsteadOfTrained(), honest.TokenMean(), contracts.linear_in_the_loss),
    Mutant(CastToSinglePrecision(), honest.TokenMean(), contracts.right_shape_and_dtype),
    Mutant(DividesByNothingTrained(), honest.TokenMean(), contracts.nothing_trained_is_zero),
    Mutant(ClampedLoss(), honest.TokenMean(), contracts.linear_in_the_loss),
    Mutant(BatchMean(), honest.Centred(), contracts.group_sees_itself_only),
    Mutant(StdOverTheBatch(), honest.ZScore(), contracts.group_sees_itself_only),
    Mutant(StdOverTheBatch(), honest.ZScore(), golden.population_std_of_the_group),
    Mutant(CorrectionMovesTheBaseline(), honest.Centred(), contracts.baseline_rows_only),
    Mutant(BaselineForgotItsOwnReward(), honest.Centred(), contracts.baseline_rows_only),
    Mutant(NoEpsilon(), honest.ZScore(), contracts.equal_rewards_teach_nothing),
    Mutant(UnbiasedStdOfOne(), honest.ZScore(), contracts.finite_far_from_the_old_policy),
    Mutant(PreviousRowIsTheBaseline(), honest.Centred(), contracts.row_order_is_free),
    Mutant(CountsPadding(), honest.Centred(), contracts.padding_is_never_read),
    Mutant(RawReward(), honest.Centred(), contracts.equal_rewards_teach_nothing),
    Mutant(UpsideDown(), honest.TokenRatio(), contracts.reinforce_at_ratio_one),
    Mutant(WholeRatioDetached(), honest.TokenRatio(), contracts.reinforce_at_ratio_one),
    Mutant(MeanOverPadding(), honest.SequenceRatio(), contracts.padding_is_never_read),
    Mutant(UntrainedTokensInTheMean(), honest.SequenceRatio(), contracts.reinforce_at_ratio_one),
    Mutant(ReferenceForOld(), honest.TokenRatio(), contracts.reads_only_what_it_names, AttributeError),
    Mutant(NeedsTheReferenceToo(), honest.TokenRatio(), contracts.reads_all_that_it_names),
    Mutant(NeedsNobodyOffers(), honest.TokenRatio(), contracts.reads_only_what_it_names),
    Mutant(OneColumn(), honest.SequenceRatio(), contracts.right_shape_and_dtype),
    Mutant(ThroughData(), honest.TokenRatio(), contracts.gradient_matches_finite_differences),
    Mutant(SidesSwapped(), honest.Clip(), golden.clips_each_side),
    Mutant(MissingMin(), honest.Clip(), golden.clips_each_side),
    Mutant(DualClipOnRewardToo(), honest.Clip(), golden.dual_clip_bounds_punishment_only),
    Mutant(UnclampedExp(), honest.Linear(), contracts.finite_far_from_the_old_policy),
    Mutant(ClimbsTheLoss(), honest.Linear(), contracts.reinforce_at_ratio_one),
    Mutant(CapNotDetached(), honest.DetachedCap(), contracts.reinforce_at_ratio_one),
    Mutant(CapIsADistance(), honest.DetachedCap(), golden.cap_is_the_weight_of_the_log_prob),
    Mutant(PullsWithoutAdvantage(), honest.Linear(), contracts.zero_advantage_teaches_nothing),
    Mutant(WritesInPlace(), honest.Linear(), contracts.leaves_its_inputs_alone),
    Mutant(ScaledByTheMicroBatch(), honest.Linear(), contracts.micro_batches_add_up),
    Mutant(partial(WeightOnceOnly), partial(honest.ClipTimesWeight), golden.printed_form_has_its_table),
    Mutant(WeightNotDetached(honest.OffPolicy()), honest.ClipTimesWeight(honest.OffPolicy()),
           contracts.inner_weights_are_detached),
    Mutant(ZeroTimesInfinity(honest.OffPolicy()), honest.ClipTimesWeight(honest.OffPolicy()),
           contracts.minus_infinity_is_weight_zero),
    Mutant(SumsInsteadOfMeans(), honest.OffPolicy(), golden.off_policy_ratio_is_of_means),
    Mutant(ParentsPaddingCounted(), honest.OffPolicy(), contracts.padding_is_never_read),
    Mutant(CorrectionOverParent(), honest.OffPolicy(), golden.off_policy_ratio_is_of_means),
    Mutant(EveryRowIsWeighted(), honest.OffPolicy(), contracts.one_without_a_parent),
    Mutant(MeanOneInTheMicroBatch(), honest.OffPolicy(), contracts.micro_batches_add_up),
    Mutant(ReadsTheCurrentPolicyUndeclared(), honest.OffPolicy(), contracts.reads_only_what_it_names, AttributeError),
    Mutant(InfiniteWeight(), honest.OffPolicy(), contracts.weights_are_detached),
    Mutant(SwappedK3(), honest.ReverseKL(), golden.k3_is_positive_and_points_home),
    Mutant(UnclampedK3(), honest.ReverseKL(), contracts.finite_far_from_the_old_policy),
    Mutant(EntropyPunished(), honest.EntropyBonus(), golden.entropy_is_rewarded),
    Mutant(EntropyOfTheSampleOnly(), honest.EntropyBonus(), contracts.reads_all_that_it_names),
    Mutant(Mutable(), honest.Linear(), contracts.is_a_value),
    Mutant(HoldsALambda(), honest.Linear(), contracts.is_a_value, (PicklingError, AttributeError)),
    Mutant(Unhashable(), honest.Linear(), contracts.is_a_value, TypeError),
    Mutant(TakesAnything(), honest.Clip(), contracts.refuses_bad_values),
    Mutant(TakesNan(), honest.Clip(), contracts.refuses_bad_values),
    Mutant(RefusesWithoutAName(), honest.Clip(), contracts.refuses_bad_values),
    Mutant(NoMasking(**CAPPED), Objective(**CAPPED), contracts.padding_is_never_read),
    Mutant(ExpBeforeMasking(**PLAIN), Objective(**PLAIN), contracts.padding_is_never_read),
    Mutant(AdvantageOfTheMicroBatch(**PLAIN), Objective(**PLAIN), contracts.micro_batches_add_up),
    Mutant(AdvantageNotDetached(**PLAIN), Objective(**PLAIN), contracts.advantages_are_detached),
    Mutant(WeightsOnEverything(**REGULARIZED), Objective(**REGULARIZED), golden.weights_multiply_and_regularizers_add),
    Mutant(RegularizersRewarded(**REGULARIZED), Objective(**REGULARIZED), golden.weights_multiply_and_regularizers_add),
    Mutant(AdvantagesOfUnmaskedColumns(**VALUED), Objective(**VALUED), contracts.padding_is_never_read),
    Mutant(WeightIsTrained(**PLAIN), Objective(**PLAIN), contracts.inner_weights_are_detached),
    Mutant(WeightsAddedNotMultiplied(**PLAIN), Objective(**PLAIN), contracts.minus_infinity_is_weight_zero),
]
