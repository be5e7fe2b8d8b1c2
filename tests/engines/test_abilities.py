"""Which ways a network can go is found out, and a network that cannot go the fast ones is right all the same."""

import json

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PhiConfig,
    PhiForCausalLM,
)

from rfpo.batch import collate
from rfpo.engines.local.abilities import abilities
from rfpo.engines.local.forward import Abilities
from rfpo.engines.local.half import HalfCopy
from rfpo.engines.local.memory import split
from rfpo.engines.settings import Lora
from tests.engines.build import engine_of, plain_logps, ragged_requests, ragged_samples, request, stream, weights
from tests.tiny_models import character_tokenizer, save_tiny_model, tiny_network

BASE = tiny_network("llama").config
COMMON = {name: getattr(BASE, name) for name in (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "max_position_embeddings", "initializer_range", "pad_token_id", "eos_token_id", "bos_token_id")}
FULL = ["full_attention"] * 2
GEMMA = dict(head_dim=8, query_pre_attn_scalar=8, final_logit_softcapping=None, attn_logit_softcapping=None) | COMMON
SLIDING = dict(use_sliding_window=True, sliding_window=4, max_window_layers=0)
FAST, NONE, LINEAR = Abilities(True, True), Abilities(), Abilities(linear_head=True)


def biased_llama():
    network = LlamaForCausalLM(BASE)
    network.lm_head = torch.nn.Linear(BASE.hidden_size, BASE.vocab_size)
    torch.nn.init.normal_(network.lm_head.bias)
    return network


NETWORKS = {
    "granite, scaled head": (lambda: GraniteForCausalLM(GraniteConfig(logits_scaling=4.0, **COMMON)), NONE),
    "cohere, scaled head": (lambda: CohereForCausalLM(CohereConfig(logit_scale=0.25, **COMMON)), NONE),
    "gemma2, capped head": (lambda: Gemma2ForCausalLM(Gemma2Config(
        layer_types=FULL, **(GEMMA | dict(final_logit_softcapping=5.0)))), NONE),
    "gemma2, sliding": (lambda: Gemma2ForCausalLM(Gemma2Config(sliding_window=4, **GEMMA)), LINEAR),
    "phi, biased head": (lambda: PhiForCausalLM(PhiConfig(**COMMON)), NONE),
    "mistral, sliding": (lambda: MistralForCausalLM(MistralConfig(sliding_window=4, **COMMON)), LINEAR),
    "mistral": (lambda: MistralForCausalLM(MistralConfig(sliding_window=None, **COMMON)), FAST),
    "qwen3, sliding": (lambda: tiny_network("qwen3", **SLIDING), LINEAR),
    "qwen3, one layer sliding": (lambda: tiny_network("qwen3", **(SLIDING | dict(max_window_layers=1))), LINEAR),
    "qwen3": (lambda: tiny_network("qwen3"), FAST),
    "llama": (lambda: tiny_network("llama"), FAST),
}
ATTENTIONS = {
    "gemma2, capped attention": lambda: Gemma2ForCausalLM(Gemma2Config(
        layer_types=FULL, **(GEMMA | dict(attn_logit_softcapping=2.0)))),
    "gpt-oss, attention sinks": lambda: GptOssForCausalLM(GptOssConfig(
        head_dim=8, num_local_experts=2, num_experts_per_tok=1, layer_types=FULL, **COMMON)),
}


def saved(network, directory):
    network.save_pretrained(directory)
    character_tokenizer().save_pretrained(directory)
    return directory


def save(name, directory):
    torch.manual_seed(0)
    return saved((NETWORKS[name][0] if name in NETWORKS else ATTENTIONS[name])(), directory)


def plain_network(directory):
    return AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()


def assert_samples_and_scores_like(engine, network):
    for completion in (one for group in engine.sample(ragged_requests()) for one in group):
        expected = plain_logps(network, completion.context, completion.tokens)
        torch.testing.assert_close(torch.tensor(completion.logps), expected, rtol=0, atol=2e-5)
    samples = ragged_samples()
    old = engine.score(collate(samples, 16), frozenset({"old"})).old
    for row, one in zip(old, samples, strict=True):
        torch.testing.assert_close(row[: len(one.tokens)], plain_logps(network, one.context, one.tokens), rtol=0, atol=2e-5)


def gradients(network, logps):
    network.zero_grad()
    (logps * torch.linspace(-1, 2, len(logps))).sum().backward()
    return {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}


def assert_learns_like(engine, network):
    samples = ragged_samples()
    batch = collate(samples, 16)
    logp, _ = engine.forward(engine.network, [one.context for one in samples], batch.tokens, batch.valid)
    plain = []
    for one in samples:
        logits = network(torch.tensor([[*one.context, *one.tokens]])).logits[0, len(one.context) - 1 : -1]
        plain.append(logits.log_softmax(-1)[torch.arange(len(one.tokens)), torch.tensor(one.tokens)])
    found, expected = gradients(engine.network, logp[batch.valid]), gradients(network, torch.cat(plain))
    assert found.keys() == expected.keys()
    assert max((found[name] - expected[name]).norm() / expected[name].norm().clamp(min=1e-3) for name in found) < 1e-4


@pytest.mark.parametrize("name", NETWORKS)
def test_what_it_can_do_and_that_it_is_right(tmp_path, name):
    engine, network = engine_of(save(name, tmp_path)), plain_network(tmp_path)
    assert engine.forward.abilities == NETWORKS[name][1]
    assert_samples_and_scores_like(engine, network)
    assert_learns_like(engine, network)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_that_is_more_than_a_softmax_over_the_keys_is_right_all_the_same(tmp_path, name):
    engine = engine_of(save(name, tmp_path))
    assert_samples_and_scores_like(engine, plain_network(tmp_path))


def test_a_cap_far_above_the_logits_is_seen(tmp_path):
    """Logits grow in training, and the cap with them."""
    changes = dict(final_logit_softcapping=30.0, initializer_range=0.05)
    torch.manual_seed(0)
    engine = engine_of(saved(Gemma2ForCausalLM(Gemma2Config(layer_types=FULL, **(GEMMA | changes))), tmp_path))
    assert not engine.forward.abilities.linear_head


def test_a_bias_of_the_head(tmp_path):
    torch.manual_seed(0)
    assert abilities(biased_llama().eval()) == NONE


@pytest.mark.parametrize("options, expected", [
    ({}, FAST), ({"attention": "eager"}, LINEAR), ({"attention": "sdpa"}, LINEAR), ({"gradient_checkpointing": True}, LINEAR),
    ({"lora": Lora(rank=4)}, FAST), ({"lora": Lora(rank=4), "gradient_checkpointing": True}, LINEAR),
    ({"precision": "bf16"}, FAST)], ids=str)
def test_the_options_of_the_model(directory, options, expected):
    engine = engine_of(directory, **options)
    assert engine.forward.abilities == expected
    if "precision" not in options:
        assert_samples_and_scores_like(engine, plain_network(directory))


@pytest.mark.parametrize("options", [{}, {"lora": Lora(rank=4)}], ids=str)
def test_a_saved_model_does_not_name_this_engines_attention(directory, tmp_path, options):
    engine = engine_of(directory, **options)
    engine.update([stream()], 1e-2)
    engine.save_model(tmp_path)
    assert "rfpo" not in (tmp_path / "config.json").read_text()
    assert not any("attn" in name for name in json.loads((tmp_path / "config.json").read_text()))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert loaded.config._attn_implementation in ("sdpa", "eager")
    assert_samples_and_scores_like(engine, loaded)
    assert engine.network.config._attn_implementation == "rfpo"  # and goes on with it


def halves(network):
    return {name: weight.detach().bfloat16() for name, weight in network.named_parameters()}


def test_the_copy_is_the_masters_rounded_before_and_after_an_update(directory):
    engine = engine_of(directory, precision="bf16")
    engine.sample([request()])
    copy, first = engine.half.network, halves(engine.network)
    for _ in range(2):
        masters = weights(engine)
        assert {weight.dtype for weight in copy.parameters()} == {torch.bfloat16}
        for name, weight in copy.named_parameters():
            assert torch.equal(weight, masters[name].bfloat16()) and not weight.requires_grad
        assert all(weight.dtype == torch.float32 for weight in masters.values())
        engine.update([stream()], 1e-2)
        engine.sample([request()])
    assert engine.half.network is copy and any(not torch.equal(first[name], now) for name, now in halves(copy).items())


def test_the_buffers_of_the_copy_stay_fp32_and_tied_weights_tied(directory):
    network = plain_network(directory)
    copy = HalfCopy().of(network, 0)
    buffers = dict(copy.named_buffers())
    assert buffers and all(torch.equal(buffers[name], value) and buffers[name].dtype == value.dtype == torch.float32
                           for name, value in network.named_buffers())
    tied = network.lm_head.weight is network.model.embed_tokens.weight
    assert tied == network.config.tie_word_embeddings == (copy.lm_head.weight is copy.model.embed_tokens.weight)
    assert all(one.data_ptr() != other.data_ptr() for one, other in zip(copy.parameters(), network.parameters(), strict=True))


def test_the_copy_is_brought_up_to_date_when_the_version_changes_and_only_then(directory):
    half, network = HalfCopy(), plain_network(directory)
    copy = half.of(network, 3)
    before = copy.lm_head.weight.clone()
    network.lm_head.weight.data += 1
    assert torch.equal(half.of(network, 3).lm_head.weight, before)
    assert torch.equal(half.of(network, 4).lm_head.weight, network.lm_head.weight.bfloat16())


def test_a_state_of_the_same_version_with_other_weights(tmp_path):
    folder = save_tiny_model(tmp_path / "model")
    engine, other = engine_of(folder, precision="bf16"), engine_of(folder, precision="bf16")
    engine.update([stream()], 1e-2)
    engine.sample([request()])
    other.update([stream(coefficient=-1.0)], 1e-1)
    other.save_state(tmp_path / "state")
    engine.load_state(tmp_path / "state")
    assert engine.policy_version == other.policy_version == 1
    assert engine.sample([request()]) == other.sample([request()])


@pytest.mark.parametrize("lengths, units, owners, budget, expected", [
    # groups whole, 10 + 2 * 1 each: by length every context would be run twice
    ([(10, 1), (10, 1), (10, 1), (10, 1)], range(4), [0, 1, 0, 1], 12, [[0, 2], [1, 3]]),
    # answers of 1 and of 8 in each group: by length 2 + 2 * 1 and 2 + 2 * 8, by group twice 1 + 2 * 8
    ([(1, 8), (1, 1), (1, 8), (1, 1)], range(4), [0, 0, 1, 1], 18, [[1, 3], [0, 2]]),
    # everything in one where it fits: two contexts and four answers, 2 * 3 + 4 * 2
    ([(3, 1), (2, 2), (3, 1), (2, 2)], range(4), [0, 1, 0, 1], 14, [[0, 1, 2, 3]]),
    # one token less: the groups, 3 + 2 * 1 and 2 + 2 * 2, run fewer than rows 0 to 2 and 3, 2 * 3 + 3 * 2 and 2 + 2
    ([(3, 1), (2, 2), (3, 1), (2, 2)], range(4), [0, 1, 0, 1], 13, [[0, 2], [1, 3]]),
    # a unit of rows 0 and 3, of two owners, stays together although it is more than the budget: 2 * 5 + 2 * 1
    ([(5, 1), (5, 1), (5, 1), (5, 1)], [0, 1, 2, 0], [0, 0, 1, 1], 6, [[0, 3], [1], [2]]),
    # and takes a third row of one of its owners for one token more
    ([(5, 1), (5, 1), (5, 1), (5, 1)], [0, 1, 2, 0], [0, 0, 1, 1], 13, [[0, 3, 1], [2]]),
    # a group of 10 + 3 * 2 in a budget of 14: two rows and one, the context run once more
    ([(10, 2), (10, 2), (10, 2)], range(3), [0, 0, 0], 14, [[0, 1], [2]]),
    # a row that is longer than the budget is by itself
    ([(10, 2), (1, 1), (10, 2)], range(3), [0, 1, 0], 5, [[1], [0], [2]]),
    ([], [], [], 5, []),
])
def test_micro_batches_of_shared_contexts_worked_by_hand(lengths, units, owners, budget, expected):
    assert split(lengths, list(units), budget, owners) == expected
