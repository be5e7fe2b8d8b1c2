"""TRL's own loss functions on the same random tensors: the same value and the same gradient, in float64."""

from collections import defaultdict
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch

from rfpo.batch import Batch, TokenCounts, row_sum
from rfpo.objective import Objective, Policy
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.advantage.leave_one_out import LeaveOneOut
from rfpo.objective.aggregation.constant_length import ConstantLength
from rfpo.objective.aggregation.sequence_mean import SequenceMean
from rfpo.objective.aggregation.sequence_sum import SequenceSum
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.ratio.sequence import Sequence
from rfpo.objective.ratio.token import Token
from rfpo.objective.regularizer.entropy_bonus import EntropyBonus
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.detached_cap import DetachedCap
from rfpo.objective.surrogate.unbounded import Unbounded
from rfpo.objective.weight.engine_mismatch import EngineMismatch
from rfpo.recipes import recipe
from tests.objective.build import gradient

grpo = pytest.importorskip("trl.trainer.grpo_trainer")
rloo = pytest.importorskip("trl.trainer.rloo_trainer")

GROUPS, SIZE, LENGTH, MAX_LENGTH = 3, 4, 6, 9
ROWS = GROUPS * SIZE


@dataclass(frozen=True)
class Case:
    """One recipe in our words and in TRL's."""

    objective: Objective
    loss_type: str = "grpo"
    low: float = 0.2
    high: float = 0.2
    delta: float | None = None
    level: str = "token"
    beta: float = 0.0
    entropy: float | None = None
    mismatch: bool = False


BASE = Objective(advantage=GroupZscore(), ratio=Token(), surrogate=Clip(), aggregation=SequenceMean())
DAPO = replace(BASE, surrogate=Clip(high=0.28), aggregation=TokenMean())
KL = (KlToReference(coefficient=0.04, estimator="k3"),)
CASES = {
    "reinforce": Case(replace(BASE, ratio=OnPolicy(), surrogate=Unbounded())),
    "reinforce with k3": Case(replace(BASE, ratio=OnPolicy(), surrogate=Unbounded(), regularizers=KL), beta=0.04),
    "grpo": Case(BASE),
    "grpo with k3": Case(replace(BASE, regularizers=KL), beta=0.04),
    "grpo with dual clip": Case(replace(BASE, surrogate=Clip(dual=1.5)), delta=1.5),
    "grpo with truncated importance sampling": Case(replace(BASE, weights=(EngineMismatch(cap=1.3),)), mismatch=True),
    "dapo": Case(DAPO, loss_type="dapo", high=0.28),
    "dapo with k3": Case(replace(DAPO, regularizers=KL), loss_type="dapo", high=0.28, beta=0.04),
    "dr_grpo": Case(replace(BASE, advantage=GroupCentred(), aggregation=ConstantLength()), loss_type="dr_grpo"),
    "gspo": Case(replace(BASE, ratio=Sequence(), surrogate=Clip(low=0.03, high=0.04)), low=0.03, high=0.04, level="sequence"),
    "luspo": Case(replace(BASE, ratio=Sequence(), surrogate=Clip(low=0.03, high=0.04), aggregation=SequenceSum()),
                  loss_type="luspo", low=0.03, high=0.04, level="sequence"),
    "cispo": Case(replace(BASE, surrogate=DetachedCap(cap=1.28), aggregation=TokenMean()), loss_type="cispo", high=1.28),
}


RECIPES = {
    "grpo": {}, "dapo": {"loss_type": "dapo", "high": 0.28}, "dr_grpo": {"loss_type": "dr_grpo"},
    "gspo": {"low": 3e-4, "high": 4e-4, "level": "sequence"}, "cispo": {"loss_type": "cispo", "high": 5.0},
}
"""TRL's settings for the recipes as they are shipped."""


def uniform(seed, low, high, shape=(ROWS, LENGTH)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * (high - low) + low


def step() -> tuple[Batch, Policy]:
    """Ragged responses of random rewards; the columns are junk where there is padding."""
    lengths = torch.tensor([6, 3, 1, 5, 6, 6, 2, 4, 5, 1, 3, 6])
    valid = torch.arange(LENGTH) < lengths[:, None]
    old = uniform(0, -3.0, -0.1)
    counts = TokenCounts(tokens=int(valid.sum()), rows=ROWS, trained_rows=ROWS, groups=GROUPS, max_length=MAX_LENGTH)
    batch = Batch(
        tokens=torch.zeros(ROWS, LENGTH, dtype=torch.long), valid=valid, mask=valid, reward=uniform(1, 0, 1, ROWS),
        group=torch.arange(GROUPS).repeat_interleave(SIZE), baseline=torch.ones(ROWS, dtype=torch.bool),
        origin=torch.zeros(ROWS, dtype=torch.long), truncated=torch.zeros(ROWS, dtype=torch.bool), unit=torch.arange(ROWS),
        contexts=((1,),), context=torch.zeros(ROWS, dtype=torch.long), counts=counts, old=old, known=valid,
        behaviour=old + uniform(2, -0.5, 0.5), reference=old + uniform(3, -0.5, 0.5))
    now = Policy((old + uniform(4, -0.6, 0.6)).requires_grad_(), entropy=uniform(5, 0.1, 2.0).requires_grad_())
    return batch, now


def trainer(case: Case, micro_batches: int, policy: Policy):
    """What TRL's `_compute_loss` reads of its trainer, filled for one process in training mode."""
    return SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (policy.logp, policy.entropy, None), aux_loss_enabled=False,
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, importance_sampling_level=case.level, beta=case.beta,
        args=SimpleNamespace(delta=case.delta, use_bias_correction_kl=False, steps_per_generation=micro_batches),
        loss_type=case.loss_type, epsilon_low=case.low, epsilon_high=case.high, use_vllm=case.mismatch,
        vllm_importance_sampling_correction=case.mismatch, model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=micro_batches, max_completion_length=MAX_LENGTH,
        accelerator=SimpleNamespace(num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x, sync_gradients=True),
        _entropy_bonus_enabled=case.entropy is not None, use_adaptive_entropy=False, entropy_coef=case.entropy,
        _metrics={"train": defaultdict(list)})


def trl_loss(case: Case, batch: Batch, policy: Policy, micro_batches: int):
    """TRL's loss of the whole update: the sum over its micro-batches."""
    total = 0.0
    for rows in torch.arange(ROWS).chunk(micro_batches):
        prompt = torch.ones(len(rows), 1, dtype=torch.long)
        inputs = {"prompt_ids": prompt, "prompt_mask": prompt, "completion_ids": batch.tokens[rows],
                  "completion_mask": batch.valid[rows].long(), "advantages": batch.advantage[rows, 0],
                  "old_per_token_logps": None if isinstance(case.objective.ratio, OnPolicy) else batch.old[rows],
                  "ref_per_token_logps": batch.reference[rows],
                  "importance_sampling_ratio": (batch.old - batch.behaviour)[rows].exp().clamp(max=1.3),
                  "num_items_in_batch": torch.tensor(float(batch.counts.tokens))}
        mine = Policy(policy.logp[rows], policy.entropy[rows])
        total = total + grpo.GRPOTrainer._compute_loss(trainer(case, micro_batches, mine), None, inputs)
    return total


def our_loss(objective: Objective, batch: Batch, policy: Policy, micro_batches: int):
    return sum(objective(Policy(policy.logp[rows], policy.entropy[rows]), batch.rows(rows))
               for rows in torch.arange(ROWS).chunk(micro_batches))


def assert_same(mine, theirs, leaf):
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(gradient(mine, leaf), gradient(theirs, leaf), rtol=1e-9, atol=1e-12)
    assert gradient(mine, leaf).abs().max() > 1e-3


@pytest.mark.parametrize("micro_batches", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_that_of_trl(name, micro_batches):
    case, (batch, policy) = CASES[name], step()
    batch = case.objective.with_advantages(batch)
    theirs = trl_loss(case, batch, policy, micro_batches)
    assert_same(our_loss(case.objective, batch, policy, micro_batches=2), theirs, policy.logp)


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_own_loss_is_that_of_trl(name):
    case, (batch, policy) = Case(recipe(name).objective, **RECIPES[name]), step()
    batch = case.objective.with_advantages(batch)
    assert_same(our_loss(case.objective, batch, policy, micro_batches=2), trl_loss(case, batch, policy, 3), policy.logp)


def test_the_entropy_bonus_is_that_of_trl():
    """TRL means it over the tokens of each micro-batch, whatever the loss does: one micro-batch, and our token mean."""
    objective = replace(DAPO, regularizers=(EntropyBonus(coefficient=0.1),))
    batch, policy = step()
    batch = objective.with_advantages(batch)
    theirs = trl_loss(Case(objective, loss_type="dapo", high=0.28, entropy=0.1), batch, policy, micro_batches=1)
    for leaf in (policy.logp, policy.entropy):
        assert_same(our_loss(objective, batch, policy, micro_batches=3), theirs, leaf)


@pytest.mark.parametrize("name", [name for name in CASES if "reinforce" not in name])
def test_the_random_ratios_leave_the_trust_region_on_both_sides(name):
    """Else the clipped branches were never compared."""
    case, (batch, policy) = CASES[name], step()
    ratio = case.objective.ratio(policy, batch).exp()
    upper = case.high if case.loss_type == "cispo" else 1 + case.high
    assert (ratio < 1 - case.low).any() and (ratio > upper).any() and (case.delta is None or (ratio > case.delta).any())


def test_rloo_clips_the_sequence_ratio():
    objective = replace(BASE, advantage=LeaveOneOut(), ratio=Sequence(form="sum"))
    batch, policy = step()
    batch = objective.with_advantages(batch)
    stand_in = trainer(Case(objective), 1, policy)
    inputs = {"prompt_ids": torch.ones(ROWS, 1), "prompt_mask": torch.ones(ROWS, 1), "completion_ids": batch.tokens,
              "completion_mask": batch.valid.long(), "advantages": batch.advantage[:, 0],
              "old_logps": row_sum(batch.old, batch.valid)[:, 0]}
    assert_same(our_loss(objective, batch, policy, 3), rloo.RLOOTrainer._compute_loss(stand_in, None, inputs), policy.logp)


def test_the_recipe_rloo_has_the_gradient_of_trls_first_update():
    """The recipe has no ratio, TRL clips the sequence's; both are REINFORCE where the policy has not moved yet."""
    objective, (batch, _) = recipe("rloo").objective, step()
    batch = objective.with_advantages(batch)
    policy = Policy(batch.old.clone().requires_grad_(), entropy=torch.zeros(ROWS, LENGTH))
    inputs = {"prompt_ids": torch.ones(ROWS, 1), "prompt_mask": torch.ones(ROWS, 1), "completion_ids": batch.tokens,
              "completion_mask": batch.valid.long(), "advantages": batch.advantage[:, 0],
              "old_logps": row_sum(batch.old, batch.valid)[:, 0]}
    theirs = rloo.RLOOTrainer._compute_loss(trainer(Case(objective), 1, policy), None, inputs)
    mine = our_loss(objective, batch, policy, 3)
    torch.testing.assert_close(gradient(mine, policy.logp), gradient(theirs, policy.logp), rtol=1e-9, atol=1e-12)
