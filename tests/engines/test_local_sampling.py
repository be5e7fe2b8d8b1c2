import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rfpo.engines.local import padded_cache, sampling, slots
from rfpo.engines.local.draws import draw, uniforms
from rfpo.errors import UserError
from rfpo.records import Finish, Message, RandomKey
from tests.engines.build import engine_of, plain_logps, ragged_requests, request
from tests.tiny_models import character_tokenizer, tiny_network


def tokens_of(answers):
    return [[completion.tokens for completion in group] for group in answers]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probs_are_those_of_a_plain_forward_pass_over_each_row(engine, temperature):
    for completion in (c for group in engine.sample(ragged_requests(temperature=temperature)) for c in group):
        expected = plain_logps(engine.network, completion.context, completion.tokens, temperature)
        np.testing.assert_allclose(completion.logps, expected, atol=1e-5)


def test_a_row_draws_the_same_alone_as_in_company(engine):
    together = tokens_of(engine.sample(ragged_requests(n=4)))
    assert together[1] == tokens_of(engine.sample(ragged_requests(n=4)[1:2]))[0]
    engine.sampling_budget.tokens = 1  # every row by itself
    assert tokens_of(engine.sample(ragged_requests(n=4))) == together


def test_sample_j_of_a_request_is_keyed_by_its_own_number(qwen3):
    first = qwen3.sample([request(n=3)])[0]
    assert len({completion.tokens for completion in first}) == 3
    later = replace(request(), key=request().key.for_sample(2))
    assert qwen3.sample([later])[0][0].tokens == first[2].tokens


@pytest.mark.parametrize("share", [1e-9, 2.0])
def test_cutting_finished_rows_out_changes_nothing(qwen3, monkeypatch, share):
    expected = tokens_of(qwen3.sample(ragged_requests(n=6, stop=("3", "a"))))
    monkeypatch.setattr(sampling, "CUT_AT", share)
    assert len({len(tokens) for group in expected for tokens in group}) > 3
    assert tokens_of(qwen3.sample(ragged_requests(n=6, stop=("3", "a")))) == expected


@pytest.mark.parametrize("way", [slots.Slots, padded_cache.PaddedCache])
def test_finished_rows_do_leave_the_batch(directories, monkeypatch, way):
    engine = engine_of(directories["qwen3"], attention="auto" if way is slots.Slots else "eager")
    seen, step = [], way.step
    monkeypatch.setattr(way, "step", lambda self, tokens: (seen.append(len(tokens)), step(self, tokens))[1])
    engine.sample([request("7", n=4, max_tokens=2), request("8", n=4, max_tokens=5)])
    assert seen == [8, 4, 4, 4]


def test_a_cache_that_cannot_be_indexed_by_row_gives_the_same(directory, monkeypatch):
    engine = engine_of(directory, attention="eager")
    expected = tokens_of(engine.sample(ragged_requests()))
    monkeypatch.setattr(padded_cache, "can_select", lambda cache: False)
    assert tokens_of(engine.sample(ragged_requests())) == expected


def test_end_of_sequence_at_once_is_kept_as_the_only_token(qwen3):
    qwen3.text.eos = frozenset(range(qwen3.network.config.vocab_size))
    completion = qwen3.sample([request()])[0][0]
    assert len(completion.tokens) == len(completion.logps) == 1 and completion.finish is Finish.STOP


def test_a_completion_of_one_token_is_truncated(qwen3):
    qwen3.text.eos = frozenset()
    completion = qwen3.sample([request(max_tokens=1)])[0][0]
    assert len(completion.tokens) == 1 and completion.truncated


def test_an_end_of_sequence_in_the_last_place_is_a_stop(qwen3):
    qwen3.text.eos = frozenset(range(qwen3.network.config.vocab_size))
    assert qwen3.sample([request(max_tokens=1)])[0][0].finish is Finish.STOP


def test_a_stop_string_of_several_tokens_ends_the_row_and_is_kept(qwen3):
    qwen3.text.eos = frozenset()
    free = qwen3.sample([request(max_tokens=20)])[0][0]
    stop = free.text[7:10]
    stopped = qwen3.sample([request(max_tokens=20, stop=("never seen", stop))])[0][0]
    assert stopped.text == free.text[: free.text.index(stop) + 3] and stopped.finish is Finish.STOP
    assert stopped.tokens == free.tokens[: len(stopped.tokens)]


def test_requests_of_one_call_keep_their_own_sampling_settings(qwen3):
    qwen3.text.eos = frozenset()
    cold, hot = request(max_tokens=3, temperature=0), request(max_tokens=9)
    mixed = qwen3.sample([cold, hot])
    assert [len(group[0].tokens) for group in mixed] == [3, 9]
    assert mixed[0][0].tokens == qwen3.sample([cold])[0][0].tokens and mixed[1][0].tokens == qwen3.sample([hot])[0][0].tokens


def test_greedy_takes_the_likeliest_token_with_its_log_prob_at_temperature_1(qwen3):
    completion = qwen3.sample([request(temperature=0)])[0][0]
    for t, token in enumerate(completion.tokens):
        with torch.no_grad():
            logits = qwen3.network(torch.tensor([[*completion.context, *completion.tokens[:t]]])).logits[0, -1]
        assert token == int(logits.argmax())
        assert completion.logps[t] == pytest.approx(float(logits.log_softmax(-1).max()), abs=1e-5)


def test_the_prefix_is_part_of_the_context_and_never_tokenised_again(qwen3):
    completion = qwen3.sample([request("7", prefix=(5, 6))])[0][0]
    assert completion.context == (*qwen3.encode("7"), 5, 6)
    np.testing.assert_allclose(completion.logps, plain_logps(qwen3.network, completion.context, completion.tokens), atol=1e-5)


def test_the_inverse_cdf_worked_by_hand():
    logits = torch.tensor([[0.5, 0.25, 0.0, 0.25]]).log().repeat(5, 1)
    tokens, logps = draw(logits, torch.ones(5), torch.tensor([0.0, 0.4999, 0.5, 0.75, 0.9999999]))
    assert tokens.tolist() == [0, 0, 1, 3, 3]  # the token of probability 0 is passed over
    np.testing.assert_allclose(logps, [math.log(p) for p in (0.5, 0.5, 0.25, 0.25, 0.25)], rtol=1e-6)


def test_temperature_two_takes_the_square_root_of_the_odds():
    tokens, logps = draw(torch.tensor([[0.0, math.log(9.0)]]), torch.tensor([2.0]), torch.tensor([0.2]))
    assert tokens.tolist() == [0]  # odds 1:3, so token 0 up to .25
    assert logps.item() == pytest.approx(math.log(0.25), rel=1e-6)


def test_draws_follow_the_probabilities():
    count = 20_000
    tokens, _ = draw(torch.tensor([[0.6, 0.3, 0.1]]).log().repeat(count, 1), torch.ones(count),
                     torch.from_numpy(uniforms(RandomKey(seed=1), count)))
    shares = torch.bincount(tokens, minlength=3) / count
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.015)  # four standard errors


def test_uniforms_do_not_depend_on_how_many_are_drawn():
    np.testing.assert_array_equal(uniforms(RandomKey(), 5), uniforms(RandomKey(), 50)[:5])


def test_progress_sees_every_row_once_even_when_memory_runs_out(qwen3, monkeypatch, capsys):
    expected = tokens_of(qwen3.sample(ragged_requests()))
    qwen3.sampling_budget.tokens = 64
    step, calls = slots.Slots.step, []

    def once_too_large(self, tokens):
        calls.append(tokens)
        if len(calls) == 20:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return step(self, tokens)

    monkeypatch.setattr(slots.Slots, "step", once_too_large)
    seen = []
    assert tokens_of(qwen3.sample(ragged_requests(), seen.append)) == expected
    assert len(seen) == 9
    assert capsys.readouterr().err == "out of memory: the sampling batch (16 * tokens_per_micro_batch) 64 -> 32\n"


def test_the_models_context_ends_a_row(directory):
    engine = engine_of(directory)
    engine.text.eos = frozenset()
    completion = engine.sample([request("1" * 125, max_tokens=50)])[0][0]
    assert len(completion.tokens) == 3 and completion.finish is Finish.LENGTH


def test_a_prompt_without_room_for_an_answer_is_named(qwen3):
    with pytest.raises(UserError, match=r"^prompt 't/1+' is 128 tokens long and the model takes 128, answer included; .*$"):
        qwen3.sample([request("1" * 128)])


def test_an_empty_prompt_is_refused(qwen3):
    with pytest.raises(UserError, match="has no tokens"):
        qwen3.sample([request("")])


def test_no_requests_no_completions(qwen3):
    assert qwen3.sample([]) == []


def test_text_goes_in_verbatim_and_comes_back(qwen3):
    assert qwen3.encode("12\n") == (3, 4, 50) and qwen3.decode((3, 4, 50, 1)) == "12\n"


def test_an_end_of_sequence_that_the_tokenizer_adds_is_taken_off(qwen3):
    from tokenizers import processors

    tokenizer = qwen3.text.tokenizer
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>",
                                                                               special_tokens=[("<eos>", 1)])
    assert tokenizer("12")["input_ids"] == [3, 4, 1]
    assert qwen3.encode("12") == (3, 4)


def test_messages_need_a_chat_template(qwen3):
    messages = (Message("user", "1+1"),)
    with pytest.raises(UserError, match="has no chat template"):
        qwen3.encode(messages)
    qwen3.text.tokenizer.chat_template = ("{% for m in messages %}{{ m.content }};{% endfor %}"
                                          "{% if add_generation_prompt %}={% endif %}")
    assert qwen3.encode(messages) == qwen3.encode("1+1;=")


def test_the_tiny_models_are_uneven_enough_to_tell_tokens_apart():
    logits = tiny_network()(torch.tensor([[3, 4, 5]])).logits[0, -1]
    assert logits.softmax(-1).max() > 0.05 and character_tokenizer().eos_token_id == 1
