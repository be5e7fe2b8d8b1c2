from dataclasses import dataclass
from math import exp, log
from typing import ClassVar

import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective.slots import Weight
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.clip_times_weight import ClipTimesWeight
from rfpo.objective.surrogate.detached_cap import DetachedCap
from rfpo.objective.surrogate.unbounded import Unbounded
from tests.objective.build import batch, close, gradient, policy, tensor

RATIOS = [[0.5, 1.1, 4.0], [0.5, 1.1, 4.0]]
DATA = batch(((1, 1, 1), (1, 1, 1)), advantage=[[2.0, 2.0, 2.0], [-1.0, -1.0, -1.0]])


@dataclass(frozen=True)
class Fixed(Weight):
    """The same weight for every row."""

    weight: float = 1.0
    needs: ClassVar[frozenset[str]] = frozenset()

    def log(self, policy, batch):
        return torch.full_like(policy.logp[:, :1], log(self.weight) if self.weight else float("-inf"))


def evaluate(surrogate):
    """Loss, and its derivative by r, on RATIOS."""
    log_ratio = tensor(RATIOS).log().requires_grad_()
    loss = surrogate(log_ratio, policy(RATIOS), DATA)
    return loss, gradient(loss.sum(), log_ratio) / tensor(RATIOS)


def test_clip_by_hand():
    loss, by_ratio = evaluate(Clip())
    close(loss, [[-1.0, -2.2, -2.4], [0.8, 1.1, 4.0]])
    close(by_ratio, [[-2.0, -2.0, 0.0], [0.0, 1.0, 1.0]])


def test_clip_with_separate_bounds():
    loss, by_ratio = evaluate(Clip(low=0.6, high=0.05))
    close(loss, [[-1.0, -2.1, -2.1], [0.5, 1.1, 4.0]])
    close(by_ratio, [[-2.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


def test_dual_clip_bounds_the_punishment_only():
    loss, by_ratio = evaluate(Clip(dual=3.0))
    close(loss, [[-1.0, -2.2, -2.4], [0.8, 1.1, 3.0]])
    close(by_ratio, [[-2.0, -2.0, 0.0], [0.0, 1.0, 0.0]])


def test_unbounded_by_hand():
    loss, by_ratio = evaluate(Unbounded())
    close(loss, [[-1.0, -2.2, -8.0], [0.5, 1.1, 4.0]])
    close(by_ratio, [[-2.0, -2.0, -2.0], [1.0, 1.0, 1.0]])


def test_detached_cap_is_a_weight_on_the_log_probability_of_every_token():
    now, log_ratio = policy([[-1.0, -2.0, -3.0]] * 2), tensor(RATIOS).log().requires_grad_()
    loss = DetachedCap(cap=1.28, floor=0.8)(log_ratio, now, DATA)
    close(loss, [[0.8 * 2, 1.1 * 2 * 2, 1.28 * 2 * 3], [-0.8, -1.1 * 2, -1.28 * 3]])
    close(gradient(loss.sum(), now.logp), [[-1.6, -2.2, -2.56], [0.8, 1.1, 1.28]])
    assert torch.equal(gradient(loss.sum(), log_ratio), torch.zeros(2, 3).double())


def test_clip_times_weight_by_hand():
    # w = 2, so r w is 1, 2.2, 8 and the branches are 2 r A and 2 clip(2 r) A
    loss, by_ratio = evaluate(ClipTimesWeight(weight=Fixed(2.0)))
    close(loss, [[-2.0, -4.4, -4.8], [2.0, 2.4, 8.0]])
    close(by_ratio, [[-4.0, -4.0, 0.0], [4.0, 0.0, 2.0]])


def test_clip_times_weight_of_one_is_clip():
    for mine, plain in zip(evaluate(ClipTimesWeight(weight=Fixed(1.0))), evaluate(Clip()), strict=True):
        torch.testing.assert_close(mine, plain)


def test_clip_times_weight_of_zero_is_nothing():
    for result in evaluate(ClipTimesWeight(weight=Fixed(0.0))):
        assert torch.equal(result, torch.zeros(2, 3).double())


@pytest.mark.parametrize("surrogate", [Clip(), Clip(dual=3.0), Unbounded(), DetachedCap(), ClipTimesWeight(weight=Fixed(1.0))],
                         ids=lambda piece: type(piece).__name__)
def test_at_ratio_one_the_gradient_is_that_of_reinforce(surrogate):
    now = policy([[-1.0, -2.0, -3.0]] * 2)
    loss = surrogate(now.logp - now.logp.detach(), now, DATA)
    close(gradient(loss.sum(), now.logp), [[-2, -2, -2], [1, 1, 1]])


@pytest.mark.parametrize("surrogate", [Clip(), Clip(dual=3.0), Unbounded(), DetachedCap(), ClipTimesWeight(weight=Fixed(1.0))],
                         ids=lambda piece: type(piece).__name__)
def test_finite_in_float32_at_500_nats(surrogate):
    log_ratio = torch.tensor([[-500.0, 0.0, 500.0]] * 2, requires_grad=True)
    loss = surrogate(log_ratio, policy([[0.0] * 3] * 2), batch(((1, 1, 1),) * 2, advantage=[[1.0] * 3, [-1.0] * 3],
                                                               dtype=torch.float32))
    assert torch.isfinite(loss).all() and torch.isfinite(gradient(loss.sum(), log_ratio)).all()
    assert loss.abs().max() <= exp(80) * 1.01


@pytest.mark.parametrize("wrong", [lambda: Clip(low=-0.1), lambda: Clip(high=-0.1), lambda: Clip(dual=1.0),
                                   lambda: DetachedCap(cap=0.2), lambda: DetachedCap(floor=2), lambda: Clip(high="0.2"),
                                   lambda: ClipTimesWeight(low=2)])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"low|high|dual|cap|floor"):
        wrong()
