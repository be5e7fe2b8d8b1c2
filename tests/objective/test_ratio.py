from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective.ratio.behaviour import Behaviour
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.ratio.sequence import Sequence
from rfpo.objective.ratio.times_weight import TimesWeight
from rfpo.objective.ratio.token import Token
from rfpo.objective.slots import Weight
from tests.objective.build import batch, close, gradient, policy, tensor

MASK = ((1, 1, 1), (1, 0, 0))
LOGP, OLD = [[-1.0, -2.0, -3.0], [-0.5, -9.0, -9.0]], [[-1.5, -2.0, -1.0], [-1.0, -4.0, -4.0]]


@dataclass(frozen=True)
class Half(Weight):
    """A weight of one half that reads the policy, so that a gradient would show."""

    needs: ClassVar[frozenset[str]] = frozenset({"reference"})

    def log(self, policy, batch):
        return torch.log(tensor(0.5)) + 0.0 * policy.logp


def test_token_by_hand():
    close(Token()(policy(LOGP), batch(MASK, old=OLD)), [[0.5, 0.0, -2.0], [0.5, 0.0, 0.0]])


def test_sequence_is_the_mean_over_trained_tokens():
    close(Sequence()(policy(LOGP), batch(MASK, old=OLD)), [[-0.5, -0.5, -0.5], [0.5, 0.0, 0.0]])


def test_sequence_sum():
    close(Sequence(form="sum")(policy(LOGP), batch(MASK, old=OLD)), [[-1.5, -1.5, -1.5], [0.5, 0.0, 0.0]])


def test_sequence_levels_share_the_value_and_differ_in_whose_gradient_it_is():
    data, now = batch(MASK, old=OLD), policy(LOGP)
    coarse, fine = Sequence()(now, data), Sequence(level="token")(now, data)
    assert torch.equal(coarse, fine)
    close(gradient(coarse[0, 0], now.logp), [[1 / 3, 1 / 3, 1 / 3], [0, 0, 0]])
    close(gradient(fine[0, 0], now.logp), [[1, 0, 0], [0, 0, 0]])


def test_a_row_without_a_trained_token_has_ratio_one():
    data = batch(((1, 1, 1), (0, 0, 0)), old=OLD)
    for ratio in (Token(), Sequence(), Sequence(level="token"), Sequence(form="sum")):
        assert torch.equal(ratio(policy(LOGP), data)[1], torch.zeros(3).double())


def test_on_policy_is_one_with_the_gradient_of_the_log_probability():
    now = policy(LOGP)
    ratio = OnPolicy()(now, batch(MASK))
    assert torch.equal(ratio, torch.zeros(2, 3).double())
    assert torch.equal(gradient(ratio.sum(), now.logp), torch.ones(2, 3).double())


def test_behaviour_where_known_and_old_elsewhere():
    data = batch(MASK, old=OLD, behaviour=[[-3.0, -3.0, -3.0], [7.0, 7.0, 7.0]], known=[[1, 1, 0], [0, 0, 0]])
    close(Behaviour()(policy(LOGP), data), [[2.0, 1.0, -2.0], [0.5, 0.0, 0.0]])


def test_times_weight_adds_the_log_weight_without_its_gradient():
    data, now = batch(MASK, old=OLD), policy(LOGP)
    ratio = TimesWeight(base=Token(), weight=Half())(now, data)
    half = torch.log(tensor(0.5)).item()
    close(ratio, [[0.5 + half, half, half - 2.0], [0.5 + half, 0.0, 0.0]])
    close(gradient(ratio.sum(), now.logp), [[1, 1, 1], [1, 0, 0]])


def test_times_weight_needs_what_both_need():
    assert TimesWeight(base=Token(), weight=Half()).needs == {"old", "reference"}
    assert TimesWeight().needs == {"old", "parent"}


@pytest.mark.parametrize("wrong", [lambda: Sequence(level="tokens"), lambda: Sequence(form="suffix")])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"Sequence\.(level|form)"):
        wrong()
