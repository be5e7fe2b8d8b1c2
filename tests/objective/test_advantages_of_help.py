"""Advantages of methods that reshape groups of equal rewards, or weigh rows by what only the whole step can say."""

from dataclasses import replace
from math import exp, expm1, log, sqrt

import numpy as np
import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective import Policy
from rfpo.objective.advantage.amplified import Amplified
from rfpo.objective.advantage.confidence_penalty import ConfidencePenalty
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.advantage.over_entropy import OverEntropy
from rfpo.objective.advantage.reward import Reward
from rfpo.objective.advantage.sharpened import Sharpened
from rfpo.objective.advantage.times_affinity import TimesAffinity
from rfpo.objective.advantage.times_weight import TimesWeight
from rfpo.objective.advantage.virtual_reward import VirtualReward
from rfpo.objective.weight.affinity import Affinity
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from tests.objective.build import batch, close, tensor

SAMPLED, CORRECTED = 0, 1


def rewards(reward, group=None, logp=None, **columns):
    """One token a row, so that a row is one number; `logp` is its sampler's."""
    n = len(reward)
    given = {} if logp is None else {"behaviour": [[x] for x in logp], "known": [[True]] * n}
    return batch(mask=[[1]] * n, reward=reward, group=group or [0] * n, **given | columns)


def test_constant_and_reward_by_hand():
    close(Constant(value=0.5)(rewards([0, 1, -3])), [[0.5]] * 3)
    close(Reward()(rewards([0, 1, -3])), [[0], [1], [0]])
    close(Reward(floor=None)(rewards([0, 1, -3])), [[0], [1], [-3]])


def test_virtual_reward_of_an_all_wrong_group():
    # 0 0 0 and a virtual 1: mean 1/4, unbiased variance (3/16 + 9/16) / 3 = 1/4
    close(VirtualReward(epsilon=0.1)(rewards([0, 0, 0])), [[-0.25 / 0.6]] * 3)
    # two virtual ones: mean 2/5, squares 3 (.16) + 2 (.36) = 1.2, over 4
    close(VirtualReward(count=2, epsilon=1e-9)(rewards([0, 0, 0])), [[-0.4 / sqrt(0.3)]] * 3, rtol=1e-6)


def test_virtual_reward_enters_mixed_groups_too_and_is_the_zscore_with_one_row_more():
    reward = [1.0, 0.0, 0.3, 0.0]
    with_it = GroupZscore(epsilon=1e-6)(rewards([*reward, 1.0]))[:4]
    torch.testing.assert_close(VirtualReward()(rewards(reward)), with_it)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_virtual_reward_of_a_solved_group_and_of_a_lone_row_is_zero(dtype):
    assert (VirtualReward()(rewards([1, 1, 1, 0], group=[0, 0, 0, 1], dtype=dtype)) == 0).all()


def test_confidence_penalty_of_an_all_wrong_group():
    # p = .4, .2, .1 and D = .8: penalties 1, 1/3, 1/7, whose mean is 31/63
    found = ConfidencePenalty(alpha=0.5)(rewards([0, 0, 0], logp=[log(0.4), log(0.2), log(0.1)]))
    close(found, [[0.5 * (-p + 31 / 63)] for p in (1, 1 / 3, 1 / 7)])


def test_confidence_penalty_of_a_mixed_group():
    # p = .4 right, .2, .1 wrong. Implied D = (.7 / 3) / (1 / 3) = .7 is below 2 max p = .8: penalties 1/3 and 1/7
    data = rewards([1, 0, 0], logp=[log(0.4), log(0.2), log(0.1)])
    shaped = [1.0, -1 / 3, -1 / 7]
    torch.testing.assert_close(ConfidencePenalty()(data), GroupZscore()(rewards(shaped)))
    torch.testing.assert_close(ConfidencePenalty(mixed=False)(data), GroupZscore()(data))
    # one right of four, all p alike: implied D = 4 p, penalty 1/3
    alike = rewards([1, 0, 0, 0], logp=[-2.0] * 4)
    torch.testing.assert_close(ConfidencePenalty()(alike), GroupZscore()(rewards([1, -1 / 3, -1 / 3, -1 / 3])))


def test_confidence_penalty_degenerate():
    assert (ConfidencePenalty()(rewards([1, 1], logp=[-1.0, -2.0])) == 0).all()
    assert (ConfidencePenalty()(rewards([0, 0], logp=[-700.0, -700.0])) == 0).all()
    unknown = rewards([0, 0], behaviour=[[0.0], [0.0]], known=[[False], [False]])
    assert (ConfidencePenalty()(unknown) == 0).all()


def test_confidence_penalty_where_every_probability_underflows():
    far, near = ([log(0.4) + x, log(0.2) + x, log(0.1) + x] for x in (-900.0, 0.0))
    close(ConfidencePenalty()(rewards([0, 0, 0], logp=far)), ConfidencePenalty()(rewards([0, 0, 0], logp=near)).tolist())


def test_over_entropy_by_hand():
    # entropies 1, 3, 2: mean 2, so h = .5, 1.5, 1; the fourth row's sampler is unknown
    data = rewards([1, 0, 0, 0], behaviour=[[-1.0], [-3.0], [-2.0], [0.0]], known=[[1], [1], [1], [0]])
    close(OverEntropy(base=GroupCentred())(data), [[0.75 / 0.5], [-0.25 / 1.5], [-0.25], [-0.25]])
    close(OverEntropy(base=GroupCentred(), bound=1.25)(data), [[0.75 * 1.25], [-0.25 / 1.25], [-0.25], [-0.25]])


def test_over_entropy_of_a_certain_step_is_the_base():
    data = rewards([1, 0], logp=[0.0, 0.0])
    torch.testing.assert_close(OverEntropy()(data), GroupZscore()(data))


def test_over_entropy_reads_the_source_that_it_names():
    data = rewards([1, 0], logp=[-1.0, -1.0], old=[[-1.0], [-3.0]])
    close(OverEntropy(base=GroupCentred(), source="old")(data), [[1.0], [-0.5 * 2 / 3]])
    assert OverEntropy(source="old").needs == {"old"} and OverEntropy().needs == {"behaviour"}


def test_amplified_by_hand():
    data = rewards([1, 0.5, 0, 0])
    close(Amplified()(data), [[3 * 0.625], [3 * 0.125], [-0.375], [-0.375]])
    close(Amplified(solved_at=1.0)(data), [[1.0], [3 * 0.125], [-0.375], [-0.375]])
    close(Amplified(solved_at=1.0)(rewards([1, 1])), [[1.0], [1.0]])


def test_sharpened_by_hand():
    # s = -3, -1, -3.5: mean -2.5. eta = exp(-.5), above 1, exp(-1); the third is the most unusual, and wrong
    data = rewards([1, 1, 0], logp=[-3.0, -1.0, -3.5])
    base = 1 / 3
    close(Sharpened(base=GroupCentred())(data), [[base + base / 2], [base], [-2 / 3]])  # share .5 of A binds
    close(Sharpened(base=GroupCentred(), share=100.0)(data), [[base - 2.5 * expm1(-0.5)], [base], [-2 / 3]])


def test_sharpened_leaves_rows_of_an_unknown_sampler_alone():
    data = rewards([1, 0], behaviour=[[-5.0], [-1.0]], known=[[0], [1]])
    torch.testing.assert_close(Sharpened()(data), GroupZscore()(data))


def corrections(own, wrong, reward=None, **columns):
    """One group; every row but the last is a correction of one token, beside a wrong answer of one token."""
    n = len(own)
    given = {"old": [[x] for x in own], "parent": [[x] for x in wrong], "parent_mask": [[True]] * (n - 1) + [[False]],
             "common_prefix": [0] * n, "origin": [CORRECTED] * (n - 1) + [SAMPLED]} | columns
    data = batch(mask=[[1]] * n, reward=reward or [1.0] * (n - 1) + [0.0], **given)
    tokens = torch.arange(n)[:, None]
    return replace(data, tokens=tokens, parent_tokens=tokens + 100)


OWN, WRONG = [-1.0, -1.2, -1.4, -1.6, -1.0], [-1.0] * 5  # log R_off 0, .2, .4, .6 and no parent


def dealt(piece, data):
    """The weight that each row got."""
    return piece(data)[:, 0] / piece.base(data)[:, 0]


def test_own_pairing_is_the_weight_itself():
    data = corrections(OWN, WRONG)
    close(dealt(TimesWeight(pairing="own"), data), [1.0, exp(0.2), exp(0.4), exp(0.6), 1.0])


def test_shuffled_weights_are_the_same_ones_on_other_rows():
    data = corrections(OWN, WRONG)
    found = dealt(TimesWeight(), data)
    own = tensor([1.0, exp(0.2), exp(0.4), exp(0.6)])
    torch.testing.assert_close(found[:4].sort().values, own)
    assert (found[:4] - own).abs().min() > 0.1 and found[4] == 1


def test_the_pairing_is_by_the_rows_and_not_by_their_order_or_rewards():
    data = corrections(OWN, WRONG)
    order = torch.tensor([2, 4, 0, 3, 1])
    torch.testing.assert_close(TimesWeight()(data.rows(order)), TimesWeight()(data)[order])
    other = corrections(OWN, WRONG, [0.0, 1.0, 0.3, 0.9, 0.5])
    torch.testing.assert_close(dealt(TimesWeight(), data), dealt(TimesWeight(), other))
    pairings = {tuple(dealt(TimesWeight(), replace(data, tokens=data.tokens + k)).tolist()) for k in range(8)}
    assert len(pairings) > 1


def test_mean_one_over_the_rows_with_a_parent():
    data = corrections(OWN, WRONG)
    for pairing in ("own", "shuffled"):
        found = dealt(TimesWeight(pairing=pairing, mean_one=True), data)
        assert found[:4].mean().item() == pytest.approx(1) and found[4] == 1
        assert found[:4].max() / found[:4].min() == pytest.approx(exp(0.6))


def test_a_lone_correction_keeps_its_weight_and_none_is_the_base():
    close(dealt(TimesWeight(), corrections([-1.2, -1.0], [-1.0, 0.0])), [exp(0.2), 1.0])
    plain = rewards([1, 0], old=[[-1.0]] * 2)
    torch.testing.assert_close(TimesWeight(mean_one=True)(plain), GroupZscore()(plain))


@pytest.mark.parametrize("length", [1, 7, 4000])
@pytest.mark.parametrize("nats", [-500.0, 0.7, 500.0])
def test_times_weight_agrees_with_float64(length, nats):
    noise = np.random.default_rng(length).uniform(0, 1, (2, length))
    own = (-600 / length - noise).astype(np.float32)
    wrong = (own + nats / length).astype(np.float32)
    gap = (wrong.astype(np.float64) - own.astype(np.float64)).sum(1).clip(-80, 80)
    data = batch([[True] * length] * 2, old=own.tolist(), parent=wrong.tolist(), parent_mask=[[True] * length] * 2,
                 common_prefix=[0, 0], reward=[1.0, 0.0], dtype=torch.float32)
    data = replace(data, tokens=torch.arange(2)[:, None].expand(2, length))
    found = TimesWeight(base=Constant(), weight=OffPolicyRatio(form="sum", cap=None))(data)
    assert found.isfinite().all()
    np.testing.assert_allclose(found[:, 0].double().log().numpy(), gap[::-1], rtol=1e-6, atol=1e-6)


def test_times_affinity_is_one_number_for_the_group():
    # corrections of one token: log r .1, -.1, 1 with |A| 1, 1, 1: EUR 2/3, UC .1; the sampled row keeps its own
    data = corrections([-1.0] * 4, [0.0] * 4, behaviour=[[-1.1], [-0.9], [-2.0], [-9.0]], known=[[1]] * 4)
    weight = 2 / 3 * exp(-0.1 / (log(1.2) / 2))
    close(TimesAffinity(base=Constant())(data), [[weight]] * 3 + [[1.0]])
    close(TimesAffinity(base=Constant(), power=2.0, tau=0.1)(data)[0], [(2 / 3 * exp(-1)) ** 2])


def test_times_affinity_weighs_by_the_advantage_and_equals_the_weight_of_a_lone_row():
    # A = 2/3, -1/3 of the corrections, -1/3: EUR = (2/3) / 1
    data = corrections([-1.0] * 3, [0.0] * 3, [1.0, 0.0, 0.0], behaviour=[[-1.0], [-2.0], [-1.0]], known=[[1]] * 3)
    close(TimesAffinity(base=GroupCentred())(data), [[4 / 9], [-2 / 9], [-1 / 3]])
    lone = corrections([-1.0, -1.0], [0.0] * 2, behaviour=[[-1.1], [-1.0]], known=[[1]] * 2)
    close(TimesAffinity(base=Constant())(lone), Affinity().log(Policy(lone.old), lone).exp().tolist())


def test_times_affinity_without_a_known_sampler_or_an_advantage_is_the_base():
    unknown = corrections([-1.0] * 3, [0.0] * 3, behaviour=[[0.0]] * 3, known=[[0]] * 3)
    torch.testing.assert_close(TimesAffinity()(unknown), GroupZscore()(unknown))
    even = corrections([-1.0] * 3, [0.0] * 3, [1.0] * 3, behaviour=[[-900.0]] * 3, known=[[1]] * 3)
    assert (TimesAffinity()(even) == 0).all()


@pytest.mark.parametrize("wrong", [
    lambda: Constant(value=float("inf")), lambda: Reward(floor="0"), lambda: VirtualReward(count=0),
    lambda: VirtualReward(baseline="all"), lambda: ConfidencePenalty(source="update"), lambda: OverEntropy(bound=0.5),
    lambda: Amplified(factor=0.0), lambda: Sharpened(boost=-1.0), lambda: TimesWeight(pairing="random"),
    lambda: TimesWeight(weight=OffPolicyRatio(snapshot="update")), lambda: TimesAffinity(band=0.0)])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"\.(value|floor|count|baseline|source|bound|factor|boost|pairing|weight|band) is "):
        wrong()
