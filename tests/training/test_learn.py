"""From samples to updates: how many, with what counts, columns, learning rate and schedules."""

from dataclasses import dataclass, field, replace
from math import exp

import pytest

from rfpo.config.run import ExtraStream
from rfpo.engines.settings import Optimizer
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes import recipe
from rfpo.schedule.linear import Linear
from rfpo.training.learn import learning_rate
from rfpo.training.state import LoopState
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, Parted, bench, is_try, says, step, sum_of

EASY, THIRD = sum_of(11, 11), sum_of(47, 86)


def half_right(request, j):
    """HARD is corrected at once; the others have one right answer."""
    if request.prompt != HARD:
        return request.prompt.solution if j == 0 else RESULT
    return RIGHT if is_try(request) else (RESULT, CARRY, RESULT, RESULT)[j]


def test_one_update_trains_the_whole_step_on_its_own_log_probs():
    made = bench(half_right, HARD, EASY, prompts_per_step=2)
    step(made)
    ((stream,),) = made.engine.updates
    assert (stream.batch.counts.rows, stream.batch.counts.groups) == (8, 2)
    assert stream.batch.old is None  # those of the update's own forward pass
    assert stream.batch.parent[stream.batch.corrected][0, 0].item() == pytest.approx(-0.9)


@dataclass
class Counting(Parted):
    scored: list = field(default_factory=list)

    def score(self, batch, columns):
        self.scored.append((sorted(columns), len(batch)))
        return super().score(batch, columns)


def test_with_one_update_only_the_parents_are_scored_and_only_once():
    made = bench(half_right, HARD, EASY, prompts_per_step=2, engine=Counting)
    _, metrics, rows = step(made)
    assert made.engine.scored == [(["parent"], 1)]  # the answer that was corrected
    assert metrics["log_r_off"] == pytest.approx(-0.4)  # from -0.9 of the parent and -0.5 of the update's own pass
    assert [row["mean_logp_old"] for row in rows if row["origin"] == "corrected"] == pytest.approx([-0.5])


def test_several_updates_a_step_have_counts_of_their_own_and_old_log_probs_of_its_start():
    made = bench(half_right, HARD, EASY, THIRD, prompts_per_step=3, updates_per_step=2, epochs=2, drift=0.25)
    state, metrics, _ = step(made)
    batches = [stream.batch for (stream,) in made.engine.updates]
    assert [(b.counts.groups, b.counts.rows, b.counts.trained_rows) for b in batches] == [(2, 8, 8), (1, 4, 4)] * 2
    assert [b.counts.tokens for b in batches] == [int(b.mask.sum()) for b in batches]
    assert all(b.old[b.mask].tolist() == pytest.approx([-0.5] * int(b.mask.sum())) for b in batches)
    assert (state.updates, state.trained_rows, metrics["step_trained_rows"]) == (4, 24, 24)
    assert state.tokens.trained == 2 * sum(b.counts.tokens for b in batches[:2])


def test_what_an_update_starts_from_is_scored_anew_for_each():
    run = recipe("rfpo")
    run = replace(run, objective=replace(run.objective, weights=(OffPolicyRatio(snapshot="update"),)))
    made = bench(half_right, HARD, run=run, epochs=3, drift=0.25)
    step(made)
    batches = [stream.batch for (stream,) in made.engine.updates]
    assert [b.update[b.corrected][0, 0].item() for b in batches] == pytest.approx([-0.5, -0.75, -1.0])
    assert [b.parent_update[b.corrected][0, 0].item() for b in batches] == pytest.approx([-0.9, -1.15, -1.4])
    assert [b.old[b.corrected][0, 0].item() for b in batches] == pytest.approx([-0.5] * 3)


def test_a_row_without_an_advantage_is_counted_and_neither_scored_nor_trained():
    made = bench(lambda request, j: request.prompt.solution if j == 0 or request.prompt == EASY else RESULT, EASY, THIRD,
                 prompts_per_step=2, epochs=2)
    state, _, rows = step(made)
    batch = made.engine.updates[0][0].batch
    easy = (batch.advantage == 0).all(-1)
    assert easy.sum() == 4 and batch.counts.rows == 8
    assert (batch.old[easy] == 0).all() and (batch.old[~easy][:, 0] == -0.5).all()
    assert state.trained_rows == 2 * 4 and sum(row["trained"] for row in rows) == 4
    assert all(row["weight"] is None for row in rows if not row["trained"])


@pytest.mark.parametrize("settings, updates, progress, expected", [
    (dict(), 0, 0.0, 1.0), (dict(), 7, 0.9, 1.0),
    (dict(warmup_steps=4), 0, 0.0, 0.25), (dict(warmup_steps=4), 2, 0.5, 0.75), (dict(warmup_steps=4), 3, 0.5, 1.0),
    (dict(warmup_steps=4), 9, 0.5, 1.0),
    (dict(decay="linear"), 9, 0.0, 1.0), (dict(decay="linear"), 9, 0.75, 0.25), (dict(decay="linear"), 9, 1.0, 0.0),
    (dict(decay="cosine"), 9, 0.0, 1.0), (dict(decay="cosine"), 9, 0.5, 0.5), (dict(decay="cosine"), 9, 1 / 3, 0.75),
    (dict(decay="linear", warmup_steps=4), 1, 0.5, 0.25),
])
def test_the_learning_rate_by_hand(settings, updates, progress, expected):
    run = replace(recipe("grpo"), optimizer=Optimizer(learning_rate=2e-4, **settings))
    assert learning_rate(run, updates, progress) == pytest.approx(2e-4 * expected)


def test_warm_up_counts_updates_and_not_steps_that_made_none():
    made = bench(lambda request, j: request.prompt.solution if j == 0 or request.key.step == 1 else RESULT, THIRD, name="grpo",
                 optimizer__learning_rate=0.1, optimizer__warmup_steps=4, optimizer__decay="linear")
    state = LoopState()
    for progress in (0.0, 0.2, 0.4):
        _, metrics, _ = step(made, state, progress)
    assert made.engine.learning_rates == pytest.approx([0.1 * 1 / 4, 0.1 * 2 / 4 * 0.6])
    assert metrics["learning_rate"] == made.engine.learning_rates[-1] and state.idle_steps == 1


@pytest.mark.parametrize("progress, gamma", [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)])
def test_schedules_of_the_objective_follow_the_runs_progress(progress, gamma):
    run = recipe("rfpo")
    weight = OffPolicyRatio(gamma=Linear(0.0, 2.0), cap=None)
    made = bench(says([RESULT, CARRY, RESULT, RESULT], [RIGHT]),
                 run=replace(run, objective=replace(run.objective, weights=(weight,))))
    _, metrics, rows = step(made, progress=progress)
    ((stream,),) = made.engine.updates
    assert stream.objective.weights[0].gamma == gamma
    assert metrics["log_r_off"] == pytest.approx(-0.4 * gamma)
    assert next(row["weight"] for row in rows if row["origin"] == "corrected") == pytest.approx(exp(-0.4 * gamma))


def test_a_streams_coefficient_may_follow_a_schedule():
    run = recipe("rfpo")
    stream = ExtraStream(objective=run.objective, coefficient=Linear(1.0, 0.0))
    made = bench(says([RIGHT, RESULT, RESULT, RESULT]), run=replace(run, streams={"imitation": stream}))
    sample_to = replace(made, run=replace(made.run, rewards=(ToStream(),)))
    step(sample_to, progress=0.25)
    ((extra,),) = made.engine.updates
    assert extra.coefficient == 0.75


class ToStream:
    """A shaping that sends every sample to another stream."""

    def __call__(self, sample):
        return replace(sample, stream="imitation")
