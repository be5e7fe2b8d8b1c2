"""Weights of rows that the policy did not sample for the prompt: numbers by hand, float64 references, whose rows they touch."""

from dataclasses import replace
from math import exp, inf, log

import numpy as np
import pytest
import torch

from rfpo.batch import ORIGINS
from rfpo.errors import UserError
from rfpo.objective import Objective, Policy
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.sequence_sum import SequenceSum
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.surrogate.shaped import Shaped as ShapedSurrogate
from rfpo.objective.surrogate.unbounded import Unbounded
from rfpo.objective.weight.affinity import Affinity
from rfpo.objective.weight.certainty import Certainty
from rfpo.objective.weight.fixed import Fixed
from rfpo.objective.weight.importance import Importance
from rfpo.objective.weight.logp_floor import LogpFloor
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.objective.weight.probability_product import ProbabilityProduct
from rfpo.objective.weight.reliance import Reliance
from rfpo.objective.weight.shaped import Shaped
from tests.objective.build import batch, close, gradient, policy, tensor

SAMPLED, CORRECTED, GIVEN, REPLAYED = range(4)
ALL = [[1, 1, 1], [1, 1, 0]]
PIECES = [Fixed(), Importance(), Shaped(), ProbabilityProduct(), Certainty(), LogpFloor(floor=-0.5), Reliance(), Affinity()]


def step(old, behaviour=None, known=None, origin=(CORRECTED, SAMPLED), mask=ALL, **columns):
    behaviour = behaviour or [[0.0] * len(row) for row in mask]
    return batch(mask, old=old, behaviour=behaviour, known=known or mask, origin=list(origin), **columns)


def weighted(weight):
    """REINFORCE with this weight."""
    return Objective(advantage=Constant(), ratio=OnPolicy(), surrogate=Unbounded(), aggregation=SequenceSum(),
                     weights=(weight,))


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: type(piece).__name__)
@pytest.mark.parametrize("origin", range(4), ids=ORIGINS)
def test_a_weight_acts_on_the_rows_of_its_origins_only(piece, origin):
    data = step([[-1.0, -1.0, -1.2], [-1.0, -1.0, -1.2]], [[-0.4, -0.9, -1.1]] * 2, origin=(origin, origin))
    now = policy([[-1.0, -2.0, -3.0]] * 2, entropy=[[1.0, 2.0, 3.0]] * 2)
    acts = (piece.log(now.detach(), data) != 0).any().item()
    assert acts == (ORIGINS[origin] in piece.origins) == (origin != SAMPLED)


def test_fixed_by_hand():
    data, now = step([[0.0] * 3] * 2), policy([[0.0] * 3] * 2)
    close(Fixed(factor=0.25).log(now, data).exp(), [[0.25], [1.0]])
    assert Fixed(factor=0.0).log(now, data)[:, 0].tolist() == [-inf, 0.0]


# log pi_old - log mu is 1, -2, 3 in the row; the third token's mu is unknown in KNOWN_TWO
OLD, MU = [[-1.0, -4.0, -1.0], [-1.0, -1.0, 0.0]], [[-2.0, -2.0, -4.0], [-3.0, -3.0, 0.0]]
KNOWN_TWO = [[1, 1, 0], [1, 1, 0]]


@pytest.mark.parametrize("fields, log_weight", [
    ({}, [1.0, -2.0, 3.0]), ({"cap": 2.0, "floor": 0.5}, [log(2), -log(2), log(2)]), ({"limit": 1.5}, [1.0, -1.5, 1.5]),
    ({"level": "sequence"}, [2.0] * 3), ({"level": "geometric"}, [2 / 3] * 3),
    ({"level": "sequence", "cap": 3.0}, [log(3)] * 3)])
def test_importance_by_hand(fields, log_weight):
    found = Importance(**fields).log(policy([[0.0] * 3] * 2), step(OLD, MU)).expand(2, 3)
    close(found, [log_weight, [0.0, 0.0, 0.0]])


def test_importance_without_a_known_mu_is_one_and_sums_what_is_known():
    now = policy([[0.0] * 3] * 2)
    close(Importance().log(now, step(OLD, MU, KNOWN_TWO)), [[1.0, -2.0, 0.0], [0.0] * 3])
    close(Importance(level="sequence").log(now, step(OLD, MU, KNOWN_TWO)), [[-1.0], [0.0]])
    for level in ("token", "sequence", "geometric"):
        assert (Importance(level=level).log(now, step(OLD, MU, [[0] * 3] * 2)) == 0).all()


def test_importance_snapshots():
    data, now = step(OLD, MU, update=[[-2.5] * 3] * 2), policy([[-2.25] * 3] * 2)
    close(Importance(snapshot="update").log(now, data)[0], [-0.5, -0.5, 1.5])
    close(Importance(snapshot="current").log(now, data)[0], [-0.25, -0.25, 1.75])
    assert Importance(snapshot="current").needs == {"behaviour"} and Importance().needs == {"behaviour", "old"}


LENGTHS, NATS = [1, 7, 4000], [-500.0, -1e-3, 0.7, 500.0]


@pytest.mark.parametrize("level", ["token", "sequence", "geometric"])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("nats", NATS)
def test_importance_agrees_with_float64(level, length, nats):
    noise = np.random.default_rng(length).uniform(-1, 1, (2, length))
    old = (-600 / length + noise[0]).astype(np.float32)
    mu = (old - nats / length + noise[1] * 1e-3).astype(np.float32)
    gap = old.astype(np.float64) - mu.astype(np.float64)
    exact = {"token": gap, "sequence": gap.sum()[None], "geometric": gap.mean()[None]}[level].clip(-80, 80)
    data = batch([[True] * length], old=[old.tolist()], behaviour=[mu.tolist()], known=[[True] * length], origin=[GIVEN],
                 dtype=torch.float32)
    found = Importance(level=level, limit=80.0).log(Policy(data.old), data)
    assert found.dtype == torch.float32 and found.exp().isfinite().all()
    np.testing.assert_allclose(found[0].numpy(), exact, rtol=2e-7, atol=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("nats", NATS)
def test_reliance_agrees_with_float64(length, nats):
    noise = np.random.default_rng(length).uniform(-1, 1, (2, length))
    old = (-600 / length + noise[0]).astype(np.float32)
    mu = (old - nats / length + noise[1] * 1e-3).astype(np.float32)
    delta = (old.astype(np.float64) - mu.astype(np.float64)).mean()
    data = batch([[True] * length], old=[old.tolist()], behaviour=[mu.tolist()], known=[[True] * length], origin=[CORRECTED],
                 dtype=torch.float32)
    found = Reliance(temperature=0.3).log(Policy(data.old), data)
    assert found.item() == pytest.approx(min(delta, 0) / 0.3, rel=2e-7, abs=1e-12) and found.exp().isfinite().all()


def test_reliance_by_hand():
    # mean of 1, -2, 3 is 2/3: no more than weight 1. Of the first two -1/2
    now = policy([[0.0] * 3] * 2)
    close(Reliance().log(now, step(OLD, MU)), [[0.0], [0.0]])
    close(Reliance(temperature=0.25).log(now, step(OLD, MU, KNOWN_TWO)), [[-2.0], [0.0]])
    assert (Reliance().log(now, step(OLD, MU, [[0] * 3] * 2)) == 0).all()


def test_shaped_is_the_table_of_multipliers():
    p = [0.9, 0.1, 0.001]  # gamma p / (p + gamma)^2
    found = Shaped().log(Policy(tensor([p, p]).log()), step([[0.0] * 3] * 2)).exp()
    close(found, [[0.09, 0.25, 1e-4 / 0.101**2], [1.0] * 3])


def test_shaped_weight_and_shaped_surrogate_have_one_gradient():
    data, logp = step([[0.0] * 3] * 2, origin=(GIVEN, GIVEN)), [[-0.1, -2.0, -9.0], [-30.0, -500.0, 0.0]]
    slopes = []
    for objective in (weighted(Shaped()), replace(weighted(Shaped()), surrogate=ShapedSurrogate(), weights=())):
        now = policy(logp)
        slopes.append(gradient(objective(now, objective.with_advantages(data)), now.logp))
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=0)
    assert (slopes[0][data.mask] != 0).all()


@pytest.mark.parametrize("own, rest", [(1.0, 1.0), (0.0, 0.5), (1.0, 0.0), (0.5, 0.0)])
def test_probability_product_by_hand(own, rest):
    p = tensor([[0.9, 0.5, 0.1]] * 2)
    found = ProbabilityProduct(own=own, rest=rest).log(Policy(p.log()), step([[0.0] * 3] * 2)).exp()
    close(found, [(p[0] ** own * (1 - p[0]) ** rest).tolist(), [1.0] * 3])


def test_probability_product_keeps_its_digits_at_both_ends():
    logp = [-1e-12, -1e-4, -0.6931, -40.0, -500.0]
    data = batch([[1] * 5], origin=[GIVEN], dtype=torch.float32)
    found = ProbabilityProduct().log(Policy(torch.tensor([logp])), data)[0].double().numpy()
    x = np.float64(np.float32(logp))
    np.testing.assert_allclose(found, x + np.log(-np.expm1(x)), rtol=2e-7)
    sure = ProbabilityProduct().log(Policy(torch.zeros(1, 5)), data)
    assert (sure == -inf).all() and (ProbabilityProduct(rest=0.0).log(Policy(torch.zeros(1, 5)), data) == 0).all()


def test_certainty_by_hand():
    data = step([[0.0] * 3] * 2, origin=(GIVEN, GIVEN))
    now = Policy(tensor([[0.0] * 3] * 2), tensor([[1.0, 2.0, 6.0], [1.0, 2.0, 9.0]]))
    close(Certainty(scale=0.5).log(now, data).exp(), [[0.5 * exp(-3)], [0.5 * exp(-1.5)]])
    close(Certainty(exponent=1.0).log(now, data).exp(), [[exp(3)], [exp(1.5)]])
    close(Certainty(level="token").log(now, data), [[-1.0, -2.0, -6.0], [-1.0, -2.0, -9.0]])


def test_certainty_of_praised_tokens_alone():
    data = step([[0.0] * 3] * 3, origin=(SAMPLED, SAMPLED, GIVEN), advantage=[[1.0, 0.0, -1.0], [-1.0] * 3, [1.0] * 3],
                mask=[[1] * 3] * 3)
    now = Policy(tensor([[0.0] * 3] * 3), tensor([[1.0, 2.0, 6.0]] * 3))
    found = Certainty(exponent=1.0, scale=0.1, origins=("sampled",), praised=True).log(now, data).exp()
    close(found, [[0.1 * exp(3), 1.0, 1.0], [1.0] * 3, [1.0] * 3])


def test_logp_floor_by_hand():
    data, now = step([[-5.5, -5.0, -1.0], [-9.0] * 3]), policy([[-4.0, -6.0, -1.0], [-9.0] * 3])
    assert LogpFloor().log(now, data).tolist() == [[0.0, -inf, 0.0], [0.0] * 3]
    assert LogpFloor(snapshot="old").log(now, data).tolist() == [[-inf, 0.0, 0.0], [0.0] * 3]


def test_affinity_by_hand():
    # log r .1, -.1, 1: two of three in the band; standard deviation .1; tau = log(1.2) / 2
    data = step([[-1.0, -1.0, -1.0]] * 2, [[-1.1, -0.9, -2.0]] * 2)
    now = policy([[-1.0 + 0.1, -1.0, -1.0]] * 2)
    close(Affinity().log(now, data), [[log(2 / 3) - 0.1 / (log(1.2) / 2)], [0.0]])
    close(Affinity(tau=0.5, power=2.0).log(now, data), [[2 * (log(2 / 3) - 0.2)], [0.0]])
    # drift: log r .1, 0, 0, all in the band; variance .02 / 9
    close(Affinity(of="drift", tau=1.0).log(now, data), [[-((0.02 / 9) ** 0.5)], [0.0]])


def test_affinity_of_nothing_counted_is_one_and_of_nothing_in_the_band_zero():
    now = policy([[0.0] * 3] * 2)
    assert (Affinity().log(now, step(OLD, MU, [[0] * 3] * 2)) == 0).all()
    assert Affinity().log(now, step([[-500.0] * 3] * 2, [[-1.0] * 3] * 2))[:, 0].tolist() == [-inf, 0.0]
    assert Affinity().log(now, step([[-1.0] * 3] * 2, [[-500.0] * 3] * 2))[:, 0].tolist() == [-inf, 0.0]


@pytest.mark.parametrize("length", LENGTHS)
def test_affinity_agrees_with_float64(length):
    noise = np.random.default_rng(length).uniform(-0.15, 0.15, length)
    old = np.full(length, -3.0, np.float32)
    mu = (old - noise).astype(np.float32)
    mu[1::3] -= 500.0
    gap = old.astype(np.float64) - mu.astype(np.float64)
    inside = gap[np.abs(gap) < 1]
    exact = np.log(len(inside) / length) - inside.std() / (np.log(1.2) / 2)
    data = batch([[True] * length], old=[old.tolist()], behaviour=[mu.tolist()], known=[[True] * length], origin=[GIVEN],
                 dtype=torch.float32)
    assert Affinity().log(Policy(data.old), data).item() == pytest.approx(exact, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("origin", [CORRECTED, GIVEN, REPLAYED])
def test_r_off_is_for_whatever_has_a_parent(origin):
    data = step([[-1.0, -2.0, -6.0], [-1.0, -1.0, 0.0]], origin=(origin, SAMPLED), parent=[[-1.0, -2.0], [0.0, 0.0]],
                parent_mask=[[1, 1], [0, 0]], common_prefix=[1, 0])
    close(OffPolicyRatio(cap=None).log(policy([[0.0] * 3] * 2), data), [[1.5], [0.0]])


@pytest.mark.parametrize("weight", [*PIECES, OffPolicyRatio()], ids=lambda piece: type(piece).__name__)
def test_no_gradient_reaches_a_column_or_doubles_the_policys(weight):
    """With ratio on_policy the gradient is w times REINFORCE's; nothing flows to old, behaviour or the parent."""
    data = step([[-1.0, -1.0, -1.2], [-1.0, -1.0, -1.2]], [[-0.95, -0.9, -1.1]] * 2, parent=[[-1.0, -2.0], [0.0, 0.0]],
                parent_mask=[[1, 1], [0, 0]], common_prefix=[1, 0])
    for column in (data.old, data.behaviour, data.parent):
        column.requires_grad_()
    now = policy([[-1.0, -2.0, -3.0]] * 2, entropy=[[1.0, 2.0, 3.0]] * 2)
    objective = weighted(weight)
    loss = objective(now, objective.with_advantages(data))
    expected = -weight.log(now.detach(), data).exp().expand(2, 3) * data.mask / 2
    torch.testing.assert_close(gradient(loss, now.logp), expected.detach())
    for leaf in (data.old, data.behaviour, data.parent, now.entropy):
        assert (gradient(loss, leaf) == 0).all()


@pytest.mark.parametrize("weight", [Importance(), Importance(level="sequence"), Shaped(), ProbabilityProduct(), LogpFloor(),
                                    Reliance(), Affinity(), Certainty()], ids=repr)
@pytest.mark.parametrize("nats", [-500.0, 500.0])
@pytest.mark.parametrize("length", [1, 4000])
def test_finite_in_float32_at_500_nats_a_token(weight, nats, length):
    old = [[-500.0 if nats < 0 else -1e-6] * length]
    mu = [[old[0][0] - nats] * length]
    data = batch([[1] * length], old=old, behaviour=mu, known=[[1] * length], origin=[GIVEN], dtype=torch.float32)
    now = Policy(data.old.clone().requires_grad_(), torch.full((1, length), 12.0))
    objective = weighted(weight)
    loss = objective(now, objective.with_advantages(data))
    assert loss.isfinite() and gradient(loss, now.logp).isfinite().all()


@pytest.mark.parametrize("wrong", [
    lambda: Fixed(factor=-1.0), lambda: Fixed(origins=()), lambda: Fixed(origins=("guided",)), lambda: Fixed(origins="given"),
    lambda: Importance(level="row"), lambda: Importance(cap=0.5), lambda: Importance(limit=100.0), lambda: Shaped(gamma=0.0),
    lambda: ProbabilityProduct(own=-1.0), lambda: Certainty(scale=0.0), lambda: LogpFloor(floor=0.0),
    lambda: Reliance(temperature=0.0), lambda: Affinity(band=1.0), lambda: Affinity(of="group")])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"\.(factor|origins|level|cap|limit|gamma|own|scale|floor|temperature|band|of) is "):
        wrong()
