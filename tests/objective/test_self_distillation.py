"""Self-distillation: numbers by hand, who is taught, and SDPO's loss as TRL has it."""

from dataclasses import replace
from math import log

import pytest
import torch
from torch.testing import assert_close

from rfpo.batch import collate
from rfpo.errors import UserError
from rfpo.objective import Objective
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.detached_cap import DetachedCap
from rfpo.objective.surrogate.self_distillation import SelfDistillation
from tests.engines.build import sample
from tests.objective.build import batch, close, gradient, policy, tensor


def scene(teacher=((-1.0, -3.0), (-2.0, -2.0)), advantage=((1.0, 1.0), (1.0, 1.0)), taught=(True, True), **columns):
    """Two rows of two tokens; the first costs the student 2 nats a token."""
    data = batch(((1, 1), (1, 1)), advantage=advantage, teacher=teacher, **columns)
    return replace(data, teacher_contexts=((1,), (1, 2)), teacher_context=torch.tensor(taught).long())


LOGP = [[-2.0, -2.0], [-2.0, -2.0]]


def loss_of(surrogate, data, ratio=1.0, logp=LOGP):
    """Loss, and its derivative by the log-probs."""
    now = policy(logp)
    log_ratio = now.logp - now.logp.detach() + log(ratio)
    loss = surrogate(log_ratio, now, data)
    return loss, gradient(loss.sum(), now.logp)


def test_the_drawn_tokens_by_hand():
    """d is 1 and -1 in the first row, 0 in the second, where the teacher agrees."""
    loss, slope = loss_of(SelfDistillation(), scene())
    close(loss, [[2.0, -2.0], [0.0, 0.0]])
    close(slope, [[-1.0, 1.0], [0.0, 0.0]])


def test_the_ratio_is_bounded_and_detached():
    assert SelfDistillation().inner == DetachedCap(cap=2.0)
    close(loss_of(SelfDistillation(), scene(), ratio=1.5)[1], [[-1.5, 1.5], [0.0, 0.0]])
    close(loss_of(SelfDistillation(), scene(), ratio=9.0)[1], [[-2.0, 2.0], [0.0, 0.0]])
    close(loss_of(SelfDistillation(inner=DetachedCap(cap=3.0)), scene(), ratio=9.0)[1], [[-3.0, 3.0], [0.0, 0.0]])


def test_limit_bounds_what_one_token_may_teach():
    data = scene(teacher=((-1.0, -30.0), (0.0, -2.5)))
    close(loss_of(SelfDistillation(limit=1.5), data)[1], [[-1.0, 1.5], [-1.5, 0.5]])
    close(loss_of(SelfDistillation(), data)[1], [[-1.0, 28.0], [-2.0, 0.5]])


def test_openclaws_advantage_in_ppos_clip():
    """Against the old log-probs, of -3, d is 2 and 0; with the task's own advantage of 1 it is 0.5 * 2 + 0.25 and 0.25."""
    piece = SelfDistillation(inner=Clip(), student="old", weight=0.5, task=0.25)
    data = scene(old=[[-3.0, -3.0], [-2.0, -2.0]])
    close(loss_of(piece, data)[0], [[-1.25, -0.25], [-0.25, -0.25]])
    close(loss_of(piece, data, ratio=1.5)[0], [[-1.5, -0.3], [-0.3, -0.3]])
    close(loss_of(piece, data, ratio=1.5)[1], [[0.0, 0.0], [0.0, 0.0]])
    assert piece.needs == {"teacher", "old"} and SelfDistillation().needs == {"teacher"}


def test_a_row_without_a_teacher_is_not_taught():
    teacher = ((-1.0, -3.0), (-1.0, -3.0))
    close(loss_of(SelfDistillation(), scene(teacher, taught=(False, True)))[1], [[0.0, 0.0], [-1.0, 1.0]])
    close(loss_of(SelfDistillation(task=0.5), scene(teacher, taught=(False, True)))[1], [[-0.5, -0.5], [-1.5, 0.5]])


def test_a_row_without_an_advantage_is_not_taught():
    data = scene(((-1.0, -3.0), (-1.0, -3.0)), advantage=((1.0, 0.0), (0.0, -2.0)))
    close(loss_of(SelfDistillation(), data)[1], [[-1.0, 0.0], [0.0, 1.0]])


def test_who_has_a_teacher():
    rows = collate([sample(), sample(teacher_context=(3, 4, 9)), sample(teacher_context=(3, 4))], 8)
    assert rows.taught.tolist() == [False, True, False]
    assert replace(rows, teacher_context=None).taught.tolist() == [False] * 3
    assert rows.rows(torch.tensor([1, 0])).taught.tolist() == [True, False]


def test_its_gradient_is_that_of_the_reverse_kl_in_expectation():
    """Over the draws of a distribution of three tokens: sum_v p_v (log p_v - log q_v) d log p_v is the gradient of KL(p||q)."""
    theta, teacher = tensor([0.3, -0.5, 1.0]).requires_grad_(), tensor([0.6, 0.3, 0.1]).log()
    logp = theta.log_softmax(-1)
    kl = (logp.exp() * (logp - teacher)).sum()
    total = tensor(0.0)
    for token in range(3):
        data = scene(teacher=((teacher[token].item(), 0.0), (0.0, 0.0)), taught=(True, False))
        now = replace(policy(LOGP), logp=torch.stack([torch.stack([logp[token], tensor(0.0)]), tensor([0.0, 0.0])]))
        total = total + logp[token].detach().exp() * SelfDistillation()(torch.zeros(2, 2).double(), now, data)[0, 0]
    assert_close(gradient(total, theta), gradient(kl, theta))


def test_sdpos_sampled_loss_is_that_of_trl():
    losses = pytest.importorskip("trl.experimental.sdpo.loss_utils")
    noise = torch.Generator().manual_seed(0)
    student, teacher, old = (torch.randn(2, 3, 6, generator=noise, dtype=torch.float64) for _ in range(3))
    tokens = torch.randint(6, (2, 3), generator=noise)
    student.requires_grad_()
    drawn = {name: x.log_softmax(-1).gather(-1, tokens[..., None])[..., 0] for name, x in
             (("now", student), ("teacher", teacher), ("old", old))}
    theirs = losses.compute_sampled_token_self_distillation_loss(student, teacher, tokens, distillation_alpha=1.0)
    theirs = losses.apply_importance_sampling_clipping(theirs, drawn["now"], drawn["old"], 2.0).mean()
    data = batch(((1, 1, 1), (1, 1, 1)), teacher=drawn["teacher"].tolist(), old=drawn["old"].tolist())
    data = replace(data, teacher_contexts=((1, 2),), teacher_context=torch.tensor([0, 0]))
    objective = Objective(advantage=Constant(), ratio=Token(), surrogate=SelfDistillation(), aggregation=TokenMean())
    mine = objective(replace(policy(LOGP), logp=drawn["now"]), objective.with_advantages(data))
    assert_close(mine, theirs)
    assert_close(gradient(mine, student), gradient(theirs, student))


@pytest.mark.parametrize("field, value", [("limit", 0.0), ("student", "new"), ("weight", float("inf"))])
def test_bad_values(field, value):
    with pytest.raises(UserError, match=f"SelfDistillation.{field} is"):
        SelfDistillation(**{field: value})
