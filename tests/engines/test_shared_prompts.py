"""Shared prompts, the piecewise head and the fused norms together, against transformers' own network run a row at a time."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from rfpo.batch import collate
from rfpo.engines.local import attention, loading
from rfpo.engines.local.prefix import Grouping, Packed, rounded, with_others
from rfpo.engines.settings import Lora
from tests.engines.build import engine_of, plain_logps, ragged_requests, sample, stream
from tests.tiny_models import save_tiny_model

ROWS = {
    "ragged": [((3, 4, 5, 6, 7), (9, 1)), ((8,), (7, 6, 5, 4, 3, 2, 1)), ((3, 4, 5, 6, 7), (1,)), ((2, 9), (20, 21)),
               ((3, 4, 5, 6, 7), (5, 5, 5, 5, 1)), ((2, 9), (1,))],
    "three beside one": [((3, 4), (9, 8, 7)), ((3, 4), (6, 1)), ((5, 6, 7), (8, 9, 10, 11)), ((3, 4), (12,))],
    "groups of one": [((3, 4, 5), (9, 1)), ((6,), (7, 8, 9)), ((2, 2, 2, 2), (1,))],
    "one group": [((3, 4, 5), (9, 8, 7)), ((3, 4, 5), (6, 5, 1)), ((3, 4, 5), (9, 8, 2))],
    "one token each": [((3, 4), (1,)), ((3, 4), (5,)), ((6,), (7,)), ((3, 4, 5), (1,))],
    "a prompt of one token": [((3,), (9, 1)), ((3,), (8, 7, 6, 5, 1))],
    "a row alone": [((3, 4, 5), (9, 8, 1))],
    "filler behind": [(tuple(range(2, 37)), tuple(range(4, 20))), (tuple(range(2, 37)), tuple(range(20, 4, -1))),
                      (tuple(range(20, 1, -1)), tuple(range(10, 26))), (tuple(range(2, 37)), tuple(range(5, 18)))],
}


@pytest.fixture(params=ROWS)
def rows(request):
    return ROWS[request.param]


@pytest.fixture(params=["qwen3", "llama"])
def architecture(request):
    return request.param


def plain_network(directory):
    """With transformers' own norms and attention."""
    return AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()


def plain(network, rows, temperature=1.0, bf16=False):
    """Log-probs and entropies of the completions' tokens, one after the other [M]."""
    logps, entropies = [], []
    for context, tokens in rows:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = network(torch.tensor([[*context, *tokens]])).logits[0, len(context) - 1 : -1]
        logp = (logits.float() / temperature).log_softmax(-1)
        logps.append(logp[torch.arange(len(tokens)), torch.tensor(tokens)])
        entropies.append(-(logp.exp() * logp).sum(-1))
    return torch.cat(logps), torch.cat(entropies)


def fast(engine, rows, network=None, entropy=True):
    """The same by the engine's forward pass, all rows at once."""
    assert engine.forward.abilities.shared_prompts
    batch = collate([sample(*row) for row in rows], 16)
    logp, spread = engine.forward(network or engine.network, [row[0] for row in rows], batch.tokens, batch.valid, entropy)
    return logp[batch.valid], spread[batch.valid] if entropy else spread


def gradient(network, logp, entropy, scale=1.0):
    """Of a loss in which every token and every entropy has a weight of its own."""
    network.zero_grad()
    loss = scale * (logp * torch.linspace(-1, 2, len(logp))).sum()
    (loss if entropy is None else loss + scale * (entropy * torch.linspace(1.5, -1, len(logp))).sum()).backward()
    found = {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.requires_grad}
    network.zero_grad()
    return found


def apart(one, other):
    """Norm of the difference over the norm, of each weight."""
    assert one.keys() == other.keys()
    return {name: float((one[name] - other[name]).norm() / other[name].norm().clamp(min=1e-30)) for name in one}


def as_one(one, other):
    """The same of all weights as one vector."""
    assert one.keys() == other.keys()
    one, other = (torch.cat([grad.flatten() for grad in grads.values()]) for grads in (one, other))
    return float((one - other).norm() / other.norm())


def assert_same(engine, network, rows, temperature=1.0, entropy=True):
    logp, spread = fast(engine, rows, entropy=entropy)
    expected, expected_spread = plain(network, rows, temperature)
    torch.testing.assert_close(logp, expected, rtol=0, atol=1e-5)
    if entropy:
        torch.testing.assert_close(spread, expected_spread, rtol=0, atol=1e-5)
    found = apart(gradient(engine.network, logp, spread), gradient(network, expected, expected_spread if entropy else None))
    assert max(found.values()) < 1e-5, found


@pytest.mark.parametrize("entropy", [True, False])
def test_log_probs_and_the_gradient_of_every_weight(directory, rows, entropy):
    assert_same(engine_of(directory), plain_network(directory), rows, entropy=entropy)


@pytest.mark.parametrize("temperature", [0.6, 2.0])
def test_entropies_and_their_gradient_at_another_temperature(directory, temperature):
    assert_same(engine_of(directory, temperature=temperature), plain_network(directory), ROWS["ragged"], temperature)


@pytest.mark.parametrize("short", [320, 7, 1])
def test_keys_that_are_long_take_the_fused_kernel_and_give_the_same(directory, rows, monkeypatch, short):
    """At 7 the prompts are short and the rows with their prompts mostly not; at 1 all are long."""
    calls, kernel, engine = [], attention.scaled_dot_product_attention, engine_of(directory)
    monkeypatch.setattr(attention, "SHORT", short)
    monkeypatch.setattr(attention, "scaled_dot_product_attention", lambda *a, **k: (calls.append(1), kernel(*a, **k))[1])
    assert_same(engine, plain_network(directory), rows)
    if short != 7:
        assert bool(calls) == (short == 1)


@pytest.mark.parametrize("case", ["ragged", "three beside one"])
def test_bf16_on_weights_of_the_usual_size(architecture, tmp_path, case):
    """Weights of standard deviation 0.02, as models begin with: the gradient as one vector is within 1e-2 of the plain way in
    bf16, and log-probs are within 5e-3."""
    directory = save_tiny_model(tmp_path, architecture, initializer_range=0.02)
    network, engine = plain_network(directory), engine_of(directory, precision="bf16")
    narrow, found = plain(network, ROWS[case], bf16=True), fast(engine, ROWS[case])
    torch.testing.assert_close(found[0], narrow[0], rtol=0, atol=5e-3)
    assert as_one(gradient(engine.network, *found), gradient(network, *narrow)) < 1e-2


@pytest.mark.parametrize("case", ["ragged", "three beside one"])
def test_bf16_on_large_weights_loses_no_more_than_the_plain_way_does(directory, case):
    """With weights of 0.3 both ways are 2e-2 to 3e-2 away from fp32, and further than 1e-2 from each other."""
    network, engine = plain_network(directory), engine_of(directory, precision="bf16")
    exact, narrow, found = plain(network, ROWS[case]), plain(network, ROWS[case], bf16=True), fast(engine, ROWS[case])
    assert (found[0] - exact[0]).abs().max() < 1.5 * (narrow[0] - exact[0]).abs().max() < 0.08
    wanted = gradient(network, *exact)
    lost = as_one(gradient(network, *narrow), wanted)
    assert as_one(gradient(engine.network, *found), wanted) < 1.25 * lost < 0.05


def test_contexts_that_several_micro_batches_share(directory):
    rows = ROWS["ragged"] + ROWS["one group"]
    engine, network = engine_of(directory), plain_network(directory)
    batch = collate([sample(*row) for row in rows], 16)
    micro_batches = engine.forward.micro_batches(batch, batch.valid, range(len(rows)), budget=14)
    contexts = [{rows[row][0] for row in micro_batch} for micro_batch in micro_batches]
    assert sum(map(len, contexts)) > len(set().union(*contexts))  # some context is run in more than one
    assert sorted(row for micro_batch in micro_batches for row in micro_batch) == list(range(len(rows)))
    for micro_batch in micro_batches:
        sum(fast(engine, [rows[row] for row in micro_batch], entropy=False)[0]).backward()
    found = {name: weight.grad for name, weight in engine.network.named_parameters()}
    sum(plain(network, rows)[0]).backward()
    assert max(apart(found, {name: weight.grad for name, weight in network.named_parameters()}).values()) < 1e-5


@pytest.mark.parametrize("tokens", [14, 4096])
def test_scores_do_not_depend_on_the_micro_batches(directory, tokens):
    rows = ROWS["ragged"] + ROWS["groups of one"] + ROWS["a prompt of one token"]
    batch = collate([sample(*row) for row in rows], 16)
    old = engine_of(directory, tokens=tokens).score(batch, frozenset({"old"})).old
    torch.testing.assert_close(old[batch.valid], plain(plain_network(directory), rows)[0].detach(), rtol=0, atol=1e-5)


def test_adapters_share_prompts_too(directory):
    lora = Lora(rank=4)
    engine, network = engine_of(directory, lora=lora), loading.with_lora(plain_network(directory), lora).eval()
    torch.manual_seed(1)
    for name, weight in engine.network.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.2)
    network.load_state_dict(engine.network.state_dict())
    assert_same(engine, network, ROWS["ragged"])
    untouched = plain(plain_network(directory), ROWS["ragged"])[0]
    with engine.network.disable_adapter():
        torch.testing.assert_close(fast(engine, ROWS["ragged"])[0], untouched, rtol=0, atol=1e-5)
    assert (fast(engine, ROWS["ragged"])[0] - untouched).abs().max() > 0.1


def test_the_frozen_reference_beside_a_policy_that_moved(directory):
    engine, network = engine_of(directory, reference=True), plain_network(directory)
    rows = ROWS["ragged"]
    batch = collate([sample(*row) for row in rows], 16)
    engine.update([stream()], 1e-2)
    filled = engine.score(batch, frozenset({"reference", "old"}))
    torch.testing.assert_close(filled.reference[batch.valid], plain(network, rows)[0].detach(), rtol=0, atol=1e-5)
    network.load_state_dict(engine.network.state_dict())
    torch.testing.assert_close(filled.old[batch.valid], plain(network, rows)[0].detach(), rtol=0, atol=1e-5)
    assert (filled.old - filled.reference).abs().max() > 0.01


def test_sampled_tokens_are_scored_with_the_log_probs_they_were_drawn_with(directory):
    """Slots, the forward pass and the plain network agree about the same tokens."""
    engine, network = engine_of(directory), plain_network(directory)
    drawn = [completion for group in engine.sample(ragged_requests()) for completion in group]
    rows = [(completion.context, completion.tokens) for completion in drawn]
    sampled = torch.tensor([logp for completion in drawn for logp in completion.logps])
    torch.testing.assert_close(sampled, fast(engine, rows)[0].detach(), rtol=0, atol=1e-5)
    torch.testing.assert_close(sampled, torch.cat([plain_logps(network, *row) for row in rows]), rtol=0, atol=1e-5)


def test_a_pass_is_filled_up_to_one_of_few_sizes():
    contexts, completions = zip(*ROWS["filler behind"], strict=True)
    packed = Packed(contexts, completions, "cpu")
    assert packed.parts == [35 + 19, 15 + 15 + 15 + 12, 1] and packed.ids.shape == packed.positions.shape == (1, 112)
    assert len(packed.predicts) == 62 and packed.predicts[60] == 110 and packed.prompts.width == 36


@pytest.mark.parametrize("sizes", [8, 16])
def test_counts_are_rounded_up_a_little_and_to_few_sizes(sizes):
    found = [rounded(count, sizes) for count in range(1025)]
    assert all(count <= size <= count * (1 + 1 / sizes) for count, size in enumerate(found))
    assert len({size for size in found if 256 < size <= 512}) == len({size for size in found if 512 < size <= 1024}) == sizes
    assert found == sorted(found) and found[: sizes + 1] == list(range(sizes + 1))


def test_places_with_the_first_of_the_others_worked_by_hand():
    wanted = torch.tensor([False, True, False, False, True])
    assert [with_others(wanted, count).tolist() for count in (2, 3, 5)] == [[1, 4], [0, 1, 4], [0, 1, 2, 3, 4]]


def test_rows_into_groups_and_back_worked_by_hand():
    grouping = Grouping.of(torch.tensor([1, 0, 1, 1]), 2)
    assert grouping.size == 3 and grouping.back.tolist() == [3, 0, 4, 5]
    grouped = grouping.into(torch.tensor([10, 20, 30, 40]))
    assert grouped[0, 0] == 20 and grouped[1].tolist() == [10, 30, 40]
    assert grouping.out_of(grouped).tolist() == [10, 20, 30, 40]


@pytest.mark.parametrize("owner, moved", [([0, 0, 1, 1], False), ([0, 1, 2], False), ([0, 1, 0, 1], True), ([1, 0], True),
                                          ([0, 0, 1], True)])
def test_rows_that_are_in_their_places_are_not_moved(owner, moved):
    grouping = Grouping.of(torch.tensor(owner), max(owner) + 1)
    assert (grouping.place is not None) == (grouping.back is not None) == moved
    values = torch.arange(len(owner)) * 2.0
    assert torch.equal(grouping.out_of(grouping.into(values)), values)
    for group in range(grouping.groups):
        mine = values[torch.tensor(owner) == group]
        assert torch.equal(grouping.into(values)[group, : len(mine)], mine)
