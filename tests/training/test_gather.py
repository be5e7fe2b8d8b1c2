"""Dynamic sampling: what is kept is judged after corrections were merged, and drawing ends."""

from rfpo.training.gather import gather
from rfpo.training.state import LoopState
from tests.training.scripted import HARD, RIGHT, bench, is_try, step, sum_of

EASY, HOPELESS = sum_of(11, 11), sum_of(58, 67)


def script(request, j):
    """HARD is wrong until corrected, EASY always right, HOPELESS always wrong."""
    if request.prompt == EASY or (request.prompt == HARD and is_try(request)):
        return request.prompt.solution
    return f"7502;4813;13{j + 3}"


def test_a_group_that_its_correction_made_mixed_is_kept():
    made = bench(script, HARD, EASY, HOPELESS, name="rfpo_dapo", prompts_per_step=3, dynamic_sampling__max_rounds=2)
    state = LoopState()
    harvest = gather(made, state)
    assert (harvest.rounds, state.cursor, len(harvest.groups), len(harvest.stuck)) == (2, 6, 6, 4)
    assert [sample.group for sample in harvest.samples] == [(HARD.id, 0)] * 4 + [(HARD.id, 1)] * 4
    assert [sample.parent is not None for sample in harvest.samples] == [True, False, False, False] * 2


def test_drawing_ends_as_soon_as_there_are_enough():
    made = bench(script, HARD, EASY, name="rfpo_dapo", prompts_per_step=1, dynamic_sampling__max_rounds=9)
    state = LoopState()
    rounds = [gather(made, state).rounds for _ in range(3)]
    assert state.cursor == sum(rounds) and rounds[0] in (1, 2) and max(rounds) <= 3
    assert all(len(gather(made, state).samples) == 4 for _ in range(3))


def test_more_mixed_groups_than_wanted_are_cut_in_the_order_of_drawing():
    made = bench(script, HARD, EASY, HARD, name="rfpo_dapo", prompts_per_step=2, dynamic_sampling__max_rounds=2)
    harvest = gather(made, LoopState())
    assert len({sample.group for sample in harvest.samples}) <= 2 and len(harvest.samples) == 8


def test_without_corrections_no_stuck_group_is_kept_and_drawing_still_ends():
    made = bench(script, HARD, EASY, HOPELESS, name="dapo", prompts_per_step=3, dynamic_sampling__max_rounds=4)
    state, metrics, rows = step(made)
    assert (metrics["rounds"], metrics["groups"], metrics["reward"]) == (4, 12, None)
    assert state.idle_steps == 1 and made.engine.updates == [] and len(rows) == 48
    assert state.tokens.rollout == metrics["rollout_tokens"] == 48 * (len(RIGHT) + 1) - 16  # 11+11= has a digit less


def test_every_try_of_every_round_is_counted():
    made = bench(script, HARD, HOPELESS, name="rfpo_dapo", prompts_per_step=2, dynamic_sampling__max_rounds=3)
    state, metrics, rows = step(made)
    assert metrics["rounds"] == 2 and metrics["tries"] == 2 * (1 + 4)  # HARD at the first, HOPELESS never within its four
    assert (state.tally.stuck, state.tally.fixed, state.tally.tries, state.tally.successes) == (4, 2, 10, 2)
    assert state.tokens.correction == 10 * (len(RIGHT) + 1)
    assert len(rows) == 16 + 10
