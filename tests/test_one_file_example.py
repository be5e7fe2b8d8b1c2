"""The example that needs torch only is the library's method: the same loss, the same gradient, and it learns."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rfpo.batch import Batch, TokenCounts
from rfpo.objective import Objective, Policy
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.aggregation.sequence_mean import SequenceMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio

EXAMPLE = Path(__file__).parents[1] / "examples" / "one_file_rfpo.py"
RFPO = Objective(advantage=GroupZscore(), ratio=Token(), surrogate=Clip(), weights=(OffPolicyRatio(),),
                 aggregation=SequenceMean())
ROWS, LENGTH = 12, 7


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("one_file_rfpo", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def random_step(seed) -> tuple[Batch, torch.Tensor]:
    """Three groups of four ragged responses; one in three corrects a wrong response of another length."""
    generator = torch.Generator().manual_seed(seed)

    def ragged():
        return torch.arange(LENGTH) < torch.randint(1, LENGTH + 1, (ROWS, 1), generator=generator)

    def log_probs():
        return -3 * torch.rand(ROWS, LENGTH, generator=generator, dtype=torch.float64)

    mask, parent_mask = ragged(), ragged() & (torch.arange(ROWS) % 3 == 0)[:, None]
    old, drift = log_probs(), torch.rand(ROWS, LENGTH, generator=generator, dtype=torch.float64) - 0.5
    counts = TokenCounts(tokens=int(mask.sum()), rows=ROWS, trained_rows=ROWS, groups=3, max_length=LENGTH)
    rows = torch.arange(ROWS)
    batch = Batch(
        tokens=torch.zeros(ROWS, LENGTH, dtype=torch.long), valid=mask, mask=mask, group=rows % 3, unit=rows,
        reward=torch.randint(4, (ROWS,), generator=generator).double(), baseline=torch.ones(ROWS, dtype=torch.bool),
        origin=parent_mask.any(1).long(), truncated=torch.zeros(ROWS, dtype=torch.bool), contexts=((1,),),
        context=torch.zeros(ROWS, dtype=torch.long), counts=counts, old=old, parent=log_probs(), parent_mask=parent_mask,
        common_prefix=torch.zeros(ROWS, dtype=torch.long))
    return batch, (old + drift).requires_grad_()


@pytest.mark.parametrize("seed", range(5))
def test_its_loss_and_gradient_are_the_librarys(example, seed):
    batch, logp = random_step(seed)
    theirs = example.rfpo_loss(logp, batch.old, batch.mask, batch.reward, batch.group, batch.parent, batch.parent_mask)
    ours = RFPO(Policy(logp), RFPO.with_advantages(batch))
    torch.testing.assert_close(theirs, ours, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logp)[0] for loss in (theirs, ours)), rtol=1e-9, atol=1e-12)
    assert not torch.isclose(ours, replace(RFPO, weights=())(Policy(logp), RFPO.with_advantages(batch)))


def test_junk_in_the_padding_changes_nothing(example):
    batch, logp = random_step(0)
    columns = (batch.mask, batch.reward, batch.group)
    clean = example.rfpo_loss(logp, batch.old, *columns, batch.parent, batch.parent_mask)
    junk = example.rfpo_loss(logp.detach().where(batch.mask, float("inf")), batch.old.where(batch.mask, float("nan")), *columns,
                             batch.parent.where(batch.parent_mask, float("nan")), batch.parent_mask)
    assert torch.equal(clean, junk)


def test_rfpo_learns_what_grpo_cannot(example, capsys):
    solved = example.main(pretrain_steps=400, budget=24_000)
    assert solved["GRPO"] < 0.05 and solved["RFPO"] > 0.2
    assert capsys.readouterr().out.count("RFPO") == 6
