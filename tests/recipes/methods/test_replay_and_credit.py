"""Methods that replay own successes, that give credit otherwise, or that learn from the pair: what is trained."""

import math

import pytest

from rfpo.recipes import recipe
from rfpo.records import RandomKey
from rfpo.training.state import LoopState
from tests.objective.build import batch
from tests.recipes.played import played
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT

WRONG = [CARRY, RESULT, CARRY, RESULT]


def seldom(request, j):
    """Right in the first step only."""
    return RIGHT if request.key.step == 0 and j == 1 else WRONG[j]


def never_helped_then_helped(name, **changes):
    """Two steps of one prompt: it is solved in the first and stuck in the second."""
    play = played(name, seldom, steps=2, **changes)
    return play, play.rows(update=-1)


def test_arpo_gui_replays_a_stored_success_in_a_hopeless_group_under_its_own_prompt():
    play, rows = never_helped_then_helped("arpo_gui")
    assert [row.text for row in rows] == [RIGHT, RESULT, CARRY, RESULT]  # in the place of the first
    assert (rows[0].origin, rows[0].context, rows[0].trained, rows[0].weight) == ("replayed", HARD.content, RIGHT, 1.0)
    assert [row.reward for row in rows] == [1.0, 0.0, 0.0, 0.0] and rows[0].advantage == pytest.approx(1.5, rel=1e-3)
    assert play.asked == [] and play.state.tokens.correction == 0  # nothing was drawn for it
    assert (play.bench.run.objective.surrogate.low, play.bench.run.objective.surrogate.high) == (0.2, 0.3)


def test_arpo_gui_leaves_mixed_groups_and_prompts_without_a_success_alone():
    assert {row.origin for row in played("arpo_gui", [RIGHT, *WRONG[1:]], steps=2).rows()} == {"sampled"}
    assert played("arpo_gui", WRONG, steps=2).bench.engine.updates == []


def test_exgrpo_replays_in_every_group_and_shapes_the_replayed_row_alone():
    play, rows = never_helped_then_helped("exgrpo")
    assert [row.origin for row in rows] == ["replayed", "sampled", "sampled", "sampled"]
    surrogate = play.bench.run.objective.surrogate
    assert (surrogate.other.gamma, surrogate.origins) == (0.1, ("replayed",))
    mixed = played("exgrpo", [CARRY, RIGHT, RESULT, CARRY], steps=2).rows()
    assert [row.text for row in mixed] == [RIGHT, RIGHT, RESULT, CARRY] and mixed[0].origin == "replayed"
    assert mixed[0].advantage == pytest.approx(0.5 / math.sqrt(1 / 3), rel=1e-3)


def test_spear_imitates_beside_the_group_and_only_what_is_better_than_it():
    play, rows = never_helped_then_helped("spear")
    assert [row.advantage for row in rows] == [0.0] * 4  # the stuck group itself teaches nothing
    (replayed,) = play.rows("imitation")
    assert (replayed.text, replayed.origin, replayed.reward, replayed.advantage) == (RIGHT, "replayed", 1.0, 1.0)
    solved = played("spear", [RIGHT], steps=2)
    assert solved.rows("imitation") == [] or solved.rows("imitation")[0].advantage == 0.0


def test_spears_loss_of_replay_rises_from_nothing():
    coefficient = played("spear", WRONG).bench.run.streams["imitation"].coefficient
    assert [coefficient.at(x) for x in (0.0, 0.5, 1.0)] == pytest.approx([0.0, 0.5, 1.0])


def test_ngrpo_pushes_an_all_wrong_group_away():
    play = played("ngrpo", WRONG)
    # 0 0 0 0 and one virtual 1: mean .2, unbiased std sqrt(.2)
    assert [row.advantage for row in play.rows()] == pytest.approx([-0.2 / math.sqrt(0.2)] * 4, rel=1e-4)
    assert (play.bench.run.objective.surrogate.low, play.bench.run.objective.surrogate.high) == (0.16, 0.24)
    assert played("ngrpo", [RIGHT]).bench.engine.updates == [] and play.asked == []


def test_rl_zvp_trains_stuck_rows_through_a_regularizer_with_grpos_advantage_zero():
    play = played("rl_zvp", WRONG)
    assert [row.advantage for row in play.rows()] == [0.0] * 4 and len(play.bench.engine.updates) == 1
    assert "entropy" in play.bench.run.objective.needs
    assert played("grpo", WRONG).bench.engine.updates == []


def test_lens_blames_a_confident_mistake_more():
    # all answers are equally confident, -0.5 nats a token; cut short by a token or not makes no difference to a mean
    assert played("lens", WRONG).bench.engine.updates == []
    advantage = recipe("lens").objective.advantage
    made = advantage(batch(((1,),) * 2, reward=[0.0, 0.0], behaviour=[[-0.1], [-1.0]], known=[[1], [1]]))
    penalty = [1.0, math.exp(-1.0) / (2 * math.exp(-0.1) - math.exp(-1.0))]
    assert made[:, 0].tolist() == pytest.approx([0.25 * (sum(penalty) / 2 - p) for p in penalty], rel=1e-6)
    assert made[0, 0] < 0 < made[1, 0]


def test_rfpo_simpo_has_the_pair_in_place_of_the_weight():
    play = played("rfpo_simpo", WRONG, tries=[RIGHT])
    rows = play.rows()
    assert [row.text for row in rows] == [RIGHT, RESULT, CARRY, RESULT] and rows[0].weight == 1.0 and rows[0].parent == CARRY
    chosen, rejected = sorted(play.rows("pairs"), key=lambda row: -row.reward)
    assert (chosen.text, rejected.text) == (RIGHT, CARRY) and chosen.unit == rejected.unit
    assert {chosen.context, rejected.context} == {HARD.content}
    assert played("rfpo_outer", WRONG, tries=[RIGHT]).rows()[0].weight != 1.0


@pytest.mark.parametrize("name", ["arpo_gui", "exgrpo", "spear", "ngrpo", "rl_zvp", "lens", "rfpo_simpo"])
def test_twenty_steps(name):
    def script(request, j):
        if request.key.purpose != "rollout":
            return RIGHT
        return RIGHT if RandomKey(step=request.key.step, sample=j).number() % 5 == 0 else WRONG[j]

    play = played(name, script, steps=20)
    assert play.state.step == 20 and play.state.updates >= 10 and play.state.skipped_updates == 0
    assert play.state.tokens.rollout == 20 * 4 * 14 and isinstance(play.state, LoopState)
