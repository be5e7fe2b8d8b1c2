"""The four readings of RFPO's formula are four places of one weight; their gradients at r = 1, by hand and by machine."""

from dataclasses import replace
from math import log

import pytest
import torch

from rfpo.objective import Objective, Policy
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.times_weight import TimesWeight
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.clip_times_weight import ClipTimesWeight
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from tests.objective.build import batch, gradient, policy, tensor

R_OFF = OffPolicyRatio(cap=None)
BASE = Objective(advantage=GroupZscore(), ratio=Token(), surrogate=Clip(), aggregation=TokenMean())
PRINTED = replace(BASE, surrogate=ClipTimesWeight(weight=R_OFF))
INSIDE = replace(BASE, ratio=TimesWeight(base=Token(), weight=R_OFF))
OUTER = replace(BASE, weights=(R_OFF,))
INVERSE = replace(BASE, weights=(replace(R_OFF, gamma=-1.0),))
READINGS = {"printed": PRINTED, "inside": INSIDE, "outer": OUTER, "inverse": INVERSE}


def one_token(r_off, advantage, ratio=1.0):
    """A correction of one token whose wrong original is r_off times as likely."""
    old = log(0.1)
    data = batch(((1,),), old=[[old]], parent=[[old + log(r_off)]], parent_mask=[[1]], common_prefix=[0],
                 advantage=[[advantage]])
    return data, policy([[old + log(ratio)]])


def slope(objective, r_off, advantage, ratio=1.0):
    """dJ/dr, J being what is maximised."""
    data, now = one_token(r_off, advantage, ratio)
    return -gradient(objective(now, data), now.logp).item() / ratio


@pytest.mark.parametrize("name, advantage, slopes", [
    ("printed", 1.0, (0.0, 0.81, 1.1, 2.0)), ("printed", -1.0, (-0.5, -0.9, -1.21, 0.0)),
    ("inside", 1.0, (0.5, 0.9, 1.1, 0.0)), ("inside", -1.0, (0.0, -0.9, -1.1, -2.0)),
    ("outer", 1.0, (0.5, 0.9, 1.1, 2.0)), ("outer", -1.0, (-0.5, -0.9, -1.1, -2.0)),
    ("inverse", 1.0, (2.0, 1 / 0.9, 1 / 1.1, 0.5)), ("inverse", -1.0, (-2.0, -1 / 0.9, -1 / 1.1, -0.5))])
def test_gradient_at_ratio_one(name, advantage, slopes):
    assert [slope(READINGS[name], r_off, advantage) for r_off in (0.5, 0.9, 1.1, 2.0)] == pytest.approx(slopes, abs=1e-12)


def test_the_dead_zone_of_the_printed_form_ends_at_the_lower_bound_over_the_weight():
    assert slope(PRINTED, 0.5, 1.0, ratio=1.59) == 0
    assert slope(PRINTED, 0.5, 1.0, ratio=1.61) == pytest.approx(0.25)
    assert slope(PRINTED, 0.5, 1.0, ratio=0.81) == 0


def test_above_one_and_for_a_positive_advantage_printed_is_outer():
    for ratio in (0.7, 1.0, 1.19, 1.21):
        for r_off in (1.05, 2.0, 50.0):
            assert slope(PRINTED, r_off, 1.0, ratio) == pytest.approx(slope(OUTER, r_off, 1.0, ratio))


@pytest.mark.parametrize("name", READINGS)
def test_a_row_without_a_parent_is_not_touched(name):
    data = batch(((1, 1),), old=[[-1.0, -2.0]], parent=[[0.0]], parent_mask=[[0]], common_prefix=[0], advantage=[[1.0, -2.0]])
    now = policy([[-1.1, -1.5]])
    torch.testing.assert_close(READINGS[name](now, data), BASE(now, data))


@pytest.mark.parametrize("snapshot", ["old", "update"])
@pytest.mark.parametrize("name, at_one", [("printed", 1.0), ("inside", 1.0), ("outer", 1.0), ("inverse", -1.0)])
def test_no_gradient_flows_through_the_weight_or_reaches_the_wrong_response(name, at_one, snapshot):
    """The weight's columns hang on the parameters here, as they would if nobody had detached them."""
    logits = tensor([[0.4, -0.2, 0.1], [0.2, 0.9, -0.5]]).requires_grad_()
    logp = logits.log_softmax(-1)
    own, wrong = logp[0:1, 1:2], logp[1:2, 0:1]  # the correction is token 1 at place 0, the wrong answer token 0 at place 1
    parent = {"old": "parent", "update": "parent_update"}[snapshot]
    data = batch(((1,),), parent_mask=[[1]], common_prefix=[0], advantage=[[1.0]])
    data = replace(data, **{"old": own.detach(), "update": own, parent: wrong})
    grad = gradient(with_snapshot(READINGS[name], snapshot)(Policy(own), data), logits)
    weight = (wrong - own).exp().item()
    assert 1 < weight < 1.2
    assert torch.equal(grad[1], torch.zeros(3).double())
    torch.testing.assert_close(grad[0], -(weight**at_one) * gradient(own.sum(), logits)[0])


def with_snapshot(objective, snapshot):
    weight = replace(R_OFF, snapshot=snapshot)
    if objective is PRINTED:
        return replace(objective, surrogate=ClipTimesWeight(weight=weight))
    if objective is INSIDE:
        return replace(objective, ratio=TimesWeight(base=Token(), weight=weight))
    return replace(objective, weights=(replace(weight, gamma=objective.weights[0].gamma),))
