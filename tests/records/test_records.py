import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from rfpo.records import (
    Attempt,
    Completion,
    Correction,
    Finish,
    Group,
    Location,
    Message,
    Origin,
    Outcome,
    Parent,
    Prompt,
    Provenance,
    RandomKey,
    Request,
    Sample,
    Sampling,
    Verdict,
    common_prefix,
)

PROMPT = Prompt(id="sum/17", content="12+34=", task="sum", solution="46")


def completion(finish=Finish.STOP, **changes) -> Completion:
    given = dict(request=Request(PROMPT, PROMPT.content, RandomKey()), context=(1, 2), tokens=(4, 6), logps=(-0.5, -1.0),
                 text="46", finish=finish)
    return Completion(**given | changes)


def attempt(verdict: Verdict, finish=Finish.STOP) -> Attempt:
    return Attempt(completion(finish), verdict)


def sample(**changes) -> Sample:
    given = dict(context=(1,), tokens=(4, 6), trained=(True, True), outcome=Outcome.WRONG, reward=0.0, group=("p", 0))
    return Sample(**given | changes)


RECORDS = [PROMPT, completion(), completion().request, attempt(Verdict.solved()), sample(), RandomKey(), Sampling(),
           Message("user", "hi"), Location(0, 0, 1), Verdict.solved(), Group(PROMPT, ()), Parent((1,), 0), Provenance(),
           Correction(attempt(Verdict.wrong()), attempt(Verdict.solved()), operator="x", tries=1, help="wrong")]


def test_a_truncated_answer_is_never_solved():
    cut = attempt(Verdict.solved("46"), Finish.LENGTH)
    assert cut.wrong and not cut.solved and cut.verdict.score == 0.0 and cut.verdict.feedback == "truncated"
    assert cut.verdict.answer == "46"


def test_a_finished_answer_keeps_its_verdict():
    verdict = Verdict.solved("46")
    assert attempt(verdict).verdict is verdict


def test_a_truncated_answer_that_nobody_could_grade_stays_ungraded():
    assert not attempt(Verdict.ungraded("the verifier hung"), Finish.LENGTH).graded


def test_the_solved_share_is_that_of_graded_answers():
    right, wrong, unknown = attempt(Verdict.solved()), attempt(Verdict.wrong()), attempt(Verdict.ungraded("crash"))
    assert Group(PROMPT, (right, wrong, wrong, wrong, unknown)).solved_share == 0.25
    assert Group(PROMPT, (unknown, unknown)).solved_share is None
    assert Group(PROMPT, (right, unknown)).graded == (right,)


def test_a_group_is_known_by_prompt_and_visit():
    one = attempt(Verdict.wrong())
    assert Group(PROMPT, (one,), visit=0).key != Group(PROMPT, (one,), visit=1).key
    assert Group(PROMPT, (one,)).key == Group(replace(PROMPT, content="another text"), (one,)).key


@pytest.mark.parametrize("logps", [(), (-0.5,), (-0.5, -1.0, -2.0)])
def test_log_probs_of_another_length_are_refused(logps):
    with pytest.raises(ValueError, match="one for each token"):
        completion(logps=logps)


@pytest.mark.parametrize("changes", [{"trained": (True,)}, {"trained": (True, True, True)}, {"behaviour": (-1.0,)},
                                     {"behaviour": ()}])
def test_columns_of_another_length_are_refused(changes):
    with pytest.raises(ValueError, match="one for each"):
        sample(**changes)


def test_an_ungraded_answer_is_not_trained():
    with pytest.raises(ValueError, match="UNGRADED"):
        sample(outcome=Outcome.UNGRADED)


@pytest.mark.parametrize(("first", "second", "length"), [
    ((1, 2, 3), (1, 2, 4), 2), ((1, 2), (1, 2, 3), 2), ((1, 2, 3), (1, 2), 2), ((), (1,), 0), ((5,), (6,), 0),
    ((1, 2), (1, 2), 2), ((1, 9, 3), (1, 8, 3), 1)])
def test_the_common_prefix(first, second, length):
    assert common_prefix(first, second) == length


@pytest.mark.parametrize("bad", [{"temperature": -0.1}, {"temperature": float("nan")}, {"temperature": 100.0},
                                 {"max_tokens": 0}])
def test_sampling_that_cannot_be_is_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Sampling(**bad)


@pytest.mark.parametrize("good", [{"temperature": 0.0}, {"temperature": 99.9}, {"max_tokens": 1}])
def test_the_edges_of_sampling_are_allowed(good):
    Sampling(**good)


def test_what_is_left_out_is_the_plain_case():
    """A sampled, finished, untouched response at temperature 1: nothing is known of it that was not given."""
    assert Sampling() == Sampling(temperature=1.0, max_tokens=64, stop=())
    assert Request(PROMPT, "x", RandomKey()).n == 1 and completion().policy_version == 0
    plain = sample()
    assert plain == sample(finish=Finish.STOP, origin=Origin.SAMPLED, stream="policy", counts_for_baseline=True, parent=None,
                           behaviour=None, unit=None, policy_version=0, provenance=Provenance(tries=0, located=False))
    assert Verdict(Outcome.WRONG).score == Verdict.wrong().score == Verdict.ungraded("x").score == 0.0
    assert Verdict.solved().score == 1.0 and Location(0, 0, 1).places == 0
    assert Group(PROMPT, ()) == Group(PROMPT, (), visit=0, step=0, seed=0)
    assert not RECORDS[-1].located and RECORDS[-1].leaks == ()


def test_a_sample_that_ran_into_the_limit_is_truncated():
    assert sample(finish=Finish.LENGTH).truncated and not sample().truncated


def test_the_text_of_a_chat_names_who_speaks():
    assert replace(PROMPT, content=(Message("system", "Add."), Message("user", "1+1"))).text == "system: Add.\nuser: 1+1"
    assert PROMPT.text == "12+34="


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_are_values(record):
    assert pickle.loads(pickle.dumps(record)) == record
    with pytest.raises(FrozenInstanceError):
        setattr(record, fields(record)[0].name, None)
