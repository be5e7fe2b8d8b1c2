"""Tokens that were put there: which of them are reinforced, and which imitated."""

from math import inf

import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective import Objective, Policy
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.sequence_sum import SequenceSum
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.regularizer.imitation import Imitation
from rfpo.objective.surrogate.unbounded import Unbounded
from rfpo.objective.weight.put_tokens import PutTokens
from tests.objective.build import batch, close, gradient, policy

SAMPLED, CORRECTED, GIVEN, REPLAYED = range(4)
ALL = [[1] * 5, [1, 1, 1, 1, 0]]
KNOWN = [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]  # three put tokens and two drawn ones; four put ones
ENTROPY = [[0.5, 2.0, 1.0, 0.1, 9.0], [3.0, 1.0, 3.0, 2.0, 99.0]]


def step(mask=ALL, origin=(CORRECTED, GIVEN)):
    return batch(mask, behaviour=[[0.0] * 5] * 2, known=KNOWN, origin=list(origin))


def now():
    return policy([[-1.0] * 5] * 2, entropy=ENTROPY)


@pytest.mark.parametrize("share, kept", [
    (0.0, [[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]]),  # the last of the second row is padding: no token
    (0.2, [[0, 1, 0, 1, 1], [1, 0, 0, 0, 1]]),  # one of three, one of four; of equal entropies the earlier
    (0.5, [[0, 1, 1, 1, 1], [1, 0, 1, 0, 1]]),
    (1.0, [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]])])
def test_of_the_put_tokens_the_least_certain_are_kept(share, kept):
    assert PutTokens(share=share).log(now(), step()).tolist() == [[0.0 if k else -inf for k in row] for row in kept]


def test_rows_of_other_origins_and_tokens_that_are_not_trained_are_left_alone():
    assert (PutTokens().log(now(), step(origin=(SAMPLED, SAMPLED))) == 0).all()
    some = [[1, 0, 1, 1, 1], [0, 0, 0, 0, 0]]  # of the put tokens 0.5 and 1.0 are trained
    assert PutTokens().log(now(), step(some)).tolist() == [[-inf, 0.0, 0.0, 0.0, 0.0], [0.0] * 5]


def test_without_a_share_no_entropy_is_asked_for():
    assert PutTokens(share=0.0).needs == {"behaviour"} and PutTokens().needs == {"behaviour", "entropy"}
    log = PutTokens(share=0.0).log(Policy(torch.zeros(2, 5, dtype=torch.float64)), step())
    assert log[0].tolist() == [-inf] * 3 + [0.0] * 2


def test_imitation_of_what_was_put_there_by_hand():
    policy_now = now()
    loss = Imitation(coefficient=0.5, origins=("corrected",), tokens="put")(policy_now, step())
    close(loss, [[0.5, 0.5, 0.5, 0.0, 0.0], [0.0] * 5])
    close(gradient(loss.sum(), policy_now.logp), [[-0.5, -0.5, -0.5, 0.0, 0.0], [0.0] * 5])
    close(Imitation(coefficient=0.5, origins=("corrected",))(now(), step()), [[0.5] * 5, [0.0] * 5])


def test_uft_reinforces_the_drawn_tokens_and_imitates_the_others():
    """The advantage is 1: drawn tokens are raised by it, put ones by the coefficient alone."""
    loss = Objective(advantage=Constant(), ratio=OnPolicy(), surrogate=Unbounded(), aggregation=SequenceSum(),
                     weights=(PutTokens(share=0.0),),
                     regularizers=(Imitation(coefficient=0.001, origins=("corrected", "given"), tokens="put"),))
    policy_now, data = now(), loss.with_advantages(step())
    found = gradient(loss(policy_now, data), policy_now.logp)
    close(found * 2, [[-0.001] * 3 + [-1.0] * 2, [-0.001] * 4 + [0.0]])  # the sum over rows is divided by two rows


@pytest.mark.parametrize("wrong", [lambda: PutTokens(share=1.5), lambda: PutTokens(origins=()),
                                   lambda: Imitation(tokens="given")])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"\.(share|origins|tokens) is "):
        wrong()
