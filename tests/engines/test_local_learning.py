from dataclasses import replace

import pytest
import torch

from rfpo.batch import collate
from rfpo.engines.local import learning
from rfpo.engines.local.memory import out_of_memory, split
from rfpo.engines.settings import Lora, Optimizer
from rfpo.errors import UserError
from rfpo.objective import Policy
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.regularizer.entropy_bonus import EntropyBonus
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from tests.engines.build import corrected_sample, engine_of, ragged_samples, same, sample, stream, weights


def gradients(engine):
    return {name: weight.grad.clone() for name, weight in engine.network.named_parameters()}


def plain_gradient(engine, wanted):
    """Row by row without padding, the whole batch in one graph, every row run."""
    rows = [(context, wanted.batch.tokens[i][wanted.batch.valid[i]])
            for i, context in enumerate(wanted.batch.contexts[c] for c in wanted.batch.context.tolist())]
    logp = torch.zeros(wanted.batch.mask.shape)
    entropy = torch.zeros(wanted.batch.mask.shape)
    for i, (context, tokens) in enumerate(rows):
        ids = torch.cat([torch.tensor(context), tokens])
        logits = engine.network(ids[None]).logits[0, len(context) - 1 : -1].log_softmax(-1)
        logp[i, : len(tokens)] = logits.gather(-1, tokens[:, None]).squeeze(-1)
        entropy[i, : len(tokens)] = -(logits.exp() * logits).sum(-1)
    batch = replace(wanted.batch, old=logp.detach(), update=logp.detach())
    (wanted.coefficient * wanted.objective(Policy(logp, entropy), batch)).backward()
    result = gradients(engine)
    engine.network.zero_grad()
    return result


def engine_gradient(engine, *streams):
    prepared = [learning.prepare(one, engine.score) for one in streams]
    tally = engine._gradient(prepared)
    result = gradients(engine)
    engine.network.zero_grad()
    return result, tally


def assert_close(found, expected):
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("tokens, micro_batches", [(1, 5), (20, 2), (4096, 1)])
@pytest.mark.parametrize("slots", [{}, {"aggregation": TokenMean(), "regularizers": (EntropyBonus(0.1),)}])
def test_the_gradient_is_the_plain_full_batch_gradient_whatever_the_micro_batches(directory, tokens, micro_batches, slots):
    engine, wanted = engine_of(directory, tokens=tokens), stream(**slots)
    found, tally = engine_gradient(engine, wanted)
    assert_close(found, plain_gradient(engine, wanted))
    if not slots:
        assert tally.micro_batches == micro_batches


def test_streams_add_up_by_their_coefficients(qwen3):
    first, second = stream(), stream([sample(tokens=(9, 1)), sample(tokens=(8, 1), reward=0.0)], coefficient=-0.5)
    one, two = plain_gradient(qwen3, first), plain_gradient(qwen3, second)
    found, _ = engine_gradient(qwen3, first, second)
    assert_close(found, {name: one[name] + two[name] for name in one})


def test_rows_of_zero_advantage_are_not_run_and_the_gradient_is_the_same(qwen3):
    wanted = stream()
    found, tally = engine_gradient(qwen3, wanted)
    assert tally.rows == 5 and tally.tokens == 17
    everything, full = engine_gradient(qwen3, replace(wanted, objective=replace(
        wanted.objective, regularizers=(EntropyBonus(0.0),))))
    assert full.rows == 7
    assert_close(found, everything)


def test_an_update_whose_rows_all_have_zero_advantage_is_no_step(qwen3):
    before = weights(qwen3)
    report = qwen3.update([stream([sample(reward=0.0), sample(tokens=(9, 1), reward=0.0)])], 1.0)
    assert not report.stepped and not report.nan and report.trained_rows == 0
    assert same(weights(qwen3), before) and qwen3.policy_version == 0


def test_a_unit_is_run_whole():
    wanted = stream()
    unit = torch.tensor([0, 1, 2, 3, 4, 4, 5])  # row 5 has no advantage and shares a unit with row 4
    assert learning.rows_to_run(replace(wanted, batch=replace(wanted.batch, unit=unit))).tolist() == [True] * 6 + [False]


def test_the_first_adam_step_worked_by_hand(qwen3):
    """Adam's first step is lr * g / (|g| + epsilon), with the rate of the call and not of the settings."""
    engine = engine_of_epsilon(qwen3, 1e-3)
    expected, _ = engine_gradient(engine, stream())
    before = weights(engine)
    norm = torch.stack([g.norm() for g in expected.values()]).norm()
    report = engine.update([stream()], 3e-2)
    assert report.stepped and report.gradient_norm == pytest.approx(norm.item(), rel=1e-5) and engine.policy_version == 1
    scale = min(1.0, 0.5 / norm.item())
    for name, weight in weights(engine).items():
        g = expected[name] * scale
        torch.testing.assert_close(weight, before[name] - 3e-2 * g / (g.abs() + 1e-3), rtol=1e-4, atol=1e-6)


def engine_of_epsilon(engine, epsilon):
    for group in engine.optimizer.param_groups:
        group["eps"] = epsilon
    engine.max_gradient_norm = 0.5
    return engine


def test_old_left_none_is_the_policy_of_this_update(qwen3):
    wanted = stream()
    scored = replace(wanted, batch=qwen3.score(wanted.batch, frozenset({"old"})))
    assert_close(engine_gradient(qwen3, wanted)[0], engine_gradient(qwen3, scored)[0])


def test_old_that_is_given_is_used(qwen3):
    wanted = stream()
    shifted = replace(wanted, batch=replace(wanted.batch, old=qwen3.score(wanted.batch, frozenset({"old"})).old - 1.0))
    report = qwen3.update([shifted], 1e-2)
    assert report.statistics["mean_log_ratio"] == pytest.approx(1.0, abs=1e-4)
    assert 0 < report.statistics["clip_share"] < 1  # at ratio e only tokens with an advantage above 0 are clipped


def test_parents_are_scored_for_the_rows_that_are_run(qwen3):
    wanted = stream([corrected_sample(), sample(tokens=(9, 1), reward=0.0)], weights=(OffPolicyRatio(cap=None),))
    own = qwen3.score(wanted.batch, frozenset({"old", "parent"}))
    ratio = (own.parent[0, :5].mean() - own.old[0, :3].mean()).exp().item()
    report = qwen3.update([wanted], 1e-2)
    assert report.statistics["weight_corrected"] == pytest.approx(ratio, rel=1e-4)


def test_a_reference_is_scored_when_the_objective_reads_it(directory):
    engine = engine_of(directory, reference=True)
    wanted = stream(regularizers=(KlToReference(),))
    assert engine.update([wanted], 1e-2).stepped and engine.update([wanted], 1e-2).trained_rows == 7


def test_entropy_is_made_only_when_a_piece_needs_it(qwen3, monkeypatch):
    assert "entropy" not in qwen3.update([stream()], 1e-3).statistics
    assert qwen3.update([stream(regularizers=(EntropyBonus(0.01),))], 1e-3).statistics["entropy"] > 0


def broken(kind):
    class Broken(TokenMean):
        def __call__(self, loss, batch):
            total = super().__call__(loss, batch)
            return total * float("nan") if kind == "loss" else (total * 0).sqrt()  # 0 * inf in the backward of sqrt
    return Broken()


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_is_no_step(qwen3, kind):
    qwen3.update([stream()], 1e-3)
    before = weights(qwen3)
    moments = [{k: v.clone() for k, v in qwen3.optimizer.state[w].items()} for w in qwen3.network.parameters()]
    report = qwen3.update([stream(aggregation=broken(kind))], 1e-3)
    assert report.nan and not report.stepped and qwen3.policy_version == 1
    assert same(weights(qwen3), before)
    assert all(same(qwen3.optimizer.state[w], old) for w, old in zip(qwen3.network.parameters(), moments, strict=True))
    assert all(weight.grad is None for weight in qwen3.network.parameters())


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError("CUDA out of memory."),
                                   RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.")])
def test_out_of_memory_halves_the_micro_batch_and_starts_the_update_again(directory, monkeypatch, capsys, error):
    expected = engine_of(directory, tokens=20)
    expected.update([stream()], 1e-2)
    engine, plain, calls = engine_of(directory, tokens=40), learning.backward, []

    def too_large_the_second_time(*arguments):
        calls.append(arguments)
        loss = plain(*arguments)
        if len(calls) == 2:
            raise error
        return loss

    monkeypatch.setattr(learning, "backward", too_large_the_second_time)
    report = engine.update([stream()], 1e-2)
    assert report.stepped and engine.budget.tokens == 20 and report.trained_rows == 5
    assert capsys.readouterr().err == "out of memory: tokens_per_micro_batch 40 -> 20\n"
    assert same(weights(engine), weights(expected))


def test_a_row_that_does_not_fit_alone_is_said_in_one_line(qwen3, monkeypatch):
    def too_large(*arguments):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(learning, "backward", too_large)
    with pytest.raises(UserError, match="a single row of 8 tokens does not fit in memory"):
        qwen3.update([stream()], 1e-2)


def test_other_errors_are_not_taken_for_memory():
    assert not out_of_memory(RuntimeError("shapes do not match")) and not out_of_memory(ValueError("not enough memory"))


def test_split_by_budget_keeps_units_together_and_sorts_by_length():
    lengths = [(2, 8), (2, 1), (2, 3), (2, 1), (2, 3)]
    assert split(lengths, [0, 1, 2, 3, 4], budget=10) == [[1, 3], [2, 4], [0]]
    assert split(lengths, [0, 1, 2, 3, 1], budget=10) == [[3], [1, 4], [2], [0]]
    assert split([(9, 1), (1, 9)], [0, 1], budget=20) == [[0], [1]]  # together they would be padded to 2 x 18
    assert split([], [], 5) == []


@pytest.mark.parametrize("options", [{"gradient_checkpointing": True}, {"lora": Lora(rank=4)},
                                     {"lora": Lora(rank=4, dropout=0.5), "gradient_checkpointing": True},
                                     {"precision": "bf16"}])
def test_every_option_learns(directory, options):
    engine, wanted = engine_of(directory, **options), stream()
    before, first = weights(engine), engine.score(wanted.batch, frozenset({"old"})).old
    report = engine.update([wanted], 1e-2)
    assert report.stepped and not same(weights(engine), before)
    assert all(weight.dtype == torch.float32 and weight.isfinite().all() for weight in engine.network.parameters())
    after = engine.score(wanted.batch, frozenset({"old"})).old
    assert ((after - first) * wanted.batch.advantage)[wanted.batch.mask].sum() > 0


def test_gradient_checkpointing_gives_the_same_gradient(directory):
    plain, _ = engine_gradient(engine_of(directory), stream())
    seen = []
    engine = engine_of(directory, gradient_checkpointing=True)
    inner = engine.network.model.layers[0].mlp.forward
    engine.network.model.layers[0].mlp.forward = lambda x: (seen.append(1), inner(x))[1]
    assert_close(engine_gradient(engine, stream())[0], plain)
    assert len(seen) == 2  # once forward, once again in the backward pass


def test_lora_trains_the_adapters_alone_and_is_its_own_reference(directory):
    engine = engine_of(directory, lora=Lora(rank=4), reference=True)
    batch = collate(ragged_samples(), 16)
    first = engine.score(batch, frozenset({"reference", "old"}))
    assert torch.equal(first.reference, first.old) and engine.reference is None
    before = weights(engine)
    engine.update([stream()], 1e-2)
    changed = {name for name, weight in weights(engine).items() if not torch.equal(weight, before[name])}
    assert changed and all("lora_" in name for name in changed)
    assert torch.equal(engine.score(batch, frozenset({"reference"})).reference, first.reference)


def test_weight_decay_and_clipping_are_the_optimizers_settings(directory):
    engine = engine_of(directory, optimizer=Optimizer(learning_rate=1e-2, weight_decay=0.1, max_gradient_norm=3.0))
    assert engine.optimizer.param_groups[0]["weight_decay"] == 0.1 and engine.max_gradient_norm == 3.0
