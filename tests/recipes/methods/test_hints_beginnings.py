"""Methods that begin the answer: what is put there, and what of it is trained; and what methods that hint share."""

import math
from dataclasses import replace

import pytest
import torch

from rfpo.cli import main
from rfpo.config.refuse import no_critic, refuse_prompts
from rfpo.errors import UserError
from rfpo.objective.regularizer.imitation import Imitation
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.recipes import recipe
from rfpo.records import RandomKey
from rfpo.reporting.store import RunStore
from rfpo.training.state import LoopState
from tests.objective.build import batch, close, gradient, policy
from tests.recipes.methods.hinting import ALL, HALF, WHEN_STUCK, WRONG, advantages, beginning, plays, scored, texts
from tests.training.build import STUDENT, sets
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT

# Beginnings of the answer


def test_hint_grpo_trains_what_was_drawn_after_half_of_the_reference():
    play = plays("hint_grpo")
    assert [beginning(request) for request in play.asked] == ["7502;4813;"] * 4
    rows = play.rows()
    assert texts(rows) == ["7502;4813;0", RIGHT] * 2 and [row.trained for row in rows] == ["0", "132"] * 2
    assert {(row.context, row.weight) for row in rows} == {(HARD.content, 1.0)}
    assert advantages(rows) == HALF
    assert play.bench.run.objective.regularizers == (KlToReference(coefficient=0.04),)
    stuck = plays("hint_grpo", lambda request, number: False)
    assert texts(stuck.rows()) == WRONG and {row.advantage for row in stuck.rows()} == {0.0}


def test_hint_grpo_takes_the_least_hinted_of_several_groups():
    play = plays("hint_grpo", lambda request, number: len(beginning(request)) > 5 or number == 1,
                 fixing__operator__shares=(0.3, 0.6))
    assert [beginning(request) for request in play.asked] == ["7502;"] * 4 + ["7502;4813;"] * 4
    assert [row.trained for row in play.rows()] == ["4803;122", "4813;132", "4803;122", "4803;122"]


def test_g2rpo_a_adds_two_begun_answers_to_every_group_and_trains_their_beginnings_too():
    for answers in (WRONG, [RIGHT] * 4):
        play = plays("g2rpo_a", answers=answers, progress=0.0)
        assert [beginning(request) for request in play.asked] == ["7502;4813;"] * 2
        rows = play.rows()
        assert texts(rows) == [*answers, "7502;4813;0", RIGHT] and [row.origin for row in rows[4:]] == ["corrected"] * 2
        assert all(row.trained == row.text and row.context == HARD.content and row.weight == 1.0 for row in rows)
        assert len({row.group for row in rows}) == 1
        assert advantages(rows) == scored(*(text == RIGHT for text in texts(rows)))
    run = recipe("g2rpo_a")
    assert (run.group_size, run.fixing.operator.n) == (10, 2)
    late = plays("g2rpo_a", progress=1.0)
    assert beginning(late.asked[0]) == "" and [row.origin for row in late.rows()] == ["sampled"] * 6


def test_uft_reinforces_what_was_drawn_and_imitates_what_was_put_there():
    seen, state = set(), LoopState()
    for _ in range(16):
        play = plays("uft", progress=0.45, state=state)  # p = .18
        (put,) = {beginning(request) for request in play.asked}  # the whole group begins alike
        rows = play.rows()
        assert texts(rows) == [CARRY if CARRY.startswith(put) else put + "0", RIGHT] * 2
        assert all(row.trained == row.text and row.context == HARD.content for row in rows)
        assert rows[1].weight == pytest.approx((14 - len(put)) / 14, rel=1e-5)  # the put tokens have weight 0
        assert advantages(rows) == HALF
        seen.add(put)
    assert {"", "7502;", "7502;4813;"} <= seen
    assert play.bench.run.objective.regularizers == (Imitation(coefficient=0.001, origins=("corrected",), tokens="put"),)


def test_uft_imitates_in_a_group_without_a_success_too():
    play = plays("uft", lambda request, number: False, answers=[RIGHT] * 4, progress=0.0)
    assert {row.advantage for row in play.rows()} == {0.0} and len(play.bench.engine.updates) == 1
    assert {row.origin for row in play.rows()} == {"corrected"}  # the plain group is not trained


@pytest.mark.parametrize("good", [True, False])
def test_prefix_rft_adds_one_answer_and_reinforces_the_least_certain_fifth_of_its_beginning(good):
    play = plays("prefix_rft", lambda request, number: good, answers=[CARRY, RIGHT, RESULT, CARRY], progress=0.0)
    assert [beginning(request) for request in play.asked] == ["7502;4813;"]  # 95%, without the last step
    rows = play.rows()
    assert texts(rows) == [CARRY, RIGHT, RESULT, CARRY, RIGHT if good else "7502;4813;0"]
    assert len({row.group for row in rows}) == 1 and advantages(rows) == scored(0, 1, 0, 0, good)
    assert rows[4].weight == pytest.approx((2 + 4) / 14 if good else (2 + 2) / 12, rel=1e-5)  # 2 of 10 put, and those drawn
    assert [row.weight for row in rows[:4]] == [1.0] * 4 and rows[4].context == HARD.content
    run = recipe("prefix_rft")
    assert "entropy" in run.objective.needs and run.group_size + run.fixing.operator.n == 8


def test_prefix_rfts_beginnings_become_shorter():
    def lengths(progress):
        state = LoopState()
        return [len(beginning(plays("prefix_rft", progress=progress, state=state).asked[0])) for _ in range(12)]

    assert set(lengths(0.0)) == {10} and len(set(lengths(1.0))) >= 2


def test_bread_branches_from_the_shortest_beginning_that_makes_the_group_mixed():
    play = plays("bread", lambda request, number: len(beginning(request)) > 5 or number % 2 == 1)
    assert [beginning(request) for request in play.asked] == ["7502;4813;"] * 4 + ["7502;"] * 4  # all right with more
    rows = play.rows()
    assert texts(rows) == [CARRY, RIGHT] * 2 and [row.trained for row in rows] == ["4803;122", "4813;132"] * 2
    assert {(row.context, row.weight) for row in rows} == {(HARD.content, 1.0)}
    assert advantages(rows) == HALF


# What all of them keep


@pytest.mark.parametrize("name", WHEN_STUCK)
def test_a_group_with_a_success_is_grpos(name):
    mixed = plays(name, answers=[CARRY, RIGHT, RESULT, CARRY])
    assert mixed.asked == [] and texts(mixed.rows()) == [CARRY, RIGHT, RESULT, CARRY]
    assert advantages(mixed.rows()) == scored(0, 1, 0, 0)


@pytest.mark.parametrize("name", ALL)
def test_twenty_steps(name):
    play = plays(name, lambda request, number: RandomKey(step=request.key.step, sample=number).number() % 3 == 0, steps=20)
    assert play.state.step == 20 and play.state.updates >= 5 and play.state.skipped_updates == 0
    assert play.state.tokens.rollout == 20 * 4 * 14 and play.state.tokens.correction > 0
    assert all(math.isfinite(value) for value in play.metrics.values() if isinstance(value, float))
    assert all(math.isfinite(row.advantage) and math.isfinite(row.weight) for row in play.rows())


@pytest.mark.parametrize("name", [name for name in ALL if name != "scaf_grpo"])
def test_a_task_without_solutions_is_refused(name):
    with pytest.raises(UserError, match="no prompt of task 'column_addition' has a solution"):
        refuse_prompts(recipe(name), [replace(HARD, solution=None)])
    assert (no_critic(recipe(name)) is not None) == (name in ("hint", "guide"))


@pytest.mark.parametrize("name, slope", [("guide", math.exp(2)), ("g2rpo_a", 1.0), ("hint", 0.0)])
def test_the_clip_holds_plain_rows_and_not_the_helped_ones(name, slope):
    """Two tokens, sampled and corrected, have become e times likelier: GRPO's clip lets go of both. mu was e^-3."""
    data = batch(((1,), (1,)), old=[[-2.0], [-2.0]], behaviour=[[-2.0], [-3.0]], known=[[1], [1]], origin=[0, 1])
    now = policy([[-1.0], [-1.0]])
    data = replace(data, advantage=torch.ones(2, 1, dtype=torch.float64))
    close(gradient(recipe(name).objective(now, data), now.logp), [[0.0], [-slope / 2]])


# With the shipped student


HINTED_STUDENT = {"fixing__operator__templates": "student", "fixing__operator__unit": "steps"}
HOT = {"sampling__temperature": 2.0}  # at 1 the two answers of this student are right together, or wrong together


@pytest.mark.parametrize("name, changes", [
    ("scaf_grpo", HINTED_STUDENT | {"fixing__operator__source": "reference", "fixing__help__after": 0.0}),
    ("ghpo", HINTED_STUDENT), ("hint_grpo", HOT), ("g2rpo_a", {}), ("uft", {}), ("prefix_rft", {}), ("bread", HOT)])
def test_two_steps_of_the_student(name, changes, tmp_path, monkeypatch):
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
    small = {"group_size": 2, "prompts_per_step": 12, "evaluation__prompts": 0, "fixing__operator__n": 2}
    assert main(["train", name, *STUDENT, "--steps", "2", *sets(**(small | changes)), "--out", str(tmp_path / name)]) == 0
    metrics = [row for row in RunStore.open(tmp_path / name).metrics() if "corrected_rows" in row]
    assert len(metrics) == 2 and sum(row["corrected_rows"] for row in metrics) >= 6
    norms = [row["gradient_norm"] for row in metrics if row["gradient_norm"] is not None]
    assert all(map(math.isfinite, norms)) and sum(row["nan_updates"] for row in metrics) == 0
    assert any(norms)
