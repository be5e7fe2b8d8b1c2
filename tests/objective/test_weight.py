from math import log

import numpy as np
import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective import Policy
from rfpo.objective.weight.engine_mismatch import EngineMismatch
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from tests.objective.build import batch, close, policy, tensor

ALL = [[1, 1, 1], [1, 1, 0]]
NOW = policy([[-7.0, -7.0, -7.0]] * 2)


def corrected(old, parent, parent_mask, prefix=(0, 0), valid=ALL, mask=ALL, **columns):
    """Row 0 is a correction, row 1 was sampled."""
    return batch(mask, valid, old=old, parent=parent, parent_mask=parent_mask, common_prefix=prefix, **columns)


# the correction's log-probs are -1, -2, -6 (mean -3), the wrong answer's -1, -2 (mean -1.5)
DATA = corrected([[-1.0, -2.0, -6.0], [-1.0, -1.0, 0.0]], [[-1.0, -2.0], [9.0, 9.0]], [[1, 1], [0, 0]], prefix=(1, 0))


@pytest.mark.parametrize("gamma, form, log_ratio", [
    (1.0, "mean", 1.5), (0.5, "mean", 0.75), (-1.0, "mean", -1.5), (0.0, "mean", 0.0),
    (1.0, "sum", -3 + 9), (1.0, "suffix", -2 - (-8 / 2)), (-0.5, "suffix", -1.0)])
def test_log_ratio_by_hand(gamma, form, log_ratio):
    close(OffPolicyRatio(gamma=gamma, form=form, cap=None).log(NOW, DATA), [[log_ratio], [0.0]])


@pytest.mark.parametrize("cap, gamma, weight", [(2.0, 1.0, 2.0), (2.0, -1.0, 0.5), (10.0, 1.0, 4.4816890703)])
def test_the_cap_bounds_the_ratio_on_both_sides(cap, gamma, weight):
    close(OffPolicyRatio(cap=cap, gamma=gamma).log(NOW, DATA).exp(), [[weight], [1.0]])


@pytest.mark.parametrize("link, gamma, weight", [
    ("exp", 1.0, 4.4816890703), ("sigmoid", 1.0, 2 * 4.4816890703 / 5.4816890703), ("accept", 1.0, 1.0),
    ("sigmoid", -1.0, 2 / 5.4816890703), ("accept", -1.0, 1 / 4.4816890703)])
def test_links_by_hand(link, gamma, weight):
    close(OffPolicyRatio(link=link, gamma=gamma, cap=None).log(NOW, DATA).exp(), [[weight], [1.0]])


def test_the_clamp_comes_before_the_link():
    close(OffPolicyRatio(link="sigmoid", cap=2.0).log(NOW, DATA).exp(), [[2 * 2 / 3], [1.0]])


def test_every_token_of_the_response_counts_trained_or_not():
    data = corrected([[-1.0, -2.0, -6.0], [0.0] * 3], [[-1.0, -2.0], [0.0, 0.0]], [[1, 1], [0, 0]], mask=[[0, 0, 1], [1, 1, 0]])
    close(OffPolicyRatio(cap=None).log(NOW, data), [[1.5], [0.0]])


def test_the_shared_prefix_cancels_from_the_suffix_and_an_empty_suffix_scores_zero():
    data = corrected([[-1.0, -2.0, -6.0], [0.0] * 3], [[-1.0, -2.0], [0.0, 0.0]], [[1, 1], [0, 0]], prefix=(2, 0))
    close(OffPolicyRatio(form="suffix", cap=None).log(NOW, data), [[0 + 6], [0]])


def test_the_snapshot_names_the_columns():
    data = corrected([[0.0] * 3] * 2, [[0.0] * 2] * 2, [[1, 1], [0, 0]], update=[[-1.0, -1.0, -1.0], [0.0] * 3],
                     parent_update=[[-0.5, -0.5], [0.0, 0.0]])
    close(OffPolicyRatio(snapshot="update").log(NOW, data), [[0.5], [0.0]])
    assert OffPolicyRatio(snapshot="update").needs == {"update", "parent_update"}
    assert OffPolicyRatio().needs == {"old", "parent"}


def test_without_a_correction_in_the_batch_the_weight_is_one():
    assert torch.equal(OffPolicyRatio().log(NOW, batch(ALL, old=[[-1.0] * 3] * 2)), torch.zeros(2, 1).double())


LINKS = {"exp": lambda x: x, "sigmoid": lambda x: log(2) - np.logaddexp(0, -x), "accept": lambda x: min(x, 0.0)}


@pytest.mark.parametrize("form", ["mean", "sum", "suffix"])
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("length", [1, 37, 4000])
@pytest.mark.parametrize("nats", [-500.0, -1e-3, 3.0, 500.0])
def test_float32_agrees_with_float64(form, link, length, nats):
    """The same log-probs, float32 arithmetic against float64; the responses differ in length and by up to 500 nats."""
    noise = np.random.default_rng(length).uniform(0, 1, length)
    own = (-500 / length - noise).astype(np.float32)
    wrong = (own + nats / length).astype(np.float32)[: max(1, 2 * length // 3)]
    prefix = 0 if length == 1 else 3
    score = {"mean": np.mean, "sum": np.sum, "suffix": lambda x: np.mean(x[prefix:])}[form]
    exact = np.clip(score(wrong.astype(np.float64)) - score(own.astype(np.float64)), -80, 80)
    data = batch([[True] * length], old=[own.tolist()], parent=[wrong.tolist()], parent_mask=[[True] * len(wrong)],
                 common_prefix=[prefix], dtype=torch.float32)
    weight = OffPolicyRatio(form=form, link=link, cap=None).log(Policy(data.old), data)
    assert weight.dtype == torch.float32
    assert weight.item() == pytest.approx(LINKS[link](exact), rel=1e-6, abs=1e-9)


RHO = [[4.0, 0.5, 0.25], [1.5, 8.0, 1.0]]
MISMATCH = batch(((1, 1, 1), (1, 1, 0)), old=tensor(RHO).log().tolist(), behaviour=[[0.0] * 3] * 2, known=[[1] * 3] * 2)


def weight(**fields):
    return EngineMismatch(**fields).log(NOW, MISMATCH).exp()


def test_mismatch_truncates():
    close(weight(), [[2.0, 0.5, 0.25], [1.5, 2.0, 1.0]])
    close(weight(floor=0.4, cap=3.0), [[3.0, 0.5, 0.4], [1.5, 3.0, 1.0]])


def test_mismatch_masks():
    close(weight(mode="mask", floor=0.4), [[0.0, 0.5, 0.0], [1.5, 0.0, 1.0]])


def test_mismatch_of_the_sequence_and_its_geometric_mean():
    close(weight(level="sequence", cap=20.0), [[0.5], [12.0]])
    close(weight(level="geometric", cap=20.0), [[0.5 ** (1 / 3)], [12**0.5]])
    close(weight(level="sequence", mode="mask", cap=5.0), [[0.5], [0.0]])


@pytest.mark.parametrize("level", ["token", "sequence", "geometric"])
@pytest.mark.parametrize("mode", ["truncate", "mask"])
def test_an_unknown_behaviour_has_weight_one(level, mode):
    data = batch(((1, 1, 1), (1, 1, 0)), old=[[9.0] * 3] * 2, behaviour=[[0.0] * 3] * 2, known=[[0] * 3] * 2)
    assert (EngineMismatch(level=level, mode=mode).log(NOW, data) == 0).all()


@pytest.mark.parametrize("wrong", [
    lambda: OffPolicyRatio(cap=1.0), lambda: OffPolicyRatio(form="average"), lambda: OffPolicyRatio(link="tanh"),
    lambda: OffPolicyRatio(gamma=log(2) / 1e-320), lambda: OffPolicyRatio(snapshot="current"), lambda: EngineMismatch(cap=0.5),
    lambda: EngineMismatch(floor=-1), lambda: EngineMismatch(mode="reject"), lambda: EngineMismatch(level="row")])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"\.(cap|form|link|gamma|snapshot|floor|mode|level) is "):
        wrong()
