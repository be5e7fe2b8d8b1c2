"""Shaping changes the reward and its parts, never the outcome."""

from dataclasses import replace

import pytest

from rfpo.errors import UserError
from rfpo.records import (
    Attempt,
    Completion,
    Finish,
    Outcome,
    Prompt,
    Provenance,
    RandomKey,
    Request,
    Sample,
    Sampling,
    Verdict,
)
from rfpo.rewards import Shaping
from rfpo.rewards.signed import Signed
from rfpo.rewards.soft_overlong import SoftOverlong


def sample(length, reward=1.0):
    outcome = Outcome.SOLVED if reward else Outcome.WRONG
    return Sample(context=(1,), tokens=(5,) * length, trained=(True,) * length, outcome=outcome, reward=reward,
                  group=("p", 0), rewards={"verifier": reward})


def test_they_are_shapings():
    assert isinstance(Signed(), Shaping) and isinstance(SoftOverlong(), Shaping)


@pytest.mark.parametrize("length, penalty", [(1, 0.0), (6, 0.0), (7, -0.25), (8, -0.5), (10, -1.0), (11, -1.0), (30, -1.0)])
def test_soft_overlong_by_hand(length, penalty):
    shaped = SoftOverlong(limit=10, buffer=4)(sample(length))
    assert shaped.reward == pytest.approx(1.0 + penalty) and shaped.rewards == {"verifier": 1.0, "overlong": penalty}
    assert shaped.outcome is Outcome.SOLVED


@pytest.mark.parametrize("length, penalty", [(16, 0.0), (17, -0.25), (20, -1.0)])
def test_soft_overlong_takes_its_limit_from_the_sampling(length, penalty):
    prompt = Prompt("p", "1+1=", "sums")
    request = Request(prompt, prompt.content, RandomKey(), sampling=Sampling(max_tokens=20))
    completion = Completion(request, (1,), (5,) * length, (-1.0,) * length, "2", Finish.STOP)
    drawn = replace(sample(length), provenance=Provenance(Attempt(completion, Verdict.solved())))
    assert SoftOverlong()(drawn).rewards["overlong"] == penalty
    with pytest.raises(ValueError, match="limit is None"):
        SoftOverlong()(sample(length))


def test_signed_by_hand():
    right, false = Signed()(sample(2, 1.0)), Signed()(sample(2, 0.0))
    assert (right.reward, right.rewards) == (1.0, {"verifier": 1.0})
    assert (false.reward, false.rewards, false.outcome) == (-1.0, {"verifier": -1.0}, Outcome.WRONG)


def test_the_order_of_the_two_does_not_matter():
    long, overlong = sample(8, 0.0), SoftOverlong(limit=10, buffer=4)
    assert Signed()(overlong(long)) == overlong(Signed()(long))
    assert Signed()(overlong(long)).reward == -1.5


@pytest.mark.parametrize("limit, buffer, field", [(0, 1, "limit is 0"), (10, 11, "buffer is 11"), (10, 0, "buffer is 0")])
def test_soft_overlong_refuses(limit, buffer, field):
    with pytest.raises(UserError, match=field):
        SoftOverlong(limit=limit, buffer=buffer)
