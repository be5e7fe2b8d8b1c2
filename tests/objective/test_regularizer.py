from math import exp

import pytest
import torch

from rfpo.errors import UserError
from rfpo.objective import Policy
from rfpo.objective.regularizer.entropy_bonus import EntropyBonus
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from tests.objective.build import batch, close, gradient, policy, tensor

MASK = ((1, 1, 1), (1, 0, 0))
# x = logp - reference is 1, 0, -2 in the first row, .5 in the second
LOGP, REFERENCE = [[-1.0, -2.0, -3.0], [-0.5, 0.0, 0.0]], [[-2.0, -2.0, -1.0], [-1.0, 0.0, 0.0]]


@pytest.mark.parametrize("estimator, values, slopes", [
    ("k1", [[1, 0, -2], [0.5, 0, 0]], [[1, 1, 1], [1, 0, 0]]),
    ("k2", [[0.5, 0, 2], [0.125, 0, 0]], [[1, 0, -2], [0.5, 0, 0]]),
    ("k3", [[exp(-1), 0, exp(2) - 3], [exp(-0.5) - 0.5, 0, 0]], [[1 - exp(-1), 0, 1 - exp(2)], [1 - exp(-0.5), 0, 0]])])
def test_kl_by_hand(estimator, values, slopes):
    now = policy(LOGP)
    loss = KlToReference(coefficient=2.0, estimator=estimator)(now, batch(MASK, reference=REFERENCE))
    close(loss, [[2 * v for v in row] for row in values])
    close(gradient(loss.sum(), now.logp), [[2 * v for v in row] for row in slopes])


def expected_gradient(estimator, logits, reference):
    """E over y ~ pi of the gradient of the estimator as a loss, summed over the whole vocabulary: no sampling noise."""
    logp = logits.log_softmax(-1)
    data = batch(((1,) * 4,), reference=[reference.tolist()])
    loss = KlToReference(coefficient=1.0, estimator=estimator)(Policy(logp[None]), data)
    return torch.autograd.grad((logp.exp().detach() * loss[0]).sum(), logits, retain_graph=True)[0]


def test_which_divergence_each_estimator_descends():
    logits = tensor([0.3, -1.0, 0.7, 0.1]).requires_grad_()
    reference = tensor([0.5, 0.2, -0.4, 0.0]).log_softmax(-1)
    logp = logits.log_softmax(-1)
    reverse = torch.autograd.grad((logp.exp() * (logp - reference)).sum(), logits, retain_graph=True)[0]
    forward = torch.autograd.grad((reference.exp() * (reference - logp)).sum(), logits)[0]
    torch.testing.assert_close(expected_gradient("k1", logits, reference), torch.zeros(4).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(expected_gradient("k2", logits, reference), reverse)
    torch.testing.assert_close(expected_gradient("k3", logits, reference), forward)
    assert not torch.allclose(reverse, forward, rtol=1e-2)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_kl_is_finite_in_float32_at_500_nats(estimator):
    logp = torch.tensor([[-500.0, 0.0, 500.0]], requires_grad=True)
    loss = KlToReference(estimator=estimator)(Policy(logp),
                                              batch(((1, 1, 1),), reference=[[0.0] * 3], dtype=torch.float32))
    assert torch.isfinite(loss).all() and torch.isfinite(gradient(loss.sum(), logp)).all()


def test_entropy_by_hand():
    now = policy(LOGP, entropy=[[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]])
    loss = EntropyBonus(coefficient=0.5)(now, batch(MASK))
    close(loss, [[-0.5, -1.0, -1.5], [-2.0, 0.0, 0.0]])
    close(gradient(loss.sum(), now.entropy), [[-0.5] * 3] * 2)


@pytest.mark.parametrize("wrong", [lambda: KlToReference(coefficient=-1), lambda: KlToReference(estimator="k4"),
                                   lambda: EntropyBonus(coefficient=float("nan"))])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"coefficient|estimator"):
        wrong()
