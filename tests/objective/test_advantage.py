from dataclasses import replace
from math import sqrt

import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective.advantage.batch_whitened import BatchWhitened
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.advantage.leave_one_out import LeaveOneOut
from tests.objective.build import batch, close, tensor

SAMPLED, CORRECTED = 0, 1


def rewards(reward, group=None, **columns):
    """One token a row, so that a row is one number."""
    return batch(mask=[[1]] * len(reward), reward=reward, group=group or [0] * len(reward), **columns)


def test_zscore_by_hand():
    # group 0: mean .25, unbiased variance (.25^2 * 3 + .75^2) / 3 = .25; group 7: mean 2, variance 2
    a = GroupZscore(epsilon=0.1)(rewards([0, 0, 3, 1, 1, 0], group=[0, 0, 7, 0, 7, 0]))
    close(a, [[-0.25 / 0.6], [-0.25 / 0.6], [1 / (sqrt(2) + 0.1)], [0.75 / 0.6], [-1 / (sqrt(2) + 0.1)], [-0.25 / 0.6]])


def test_centred_by_hand():
    close(GroupCentred()(rewards([0, 0, 3, 1, 1, 0], group=[0, 0, 7, 0, 7, 0])), [[-0.25], [-0.25], [1], [0.75], [-1], [-0.25]])


def test_leave_one_out_by_hand():
    close(LeaveOneOut()(rewards([0, 0, 3, 1])), [[-4 / 3], [-4 / 3], [3 - 1 / 3], [0.0]])


def test_leave_one_out_is_the_centred_reward_times_g_over_g_minus_one():
    step = rewards([0.3, 0.1, 0.9, 0.7, 0.2])
    torch.testing.assert_close(LeaveOneOut()(step), 5 / 4 * GroupCentred()(step))


def test_whitened_by_hand():
    # three trained tokens of reward 1 and one of reward 5: mean 2, population variance 3
    step = batch(mask=[[1, 1, 1], [0, 1, 0]], valid=[[1, 1, 1], [1, 1, 1]], reward=[1, 5])
    close(BatchWhitened(epsilon=1.0)(step), [[-1 / (sqrt(3) + 1)], [3 / (sqrt(3) + 1)]])


def test_whitened_over_the_step_after_the_group_mean():
    # centred by group: -1, 1, -2, 2; mean 0, population variance 2.5
    a = BatchWhitened(group_baseline=True, epsilon=1e-12)(rewards([0, 2, 10, 14], group=[0, 0, 1, 1]))
    close(a, [[-1 / sqrt(2.5)], [1 / sqrt(2.5)], [-2 / sqrt(2.5)], [2 / sqrt(2.5)]])


def test_an_affine_change_of_the_rewards_is_invisible_to_the_zscore_and_scales_the_others():
    reward = tensor([0.0, 1.0, 0.0, 0.5])
    plain, changed = rewards(reward.tolist()), rewards((3 * reward + 2).tolist())
    torch.testing.assert_close(GroupZscore(epsilon=1e-12)(changed), GroupZscore(epsilon=1e-12)(plain))
    for piece in (GroupCentred(), LeaveOneOut()):
        torch.testing.assert_close(piece(changed), 3 * piece(plain))


PIECES = [GroupZscore(), GroupCentred(), LeaveOneOut(), BatchWhitened(), BatchWhitened(group_baseline=True)]


@pytest.mark.parametrize("piece", PIECES, ids=repr)
@pytest.mark.parametrize("reward", [0.1, 0.3, 1 / 3, -7.7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_rewards_are_exactly_zero(piece, reward, dtype):
    assert torch.equal(piece(rewards([reward] * 7, dtype=dtype)), torch.zeros(7, 1, dtype=dtype))


@pytest.mark.parametrize("piece", PIECES[:3], ids=repr)
def test_fewer_than_two_rows_in_the_baseline_give_zero(piece):
    assert torch.equal(piece(rewards([1, 1, 0], group=[0, 1, 1], baseline=[True, True, False])), torch.zeros(3, 1).double())


def test_whitened_without_a_trained_token_in_the_baseline_is_zero():
    assert torch.equal(BatchWhitened()(rewards([1, 0], baseline=[False, False])), torch.zeros(2, 1).double())


@pytest.mark.parametrize("piece", [*PIECES, *(replace(piece, baseline="originals") for piece in PIECES)], ids=repr)
def test_a_row_outside_the_baseline_moves_nobody(piece):
    alone = piece(rewards([0, 1, 0.5]))
    with_it = piece(rewards([0, 1, 0.5, 9], baseline=[True, True, True, False]))
    torch.testing.assert_close(with_it[:3], alone)
    assert with_it[3] > with_it[1]


@pytest.mark.parametrize("kind", [GroupZscore, GroupCentred, LeaveOneOut, BatchWhitened])
def test_with_originals_a_correction_moves_nobody_and_with_group_it_does(kind):
    alone = kind()(rewards([0, 1, 0.5]))
    merged = rewards([0, 1, 0.5, 9], origin=[SAMPLED, SAMPLED, SAMPLED, CORRECTED])
    torch.testing.assert_close(kind(baseline="originals")(merged)[:3], alone)
    assert not torch.allclose(kind(baseline="group")(merged)[:3], alone)


@pytest.mark.parametrize("kind", [GroupZscore, GroupCentred, LeaveOneOut, BatchWhitened])
def test_a_correction_of_an_all_wrong_group_is_one_above_the_originals(kind):
    merged = rewards([0, 0, 0, 1], origin=[SAMPLED, SAMPLED, SAMPLED, CORRECTED])
    assert torch.equal(kind(baseline="originals")(merged), tensor([[0], [0], [0], [1]]))


def test_a_correction_that_replaces_one_of_eight():
    a = GroupZscore(epsilon=1e-12)(rewards([1] + [0] * 7))
    close(a[:2], [[0.875 / sqrt(0.125)], [-0.125 / sqrt(0.125)]])  # 2.47 and -0.35


@pytest.mark.parametrize("wrong", [lambda: GroupZscore(epsilon=0), lambda: GroupCentred(baseline="original"),
                                   lambda: BatchWhitened(group_baseline="yes"), lambda: BatchWhitened(epsilon=-1.0)])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"epsilon|baseline|group_baseline"):
        wrong()
