"""The divergence from a teacher's next-token distribution: numbers by hand, TRL's, and through the real engine."""

from dataclasses import replace
from math import log

import pytest
import torch
from torch.testing import assert_close

from rfpo.batch import collate
from rfpo.engines.local import learning
from rfpo.engines.protocols import Stream
from rfpo.errors import UserError
from rfpo.objective import Objective, Policy
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.teacher_kl import TeacherKl, with_tail
from tests.engines.build import engine_of, sample
from tests.objective.build import batch, close, gradient, tensor
from tests.tiny_models import save_tiny_model

TEACHER, STUDENT = [0.5, 0.25], [0.25, 0.5]
"""Of two tokens; a quarter is left for the rest in both."""


def scene(teacher=TEACHER, student=STUDENT, taught=1, advantage=1.0):
    data = batch(((1,),), advantage=[[advantage]], teacher_topk=[[teacher]])
    data = replace(data, teacher_topk=data.teacher_topk.log(), teacher_ids=torch.tensor([[[4, 2]]]),
                   teacher_contexts=((1,), (1, 2)), teacher_context=torch.tensor([taught]))
    return data, Policy(tensor([[-1.0]]).requires_grad_(), topk=tensor([[student]]).log().requires_grad_())


def loss_of(piece, ratio=1.0, **changes):
    data, now = scene(**changes)
    return piece(tensor([[log(ratio)]]), now, data), now


@pytest.mark.parametrize(("alpha", "student", "expected"), [
    (0.0, STUDENT, 0.25 * log(2)), (1.0, STUDENT, 0.25 * log(2)),
    (0.0, [0.125, 0.5], 0.5 * log(4) - 0.25 * log(2) + 0.25 * log(0.25 / 0.375)),
    (1.0, [0.125, 0.5], 0.125 * log(0.25) + 0.5 * log(2) + 0.375 * log(0.375 / 0.25)),
    (0.5, STUDENT, 0.5 * log(0.5 / 0.375) + 0.25 * log(0.25 / 0.375)),
    (0.25, STUDENT, 0.25 * (0.5 * log(0.5 / 0.3125) + 0.25 * log(0.25 / 0.4375))
     + 0.75 * (0.25 * log(0.25 / 0.3125) + 0.5 * log(0.5 / 0.4375))),
])
def test_the_divergence_by_hand(alpha, student, expected):
    close(loss_of(TeacherKl(alpha=alpha), student=student)[0], [[expected]])


def test_fewer_tokens_leave_more_to_the_rest():
    """Of the first token alone: (1/2, 1/2) against (1/4, 3/4)."""
    close(loss_of(TeacherKl(alpha=0.0, top_k=1))[0], [[0.5 * log(2) + 0.5 * log(2 / 3)]])


def test_the_ratio_is_bounded_and_detached():
    for ratio, factor in ((0.5, 0.5), (1.5, 1.5), (9.0, 2.0)):
        close(loss_of(TeacherKl(alpha=0.0), ratio)[0], [[factor * 0.25 * log(2)]])
    loss, now = loss_of(TeacherKl())
    assert gradient(loss.sum(), now.logp).item() == 0.0


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_teacher_that_agrees_teaches_nothing(alpha):
    loss, now = loss_of(TeacherKl(alpha=alpha), student=TEACHER)
    close(loss, [[0.0]])
    close(gradient(loss.sum(), now.topk), [[[0.0, 0.0]]])


@pytest.mark.parametrize("changes", [{"taught": 0}, {"advantage": 0.0}])
def test_rows_without_a_teacher_or_an_advantage_are_not_taught(changes):
    loss, now = loss_of(TeacherKl(), **changes)
    assert loss.item() == 0.0 and (gradient(loss.sum(), now.topk) == 0).all()


def test_the_rest_of_nothing_is_finite():
    whole = with_tail(torch.tensor([[[0.5, 0.5]], [[1.0, 1e-30]]]).log())
    assert whole.isfinite().all() and (whole[..., -1] < -13).all()


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_it_is_trls_divergence(alpha):
    losses = pytest.importorskip("trl.experimental.sdpo.loss_utils")
    noise = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 3, 9, generator=noise, dtype=torch.float64) for _ in range(2))
    student.requires_grad_()
    likely, ids = teacher.log_softmax(-1).topk(4, -1)
    data = replace(batch(((1, 1, 1), (1, 1, 1)), advantage=[[1.0] * 3] * 2), teacher_topk=likely, teacher_ids=ids,
                   teacher_contexts=((1, 2),), teacher_context=torch.tensor([0, 0]))
    now = student.log_softmax(-1).gather(-1, ids)
    mine = TeacherKl(alpha=alpha, top_k=4)(torch.zeros(2, 3).double(), Policy(now[..., 0], topk=now), data)
    theirs = losses.compute_divergence(losses.add_tail_bucket(now), losses.add_tail_bucket(likely), alpha)
    assert_close(mine, theirs)
    assert_close(gradient(mine.sum(), student), gradient(theirs.sum(), student))


@pytest.mark.parametrize(("field", "value"), [("alpha", 1.5), ("top_k", 101), ("top_k", 0), ("cap", 0.5)])
def test_bad_values(field, value):
    with pytest.raises(UserError, match=f"TeacherKl.{field} is"):
        TeacherKl(**{field: value})


# Through the real engine


def taught_samples():
    return [sample((3, 4), (5, 6, 1), teacher_context=(3, 4, 9, 9)), sample((3,), (7, 7, 8, 9, 1), teacher_context=(8, 3)),
            sample((3, 4), (1,)), sample((6, 6, 6), (20, 21), teacher_context=(6,))]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return {name: save_tiny_model(tmp_path_factory.mktemp(name), name) for name in ("qwen3", "llama")}


def stream_of(piece):
    objective = Objective(advantage=Constant(), ratio=Token(), surrogate=piece, aggregation=TokenMean())
    return Stream(objective.with_advantages(collate(taught_samples(), 8)), objective)


def everything(network, context, tokens):
    """[T,V] log-probs, one row at a time."""
    logits = network(torch.tensor([[*context, *tokens]])).logits[0].float()
    return logits.log_softmax(-1)[len(context) - 1: -1]


@pytest.mark.parametrize("name", ["qwen3", "llama"])
def test_the_columns_are_what_the_teacher_thinks_likely(models, name):
    engine = engine_of(models[name], tokens=12)
    assert "teacher_topk" in engine.offers
    scored = engine.score(stream_of(TeacherKl()).batch, frozenset({"teacher_topk"}))
    for row, one in enumerate(taught_samples()):
        with torch.no_grad():
            logp = everything(engine.network, one.teacher_context or one.context, one.tokens)
        found = scored.teacher_topk[row, : len(one.tokens)]
        assert found.shape[-1] == logp.shape[-1]  # all of a vocabulary smaller than 100
        assert_close(found, logp.sort(-1, descending=True).values, rtol=1e-4, atol=1e-4)
        assert_close(logp.gather(-1, scored.teacher_ids[row, : len(one.tokens)]), found, rtol=1e-4, atol=1e-4)
    assert (scored.teacher_topk[~scored.valid] == 0).all()


@pytest.mark.parametrize("name", ["qwen3", "llama"])
@pytest.mark.parametrize(("tokens", "linear_head"), [(4096, True), (8, True), (4096, False)])
def test_the_gradient_is_that_of_whole_distributions(models, name, tokens, linear_head):
    engine = engine_of(models[name], tokens=tokens)
    if not linear_head:
        engine.forward = replace(engine.forward, abilities=type(engine.forward.abilities)())
    stream, total = stream_of(TeacherKl(alpha=0.0, top_k=5)), 0.0
    for one in taught_samples():
        if one.teacher_context:
            with torch.no_grad():
                likely, ids = everything(engine.network, one.teacher_context, one.tokens).topk(5, -1)
            now = everything(engine.network, one.context, one.tokens).gather(-1, ids)
            p, q = with_tail(likely), with_tail(now)
            total = total + (p.exp() * (p - q)).sum() / 11
    total.backward()
    expected = {key: weight.grad.clone() for key, weight in engine.network.named_parameters()}
    tally = engine._gradient([learning.prepare(stream, engine.score)])
    assert tally.loss == pytest.approx(total.item(), rel=1e-4) and "clip_share" not in tally.statistics
    for key, weight in engine.network.named_parameters():
        assert_close(weight.grad, expected[key], rtol=1e-3, atol=1e-5, msg=lambda m, key=key: f"{key}: {m}")


def test_an_update_draws_the_student_to_the_teacher(models):
    engine, stream = engine_of(models["qwen3"]), stream_of(TeacherKl(alpha=0.0))
    stream = replace(stream, batch=engine.score(stream.batch, frozenset({"teacher_topk"})))
    losses = [engine.update([stream], 1e-3).loss for _ in range(5)]
    assert losses[-1] < losses[0]
