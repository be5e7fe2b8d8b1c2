"""Ratios, surrogates and regularizers of rows that the policy did not sample for the prompt."""

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective import Policy
from rfpo.objective.ratio.behaviour import Behaviour
from rfpo.objective.ratio.by_origin import ByOrigin as RatioByOrigin
from rfpo.objective.ratio.mixture import Mixture
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.ratio.rl_plus import RlPlus
from rfpo.objective.ratio.token import Token
from rfpo.objective.regularizer.imitation import Imitation
from rfpo.objective.regularizer.zero_variance import ZeroVariance
from rfpo.objective.slots import Surrogate
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.log_likelihood import LogLikelihood
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.objective.surrogate.unbounded import Unbounded
from tests.objective.build import batch, close, gradient, policy, tensor

SAMPLED, CORRECTED, GIVEN = range(3)
ALL = [[1, 1, 1], [1, 1, 1]]
P, OLD_P = [[0.9, 0.5, 0.1]] * 2, [[0.5, 0.5, 0.2]] * 2
LOGP, OLD = tensor(P).log().tolist(), tensor(OLD_P).log().tolist()


def step(origin=(GIVEN, SAMPLED), **columns):
    return batch(ALL, old=OLD, origin=list(origin), **columns)


def test_rl_plus_by_hand():
    # 2 p / (old + (old + 1) / 2): 1.8 / 1.25, 1 / 1.25, .2 / .8
    close(RlPlus()(policy(LOGP), step()).exp(), [[1.44, 0.8, 0.25], [1.8, 1.0, 0.5]])
    close(RlPlus(share=0.0)(policy(LOGP), step())[0].exp(), [1.8 / 1.5, 1 / 1.5, 0.2 / 1.2])
    torch.testing.assert_close(RlPlus(share=1.0)(policy(LOGP), step()), Token()(policy(LOGP), step()))


def test_mixture_by_hand():
    # alpha .2. The first token was drawn with mu .25, the second was put: old' = .8 * .5 + .2 * (.25, 1), then .8 * .2 + .2
    data = step(behaviour=tensor([[0.25, 1.0, 1.0]] * 2).log().tolist(), known=[[1, 0, 1]] * 2)
    close(Mixture()(policy(LOGP), data).exp(), [[0.9 / 0.45, 0.5 / 0.6, 0.1 / 0.36], [1.8, 1.0, 0.5]])
    close(Mixture(inserted=0.25)(policy(LOGP), data)[0, 1].exp(), 0.5 / 0.45)
    torch.testing.assert_close(Mixture(alpha=0.0)(policy(LOGP), data), Token()(policy(LOGP), data))


def test_mixture_of_a_prefix_that_is_known_to_be_wrong():
    # two shared tokens, error rate .25: mu = old / .25^(1/2) = 2 old, so old' = (.8 + .4) old; the third was drawn by old
    data = step(behaviour=OLD, known=[[1, 1, 1]] * 2, common_prefix=[2, 0])
    close(Mixture(error_rate=0.25)(policy(LOGP), data).exp(), [[1.8 / 1.2, 1.0 / 1.2, 0.5], [1.8, 1.0, 0.5]])


@pytest.mark.parametrize("length", [1, 7, 4000])
@pytest.mark.parametrize("nats", [-500.0, -1e-3, 0.7, 500.0])
@pytest.mark.parametrize("ratio", [RlPlus(), Mixture(), Mixture(error_rate=0.5)], ids=repr)
def test_ratios_agree_with_float64(ratio, length, nats):
    noise = np.random.default_rng(length).uniform(0, 1, (3, length))
    start = -501.0 if nats > 0 else -1.0
    old, now, mu = ((start + x - noise[i]).astype(np.float32) for i, x in enumerate((0.0, nats, -nats if nats < 0 else -1.0)))
    mu = np.minimum(mu, 0)
    prefix = length // 2
    data = batch([[True] * length], old=[old.tolist()], behaviour=[mu.tolist()], known=[[True] * length], origin=[GIVEN],
                 common_prefix=[prefix], dtype=torch.float32)
    found = ratio(Policy(torch.tensor(now)[None]), data)[0]
    o, n, m = (x.astype(np.float64) for x in (old, now, mu))
    if isinstance(ratio, RlPlus):
        below = np.log1p(3 * np.exp(o)) - 2 * log(2)
    else:
        m = np.where(np.arange(length) < prefix, o - log(ratio.error_rate) / max(prefix, 1), m)
        below = np.logaddexp(o + log(0.8), m + log(0.2))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), n - below, rtol=2e-7, atol=1e-9)


def test_a_ratio_by_origin_takes_each_where_it_belongs():
    data, now = step(behaviour=[[-1.0] * 3] * 2, known=ALL), policy(LOGP)
    found = RatioByOrigin(base=Token(), other=Behaviour())(now, data)
    close(found, [Behaviour()(now, data)[0].tolist(), Token()(now, data)[1].tolist()])
    close(gradient(found.sum(), now.logp), [[1.0] * 3] * 2)
    assert RatioByOrigin(other=Behaviour()).needs == {"old", "behaviour"} and RatioByOrigin(other=OnPolicy()).narrows == {}


ADVANTAGE = [[2.0, 2.0, 2.0], [-1.0, -1.0, -1.0]]


def test_shaped_by_hand():
    # p / (p + .1) and its slope by log p, .1 p / (p + .1)^2
    now, data = policy(LOGP), step(advantage=ADVANTAGE)
    loss = Shaped()(now.logp - data.old, now, data)
    close(loss, [[-1.8, -1.0 / 0.6, -1.0], [0.9, 0.5 / 0.6, 0.5]])
    close(gradient(loss.sum(), now.logp), [[-0.18, -0.1 / 0.36, -0.5], [0.09, 0.05 / 0.36, 0.25]])


def test_shaped_of_the_ratio_and_of_whole_responses():
    now, data = policy(LOGP), step(advantage=[[1.0] * 3] * 2)
    ratio = tensor([[1.0, 0.1, 3.0]] * 2).log()
    close(-Shaped(of="ratio")(ratio, now, data)[0], [1 / 1.1, 0.5, 3 / 3.1])
    product = 0.9 * 0.5 * 0.1
    close(-Shaped(level="sequence")(ratio, now, data)[0], [product / (product + 0.1)] * 3)
    mean = product ** (1 / 3)
    close(-Shaped(level="geometric")(ratio, now, data)[0], [mean / (mean + 0.1)] * 3)


@pytest.mark.parametrize("level", ["token", "geometric", "sequence"])
@pytest.mark.parametrize("length", [1, 7, 4000])
@pytest.mark.parametrize("nats", [-500.0, -20.0, -1e-3, 500.0])
def test_shaped_agrees_with_float64(level, length, nats):
    x = (nats / length + np.random.default_rng(length).uniform(-0.01, 0, length)).astype(np.float32)
    data = batch([[True] * length], advantage=[[1.5] * length], origin=[GIVEN], dtype=torch.float32)
    leaf = torch.tensor(x)[None].requires_grad_()
    loss = Shaped(of="ratio", level=level)(leaf, Policy(torch.zeros(1, length)), data).expand(1, length)
    exact = x.astype(np.float64)
    exact = {"token": exact, "geometric": exact.mean(), "sequence": exact.sum()}[level]
    f = 1 / (1 + np.exp(np.clip(log(0.1) - exact, -700, 700)))
    np.testing.assert_allclose(loss[0].detach().numpy(), np.broadcast_to(-1.5 * f, length), rtol=1e-6, atol=1e-38)
    slope = gradient(loss.sum(), leaf)[0]
    each = {"token": 1, "geometric": 1, "sequence": length}[level]
    np.testing.assert_allclose(slope.numpy(), np.broadcast_to(-1.5 * f * (1 - f) * each, length), rtol=2e-6, atol=1e-37)


def test_log_likelihood_by_hand():
    now, data = policy(LOGP), step(advantage=ADVANTAGE)
    loss = LogLikelihood(tau=1.0)(now.logp - data.old, now, data)
    close(loss, [[-x for x in LOGP[0]], [x / 2 for x in LOGP[1]]])
    close(gradient(loss.sum(), now.logp), [[-1.0] * 3, [0.5] * 3])


def test_a_surrogate_by_origin_keeps_the_clip_of_sampled_rows():
    now, data = policy(LOGP), step(advantage=ADVANTAGE)
    log_ratio = now.logp - data.old
    found = ByOrigin()(log_ratio, now, data)
    close(found, [Shaped()(log_ratio, now, data)[0].tolist(), Clip()(log_ratio, now, data)[1].tolist()])


@pytest.mark.parametrize("piece", [ByOrigin(), ByOrigin(base=Unbounded(), other=Unbounded()), Shaped(of="ratio"),
                                   LogLikelihood()], ids=repr)
@pytest.mark.parametrize("advantage", [1e3, -1e3])
def test_finite_in_float32_at_500_nats(piece, advantage):
    log_ratio = torch.tensor([[-500.0, 0.0, 500.0]] * 2, requires_grad=True)
    data = batch(ALL, origin=[GIVEN, SAMPLED], advantage=[[advantage] * 3] * 2, dtype=torch.float32)
    now = Policy(torch.tensor([[-500.0, -1.0, 0.0]] * 2, requires_grad=True))
    loss = piece(log_ratio, now, data)
    assert loss.isfinite().all()
    for leaf in (log_ratio, now.logp):
        assert gradient(loss.sum(), leaf).isfinite().all()


@dataclass(frozen=True)
class Steep(Surrogate):
    """Its slope is infinite at a log ratio of 500."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, log_ratio, policy, batch):
        return -batch.advantage * (500 - log_ratio).sqrt()


def test_a_surrogate_by_origin_is_not_shown_the_other_rows_ratios():
    log_ratio = torch.tensor([[500.0] * 3, [0.0] * 3], requires_grad=True)
    data = batch(ALL, origin=[GIVEN, SAMPLED], advantage=[[1.0] * 3] * 2, dtype=torch.float32)
    now = Policy(torch.full((2, 3), -1.0, requires_grad=True))
    loss = ByOrigin(base=Steep())(log_ratio, now, data)
    assert gradient(loss.sum(), log_ratio).isfinite().all() and gradient(loss.sum(), log_ratio)[1].all()


def test_imitation_by_hand():
    now = policy(LOGP)
    loss = Imitation(coefficient=0.5)(now, step())
    close(loss, [[-0.5 * x for x in LOGP[0]], [0.0] * 3])
    close(gradient(loss.sum(), now.logp), [[-0.5] * 3, [0.0] * 3])


def zero_variance(reward, advantage, origin=(SAMPLED, SAMPLED)):
    data = step(reward=list(reward), advantage=advantage, origin=origin)
    now = policy(OLD, entropy=[[1.0, 3.0, 2.0]] * 2)  # on-policy: the ratio is 1 and the gradient is -A
    return gradient(ZeroVariance(coefficient=0.1)(now, data).sum(), now.logp), now


def test_zero_variance_praises_by_entropy_and_blames_by_its_lack():
    slope, _ = zero_variance((1.0, 0.0), [[0.0] * 3] * 2)
    close(slope, [[-0.1, -0.3, -0.2], [0.2, 0.0, 0.1]])


def test_zero_variance_leaves_rows_with_an_advantage_and_other_origins_alone():
    assert (zero_variance((1.0, 0.0), [[0.0, 0.0, 0.5], [-1.0] * 3])[0] == 0).all()
    assert (zero_variance((1.0, 0.0), [[0.0] * 3] * 2, origin=(GIVEN, CORRECTED))[0] == 0).all()


def test_zero_variance_does_not_train_the_entropy():
    data, now = step(reward=[1.0, 0.0], advantage=[[0.0] * 3] * 2), policy(LOGP, entropy=[[1.0, 3.0, 2.0]] * 2)
    assert (gradient(ZeroVariance()(now, data).sum(), now.entropy) == 0).all()


def test_zero_variance_takes_the_maximum_over_trained_tokens():
    data = batch([[1, 0, 1]], [[1, 1, 1]], old=[[0.0] * 3], reward=[0.0], advantage=[[0.0] * 3])
    now = policy([[0.0] * 3], entropy=[[1.0, 9.0, 2.0]])
    close(gradient(ZeroVariance(coefficient=1.0)(now, data).sum(), now.logp), [[1.0, 0.0, 0.0]])


@pytest.mark.parametrize("wrong", [
    lambda: RlPlus(share=1.5), lambda: Mixture(alpha=1.0), lambda: Mixture(inserted=0.0), lambda: Mixture(error_rate=0.0),
    lambda: RatioByOrigin(origins=("other",)), lambda: Shaped(gamma=-1.0), lambda: Shaped(of="policy"),
    lambda: LogLikelihood(tau=-1.0), lambda: ByOrigin(origins=()), lambda: Imitation(coefficient=-1.0),
    lambda: ZeroVariance(solved_at=float("nan"))])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"\.(share|alpha|inserted|error_rate|origins|gamma|of|tau|coefficient|solved_at) is "):
        wrong()


def test_a_surrogate_by_origin_may_leave_rows_without_a_parent_to_the_other():
    data = step(advantage=ADVANTAGE, origin=[CORRECTED, CORRECTED], parent_mask=[[1], [0]], parent_tokens=[[1], [0]])
    now = policy(LOGP)
    log_ratio = now.logp - data.old
    found = ByOrigin(with_parent=True)(log_ratio, now, data)
    close(found, [Shaped()(log_ratio, now, data)[0].tolist(), Clip()(log_ratio, now, data)[1].tolist()])
    close(ByOrigin()(log_ratio, now, data), Shaped()(log_ratio, now, data).tolist())
    with pytest.raises(UserError, match=r"\.with_parent is"):
        ByOrigin(with_parent=1)


def test_a_tau_is_named_as_what_it_is_not():
    assert "reinforce_at_ratio_one" in LogLikelihood(tau=1.0).narrows and not LogLikelihood().narrows
