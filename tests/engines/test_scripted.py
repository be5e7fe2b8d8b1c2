import pytest

from rfpo.engines.scripted import ScriptedEngine
from rfpo.errors import UserError
from rfpo.records import Finish, Message
from tests.engines.build import ragged_samples, request, sample, stream


def engine_that_says(*answers, **changes):
    return ScriptedEngine(lambda request, j: answers[j % len(answers)], **changes)


def test_the_script_writes_the_answers_in_order():
    engine = ScriptedEngine(lambda request, j: f"{request.content}{j}")
    answers = engine.sample([request("a", n=2), request("b")])
    assert [[c.text for c in group] for group in answers] == [["a0", "a1"], ["b0"]]
    completion = answers[0][0]
    assert completion.tokens == (98, 49, 0) and completion.logps == (-0.5,) * 3 and completion.context == (98,)
    assert completion.finish is Finish.STOP and len(engine.requests) == 2


def test_answers_are_cut_as_a_models_would_be():
    long, stopped, exact = (engine_that_says("abcdef").sample([asked])[0][0] for asked in (
        request(max_tokens=4), request(max_tokens=4, stop=("c", "b")), request(max_tokens=7)))
    assert (long.text, long.finish) == ("abcd", Finish.LENGTH)
    assert (stopped.text, stopped.finish) == ("ab", Finish.STOP)
    assert (exact.text, exact.finish, len(exact.tokens)) == ("abcdef", Finish.STOP, 7)


def test_progress_and_a_prompt_that_is_too_long():
    seen = []
    engine_that_says("x").sample([request(n=3)], seen.append)
    assert len(seen) == 3
    with pytest.raises(UserError, match="is 6 tokens long and the model takes 6"):
        engine_that_says("x", context_length=6).sample([request("12+34=")])


def test_messages_and_text_round_trip():
    engine = engine_that_says("x")
    assert engine.decode(engine.encode((Message("user", "hi"),))) == "user: hi\nassistant: "


def test_it_records_what_it_is_asked_to_learn(tmp_path):
    engine, wanted = engine_that_says("x"), stream()
    report = engine.update([wanted], 0.1)
    assert report.stepped and report.trained_rows == 5 and engine.updates == [(wanted,)] and engine.learning_rates == [0.1]
    assert not engine.update([stream([sample(), sample(tokens=(9, 1))])], 0.1).stepped
    engine.save_state(tmp_path)
    resumed = engine_that_says("x")
    resumed.load_state(tmp_path)
    assert resumed.policy_version == engine.policy_version == 1


def test_scored_columns_are_constant_on_tokens_and_zero_elsewhere():
    wanted = stream(ragged_samples())
    batch = engine_that_says("x").score(wanted.batch, frozenset({"old"}))
    assert batch.old.sum().item() == -0.5 * int(batch.valid.sum())
    assert not batch.old[~batch.valid].any() and batch.reference is None
