"""TRL's own losses on the same random pairs: the same value and the same gradient, in float64."""

from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from rfpo.batch import Batch, TokenCounts
from rfpo.objective import PairObjective, Policy
from rfpo.objective.pairwise.dpo import Dpo
from rfpo.objective.pairwise.hinge import Hinge
from rfpo.objective.pairwise.ipo import Ipo
from rfpo.objective.pairwise.robust import Robust
from rfpo.objective.pairwise.simpo import Simpo
from rfpo.objective.pairwise.sppo import Sppo
from tests.objective.build import gradient

dpo = pytest.importorskip("trl.trainer.dpo_trainer")

PAIRS, LENGTH = 5, 7
ROWS = 2 * PAIRS
CASES = {
    "sigmoid": (Dpo(beta=0.3), {}, 1.0), "hinge": (Hinge(beta=0.3), {}, 1.0), "ipo": (Ipo(beta=0.3), {}, 1.0),
    "robust": (Robust(beta=0.3, flipped=0.15), {"label_smoothing": 0.15}, 1.0),
    "sppo_hard": (Sppo(beta=0.3, base="reference"), {}, 2.0),  # TRL leaves out the half
}


def uniform(seed, low, high):
    return torch.rand(ROWS, LENGTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * (high - low) + low


def scene() -> tuple[Batch, Policy]:
    """Chosen answers first, as TRL has them; ragged."""
    valid = torch.arange(LENGTH) < torch.tensor([7, 3, 1, 5, 6, 6, 2, 4, 5, 1])[:, None]
    counts = TokenCounts(tokens=int(valid.sum()), rows=ROWS, trained_rows=ROWS, groups=PAIRS, max_length=LENGTH)
    reward = torch.cat([torch.ones(PAIRS), torch.zeros(PAIRS)]).double()
    zeros = torch.zeros(ROWS, dtype=torch.long)
    batch = Batch(
        tokens=torch.zeros(ROWS, LENGTH, dtype=torch.long), valid=valid, mask=valid, reward=reward, group=zeros,
        baseline=zeros.bool(), origin=zeros, truncated=zeros.bool(), unit=torch.arange(PAIRS).repeat(2), contexts=((1,),),
        context=zeros, counts=counts, reference=uniform(1, -3, -0.1), old=uniform(2, -3, -0.1))
    return batch, Policy(uniform(0, -3, -0.1).requires_grad_())


def mine(loss, batch: Batch, policy: Policy):
    objective = PairObjective(loss)
    return objective(policy, objective.with_advantages(batch))


def trl_loss(loss_type: str, beta: float, batch: Batch, policy: Policy, label_smoothing: float = 0.0):
    """DPOTrainer's loss of one batch, with one prompt token in front and the reference's log-probs made before."""
    zeros = torch.zeros(ROWS, LENGTH, dtype=torch.float64)
    output = SimpleNamespace(log_probs=policy.logp * batch.mask, entropy=zeros, mean_logits=zeros, is_top1=batch.mask)
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True), aux_loss_enabled=False, ld_alpha=None, precompute_ref_logps=True,
        f_divergence_type="reverse_kl", loss_types=[loss_type], loss_weights=[1.0], beta=beta, use_weighting=False,
        label_smoothing=label_smoothing, _metrics={"train": defaultdict(list)}, _total_train_tokens=0, _tp_size=1,
        accelerator=SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x))
    shown = torch.cat([torch.zeros(ROWS, 1), batch.mask.double()], 1).long()
    reference = (batch.reference * batch.mask).sum(-1)
    inputs = {"input_ids": torch.ones_like(shown), "attention_mask": torch.ones_like(shown), "completion_mask": shown,
              "ref_chosen_logps": reference[:PAIRS], "ref_rejected_logps": reference[PAIRS:]}
    return dpo.DPOTrainer._compute_loss(trainer, lambda **_: output, inputs, False)


def assert_same(ours, theirs, leaf):
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(gradient(ours, leaf), gradient(theirs, leaf), rtol=1e-9, atol=1e-12)
    assert gradient(ours, leaf).abs().max() > 1e-3


@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_that_of_trl(name):
    (loss, settings, factor), (batch, policy) = CASES[name], scene()
    assert_same(factor * mine(loss, batch, policy), trl_loss(name, loss.beta, batch, policy, **settings), policy.logp)


@pytest.mark.parametrize(("loss", "settings"), [
    (Simpo(beta=2.0, gamma=0.7), dict(loss_type="simpo", simpo_gamma=0.7)),
    (Dpo(beta=2.0, smoothing=0.2, base="none"), dict(loss_type="sigmoid", label_smoothing=0.2)),
    (Hinge(beta=2.0, base="none"), dict(loss_type="hinge")), (Ipo(beta=2.0, base="none"), dict(loss_type="ipo")),
], ids=["simpo", "sigmoid", "hinge", "ipo"])
def test_without_a_reference_it_is_that_of_trls_cpo(loss, settings):
    cpo = pytest.importorskip("trl.experimental.cpo.cpo_trainer")
    batch, policy = scene()
    trainer = SimpleNamespace(beta=loss.beta, alpha=0.0, accelerator=SimpleNamespace(device="cpu"),
                              **{"label_smoothing": 0.0} | settings)
    logps = (policy.logp * batch.mask).sum(-1)
    if settings["loss_type"] in ("simpo", "ipo"):
        logps = logps / batch.mask.sum(-1)
    theirs = cpo.CPOTrainer.cpo_loss(trainer, logps[:PAIRS], logps[PAIRS:])[0].mean()
    assert_same(mine(loss, batch, policy), theirs, policy.logp)


def test_the_old_policy_takes_the_references_place():
    batch, policy = scene()
    assert_same(mine(Dpo(base="old"), batch, policy),
                trl_loss("sigmoid", 0.1, replace(batch, reference=batch.old), policy), policy.logp)
