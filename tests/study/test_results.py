"""Areas, tokens to a share, and lines that load back equal."""

from dataclasses import replace

import pytest

from rfpo.study.foresight import budgets_with_room
from rfpo.study.results import CellResult, Mark, OperatorTally, digits, first_at, from_line, to_line

NUMBERS = {"steps": 3, "updates": 2, "trained_rows": 5, "idle_steps": 1, "rollout_tokens": 90, "correction_tokens": 10,
           "trained_tokens": 40, "prompt_tokens": 200, "evaluation_tokens": 50}


def cell(*marks: Mark, **more) -> CellResult:
    return CellResult(arm="a", task="t", seed=0, key="k", marks=marks, **(NUMBERS | more))


TWO = (Mark(0, 0, 2, "00", "2"), Mark(1, 50, 2, "10", "2"), Mark(3, 100, 4, "42", "4"))


def test_the_area_is_of_trapezoids_over_the_budget():
    first = (50 * (0 + 0.5) / 2 + 50 * (0.5 + 1) / 2) / 100
    second = (0 + 50 * (0 + 0.5) / 2) / 100
    assert cell(*TWO).areas(100) == pytest.approx([first, second])
    assert cell(*TWO).area(100) == pytest.approx((first + second) / 2)


def test_the_last_share_holds_to_the_budget_and_nothing_past_it_counts():
    assert cell(*TWO).areas(200)[0] == pytest.approx((50 * 0.25 + 50 * 0.75 + 100) / 200)
    assert cell(*TWO).areas(75)[0] == pytest.approx((50 * 0.25 + 25 * (0.5 + 0.75) / 2) / 75)


def test_tokens_to_a_share_are_straight_between_marks_and_none_when_never():
    curve = cell(*TWO)  # shares 0, 1/4, 3/4
    assert curve.tokens_to(0.5) == pytest.approx(75)
    assert curve.tokens_to(0.125) == pytest.approx(25)
    assert curve.tokens_to(0.8) is None
    assert cell(Mark(0, 0, 1, "1", "1")).tokens_to(0.5) == 0


def test_shares_are_of_all_answers():
    assert TWO[2].stuck_share == pytest.approx(6 / 8) and TWO[2].other_share == 1
    assert cell(*TWO).end == pytest.approx(6 / 8)


def test_a_line_loads_back_equal():
    full = cell(*TWO, told={"place": 3}, operators={"fix_located": OperatorTally(3, 1, 30, 0)}, r_off=(1, 2), slope=1.0,
                slope_rows=2, correction_tokens_by_step=(5, 5, 0), updates_by_step=(1, 1, 0), examples=({"prompt": "ä|\n"},),
                leaks={"parroting": 1})
    assert from_line(to_line(full)) == full
    assert "\n" not in to_line(full)


def test_counts_are_a_digit_each():
    assert digits([0, 9, 10, 35]) == "09az" and Mark(0, 0, 35, "09az", "").counts() == [0, 9, 10, 35]


def test_the_first_time_a_share_is_reached_counts_and_one_that_was_there_from_the_start_is_at_its_first_point():
    assert first_at([(0, 0.0), (10, 0.4), (20, 0.1), (30, 0.5)], 0.3) == pytest.approx(7.5)
    assert first_at([(5, 0.6), (10, 0.1), (20, 0.7)], 0.6) == 5
    assert first_at([(0, 0.0), (10, 0.2)], 0.3) is None


@pytest.mark.parametrize(("ends", "said"), [
    ((0.0, 0.1, 0.3, 0.6, 0.9), "the end has room with 30k to 73k tokens (solved after 20k: 10%, 40k: 30%, 60k: 60%, 80k"),
    ((0.0, 0.0, 0.1, 0.3, 0.5), "the end has room with 50k to 80k tokens, and perhaps with more"),
    ((0.0, 0.0, 0.0, 0.0, 0.1), "the end has no room with up to 80k tokens; try a larger budget"),
])
def test_a_pilot_says_which_smaller_budgets_would_have_had_room(ends, said):
    marks = [Mark(index, 20_000 * index, 10, digits([round(10 * share)]), "0") for index, share in enumerate(ends)]
    never = [replace(mark, stuck="0") for mark in marks]
    twice = [replace(mark, stuck=digits([round(20 * share)]), samples=10) for mark, share in zip(marks, ends, strict=True)]
    found = budgets_with_room([cell(*marks)])
    assert budgets_with_room([cell(*never), cell(*twice)]) == found, "the mean over seeds"
    assert found.startswith(said)
