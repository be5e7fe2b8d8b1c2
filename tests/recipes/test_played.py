"""The harness of the recipes' tests, on recipes whose batches are known."""

import pytest

from tests.recipes.played import played
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT


def test_grpo_trains_what_it_sampled_under_its_own_prompt():
    rows = played("grpo", [CARRY, RIGHT, RESULT, CARRY]).rows()
    assert [row.text for row in rows] == [CARRY, RIGHT, RESULT, CARRY] and {row.context for row in rows} == {HARD.content}
    assert all(row.trained == row.text and row.weight == 1.0 and row.origin == "sampled" and row.parent == "" for row in rows)
    assert [row.reward for row in rows] == [0.0, 1.0, 0.0, 0.0] and rows[1].advantage == pytest.approx(1.5, rel=1e-3)


def test_grpo_learns_nothing_from_a_stuck_group():
    play = played("grpo", [CARRY])
    assert play.bench.engine.updates == [] and play.rows() == [] and play.asked == []


def test_rfpo_puts_the_correction_in_its_parents_place_without_a_weight():
    assert played("rfpo", [CARRY, RESULT], tries=[RIGHT]).rows()[0].weight == 1.0


def test_rfpo_outer_puts_the_correction_in_its_parents_place_with_its_weight():
    play = played("rfpo_outer", [CARRY, RESULT, CARRY, RESULT], tries=[RIGHT])
    first = play.rows()[0]
    assert (first.text, first.parent, first.origin, first.context) == (RIGHT, CARRY, "corrected", HARD.content)
    assert first.weight == pytest.approx(2.718281828 ** -0.4, rel=1e-4)  # the parent's tokens are at -0.9, its own at -0.5
    assert [row.text for row in play.rows()[1:]] == [RESULT, CARRY, RESULT] and len(play.asked) == 1


def test_dapo_drop_drops_groups_without_a_difference():
    play = played("dapo_drop", [CARRY], dynamic_sampling__max_rounds=3)
    assert play.bench.engine.updates == [] and len(play.requests) == 3 and play.metrics["rounds"] == 3
    mixed = played("dapo_drop", [CARRY, RIGHT])
    assert len(mixed.requests) == 1 and len(mixed.rows()) == 4
