from dataclasses import replace

import pytest
import torch

from rfpo.batch import collate
from rfpo.engines.local import head
from rfpo.errors import UserError
from tests.engines.build import corrected_sample, engine_of, plain_logps, ragged_samples, sample, stream

CLOSE = dict(rtol=0, atol=1e-5)


def batch_of(samples=None):
    return collate(samples or ragged_samples(), 16)


@pytest.mark.parametrize("tokens", [1, 20, 4096])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_old_is_a_plain_forward_of_each_row_under_its_train_context(directory, tokens, temperature):
    engine = engine_of(directory, tokens=tokens, temperature=temperature)
    samples = ragged_samples()
    old = engine.score(batch_of(samples), frozenset({"old"})).old
    for row, wanted in zip(old, samples, strict=True):
        expected = plain_logps(engine.network, wanted.context, wanted.tokens, temperature)
        torch.testing.assert_close(row[: len(expected)], expected, **CLOSE)
        assert not row[len(expected):].any()


def test_parents_are_scored_under_the_context_of_the_row_that_corrects_them(engine):
    batch = engine.score(batch_of([sample(context=(9,)), corrected_sample()]), frozenset({"parent", "parent_update"}))
    torch.testing.assert_close(batch.parent[1], plain_logps(engine.network, (3, 4), (5, 6, 7, 8, 1)), **CLOSE)
    assert not batch.parent[0].any() and torch.equal(batch.parent, batch.parent_update) and batch.old is None


def test_a_batch_without_parents_gets_an_empty_parent_column(qwen3):
    batch = qwen3.score(batch_of(), frozenset({"parent"}))
    assert batch.parent.shape == batch.parent_mask.shape == (7, 0)


def test_old_and_update_in_one_pass(qwen3):
    batch = batch_of()
    seen, decoder = [], qwen3.network.get_decoder()
    decoder.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.last_hidden_state.shape[:2])))
    filled = qwen3.score(batch, frozenset({"old", "update"}))
    assert torch.equal(filled.old, filled.update)
    tokens = int(batch.valid.sum()) - len(batch) + sum(map(len, batch.contexts))
    assert seen == [(1, tokens)]  # one pass, each prompt once, no padding, and no last token, which predicts nothing


def test_each_pass_counts_its_tokens(directory):
    engine = engine_of(directory, reference=True)
    batch = batch_of([sample(context=(9,)), corrected_sample()])
    rows, parents = int(batch.valid.sum()), int(batch.parent_mask.sum())
    engine.score(batch, frozenset({"old", "update", "parent"}))
    assert rows != parents and engine.scored_tokens == rows + parents
    engine.score(batch, frozenset({"reference"}))
    assert engine.scored_tokens == 2 * rows + parents


def test_what_stands_in_the_padding_does_not_matter(qwen3):
    batch = batch_of()
    junk = replace(batch, tokens=torch.where(batch.valid, batch.tokens, 10**6))
    assert torch.equal(qwen3.score(junk, frozenset({"old"})).old, qwen3.score(batch, frozenset({"old"})).old)


def test_the_reference_stays_where_it_was_while_the_policy_moves(directory):
    engine = engine_of(directory, reference=True)
    before = engine.score(batch_of(), frozenset({"reference", "old"}))
    assert torch.equal(before.reference, before.old)
    assert engine.update([stream()], 1e-2).stepped
    after = engine.score(batch_of(), frozenset({"reference", "old"}))
    assert torch.equal(after.reference, before.reference) and not torch.allclose(after.old, before.old)


def test_a_column_that_is_not_offered_is_refused(qwen3):
    assert "reference" not in qwen3.offers
    with pytest.raises(UserError, match=r"columns \['reference'\] are not offered"):
        qwen3.score(batch_of(), frozenset({"reference"}))


def test_prompt_positions_and_padding_never_meet_the_head(qwen3, monkeypatch):
    shapes, plain = [], head.scaled
    monkeypatch.setattr(head, "scaled", lambda logits, temperature: (shapes.append(tuple(logits.shape)), plain(logits, 1.0))[1])
    qwen3.score(batch_of([sample(context=tuple(range(2, 40)), tokens=(5, 6, 1)), sample(tokens=(5, 1))]), frozenset({"old"}))
    assert shapes == [(3 + 2, 51)]


def test_bf16_is_close_and_gives_fp32_columns(directory):
    exact = engine_of(directory).score(batch_of(), frozenset({"old"})).old
    rounded = engine_of(directory, precision="bf16").score(batch_of(), frozenset({"old"})).old
    assert rounded.dtype == torch.float32 and not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.5)
