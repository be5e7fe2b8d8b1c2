"""What another run spent, step by step, and how often it updated."""

import pytest

from rfpo.errors import UserError
from rfpo.recipes import recipe
from rfpo.training.state import LoopState
from tests.training.scripted import CARRY, HARD, RIGHT, bench, step, sum_of

SMALL = {"group_size": 4, "prompts_per_step": 2, "fixing__operator__tries": 100}
LONG = len(CARRY) + 1  # characters, and the end


def wrong(request, sample):
    return CARRY


def drawn(ledger, steps: int, script=wrong, **changes) -> list[int]:
    """Correction tokens after each step of a control that draws stuck prompts again."""
    made = bench(script, HARD, sum_of(58, 67), name="extra_samples", fixing__tokens_by_step=ledger, **(SMALL | changes))
    state, spent = LoopState(), []
    for _ in range(steps):
        step(made, state)
        spent.append(state.tokens.correction)
    return spent


def test_drawing_again_spends_what_the_ledger_allows_and_no_more():
    allowed = 10 * LONG
    assert drawn([allowed, 0, allowed], 4) == [allowed, allowed, 2 * allowed, 2 * allowed]


def test_what_does_not_fill_an_answer_is_left_for_later_steps():
    third = LONG // 3
    assert drawn([third, third, third], 3) == [0, LONG, LONG]


def test_what_one_step_leaves_over_the_next_may_spend():
    def late(request, sample):
        return RIGHT if request.prompt == HARD and request.key.step == 0 else CARRY

    made = bench(late, HARD, name="extra_samples", fixing__tokens_by_step=[5 * LONG, LONG], **(SMALL | {"prompts_per_step": 1}))
    state = LoopState()
    step(made, state)
    assert state.tokens.correction == 0  # the group was right: there was nothing to spend on
    step(made, state)
    assert state.tokens.correction == 6 * LONG


def test_stuck_groups_share_a_step_evenly():
    made = bench(wrong, HARD, sum_of(58, 67), name="extra_samples", fixing__tokens_by_step=[8 * LONG], **SMALL)
    _, _, rows = step(made)
    tries = [row["prompt_id"] for row in rows if row["operator"]]
    assert len(tries) == 8 and {tries.count(name) for name in tries} == {4}


def test_without_a_ledger_the_operator_decides():
    assert drawn([], 1, fixing__operator__tries=3) == [2 * 3 * LONG]


def mixed(request, sample):
    return RIGHT if sample == 0 else CARRY


def test_updates_follow_the_ledger_and_catch_up():
    made = bench(mixed, name="grpo", updates_by_step=[1, 3, 0])
    state, made_so_far = LoopState(), []
    for _ in range(3):
        step(made, state)
        made_so_far.append(state.updates)
    assert made_so_far == [1, 4, 5]  # a step with something to learn makes one update at least


def test_a_step_repeats_its_update_eight_times_at_most():
    state = LoopState()
    step(bench(mixed, name="grpo", updates_by_step=[100]), state)
    assert state.updates == 8


def test_a_step_without_anything_to_learn_owes_its_updates():
    made = bench(lambda request, sample: mixed(request, sample) if request.key.step else CARRY, name="grpo",
                 updates_by_step=[2, 1])
    state = LoopState()
    step(made, state)
    assert state.updates == 0
    step(made, state)
    assert state.updates == 3


@pytest.mark.parametrize(("name", "path"), [("grpo", "updates_by_step"), ("extra_samples", "fixing.tokens_by_step")])
def test_a_ledger_holds_counts(name, path):
    from rfpo.config.change import put

    with pytest.raises(UserError, match=rf"{path} is .*whole numbers of at least 0"):
        put(recipe(name), [(path, [3, -1])])
