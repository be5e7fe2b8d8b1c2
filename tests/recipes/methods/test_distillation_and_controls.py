"""Methods that distil what a teacher was shown, that draw more, and the readings of R_off: what is trained."""

import math
from dataclasses import replace

import pytest

from rfpo.cli import main
from rfpo.config.refuse import refuse_prompts
from rfpo.errors import UserError
from rfpo.recipes import recipe
from rfpo.recipes._card import needs
from rfpo.records import Prompt, RandomKey, Verdict
from rfpo.reporting.store import RunStore
from tests.objective.build import batch, policy
from tests.recipes.played import played
from tests.training.build import STUDENT, sets
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, TASK, sum_of

WRONG = [CARRY, RESULT, CARRY, RESULT]
OTHER = sum_of(11, 22)


def silent(items):
    """Right or wrong, and not a word of why."""
    return [Verdict.solved(text) if text == prompt.solution else Verdict.wrong(text) for prompt, text in items]


def shown(play):
    return {row.text: row.teacher_context for row in play.rows("distillation")}


# ---- distillation


def test_sdpo_teaches_every_answer_under_its_own_prompt_and_trains_nothing_else():
    play = played("sdpo", [CARRY, RIGHT, RESULT, CARRY])
    rows = play.rows("distillation")
    assert play.rows() == [] and [row.text for row in rows] == [CARRY, RESULT, CARRY]  # the only success has no peer
    assert all(row.context == HARD.content and row.trained == row.text and row.advantage == row.weight == 1.0 for row in rows)
    assert all(RIGHT in row.teacher_context and row.text not in row.teacher_context for row in rows)
    (stream,) = play.bench.engine.updates[-1]
    assert stream.coefficient == 1.0 and stream.batch.taught.all()
    assert play.asked == [] and (play.state.tokens.correction, play.metrics["tries"]) == (0, 0)


def test_sdpo_falls_back_on_what_the_verifier_said_and_else_leaves_the_answer_out():
    taught = shown(played("sdpo", WRONG))
    error = {text: TASK.verify(HARD, text).error for text in WRONG}
    assert taught.keys() == {CARRY, RESULT} and error[CARRY] != error[RESULT]
    assert all(error[text] in taught[text] and RIGHT not in taught[text] for text in taught)
    assert played("sdpo", WRONG, judged=silent).bench.engine.updates == []
    assert set(shown(played("sdpo", [CARRY, RIGHT, RIGHT, RESULT], judged=silent))) == {CARRY, RIGHT, RESULT}


def test_sdpos_divergence_is_the_papers():
    run = recipe("sdpo")
    surrogate, (weight,) = run.streams["distillation"].objective.surrogate, run.streams["distillation"].objective.weights
    assert (surrogate.alpha, surrogate.top_k, surrogate.cap, weight.cap, weight.level) == (0.5, 100, 2.0, 2.0, "token")


def test_opsd_shows_the_solution_for_every_answer_right_ones_too():
    worked = replace(HARD, data={"worked": "7+5=12; 4+8+1=13"})
    play = played("opsd", [CARRY, RIGHT, RESULT, CARRY], prompts=[worked])
    rows = play.rows("distillation")
    assert play.rows() == [] and [row.text for row in rows] == [CARRY, RIGHT, RESULT, CARRY]
    assert all("7+5=12; 4+8+1=13" in row.teacher_context and row.context == HARD.content for row in rows)
    assert {row.advantage for row in rows} == {1.0} and {row.origin for row in rows} == {"sampled"}
    assert play.asked == [] and play.state.tokens.correction == 0
    assert {RIGHT in context for context in shown(played("opsd", WRONG)).values()} == {True}


def test_opsd_is_refused_without_a_solution_and_sdpo_is_not():
    bare = [Prompt("p", "Why?", task="t")]
    with pytest.raises(UserError, match="'teacher_context' and no prompt of task 't' has a solution"):
        refuse_prompts(recipe("opsd"), bare)
    refuse_prompts(recipe("sdpo"), bare)


# ---- XRPO


def seeding(request, j):
    """OTHER is solved; HARD is not, but for one of its seeded answers."""
    if request.key.purpose != "rollout":
        return RIGHT if request.key.attempt == 1 else f"no {request.key.attempt}"
    return OTHER.solution if request.prompt == OTHER else WRONG[j]


def seeded(**changes):
    return played("xrpo_seeding", seeding, prompts=[HARD, OTHER], prompts_per_step=2, steps=2, **changes)


def test_xrpo_seeds_hopeless_prompts_with_solved_ones_and_all_seeded_answers_join():
    play = seeded()
    assert len(play.asked) == 4 and {request.prompt.id for request in play.asked} == {HARD.id}  # in the second step
    assert all(OTHER.content in request.content and OTHER.solution in request.content for request in play.asked)
    rows = [row for row in play.rows() if row.context == HARD.content]
    assert [row.text for row in rows] == [*WRONG, "no 0", RIGHT, "no 2", "no 3"]
    assert [row.origin for row in rows] == ["sampled"] * 4 + ["corrected"] * 4 and {row.weight for row in rows} == {1.0}
    assert all(row.trained == row.text for row in rows)
    assert [row.advantage for row in rows] == pytest.approx(
        [(7 if row.text == RIGHT else -1) / math.sqrt(8) for row in rows], rel=1e-3)


def test_xrpo_sharpens_by_log_probs_under_the_plain_prompt():
    advantage = recipe("xrpo_seeding").objective.advantage
    data = batch(((1,),) * 3, reward=[1.0, 1.0, 0.0], old=[[-1.2], [-0.2], [-0.7]], behaviour=[[-0.1]] * 3, known=[[1]] * 3)
    plain, made = advantage.base(data)[:, 0], advantage(data)[:, 0]
    boost = 2.5 * (1 - math.exp(-0.5))  # the group's mean is -.7
    assert boost > 0.5 * plain[0] and (made - plain).tolist() == pytest.approx([0.5 * float(plain[0]), 0.0, 0.0], abs=1e-6)


# ---- OPA-DPO


def test_opa_dpo_imitates_and_prefers_its_edits_and_has_no_policy_gradient():
    edited = RIGHT
    play = played("opa_dpo", WRONG, tries=[edited, CARRY])  # of the tries in turn, those of the first text are right
    assert play.rows() == [] and len(play.asked) == 8
    assert all("smallest change" in request.content for request in play.asked)
    imitated, pairs = play.rows("imitation"), play.rows("pairs")
    assert {row.text for row in imitated} == {RIGHT} and {row.context for row in (*imitated, *pairs)} == {HARD.content}
    assert all(row.advantage == 1.0 and row.origin == "corrected" for row in imitated)
    for unit in {row.unit for row in pairs}:
        chosen, rejected = sorted((row for row in pairs if row.unit == unit), key=lambda row: -row.reward)
        assert (chosen.text, rejected.text, chosen.parent) == (RIGHT, CARRY, CARRY)


def test_opa_dpo_aligns_first_and_contrasts_then():
    def coefficients(progress):
        (streams,) = played("opa_dpo", WRONG, tries=[RIGHT], progress=progress).bench.engine.updates
        return {stream.name: stream.coefficient for stream in streams}

    assert coefficients(0.0) == coefficients(0.33) == {"imitation": 1.0, "pairs": 0.0}
    assert coefficients(0.34) == coefficients(1.0) == {"imitation": 0.0, "pairs": 1.0}


def test_opa_dpo_turns_large_edits_away_and_leaves_right_answers_alone():
    assert played("opa_dpo", ["1"], tries=[RIGHT]).bench.engine.updates == []
    play = played("opa_dpo", [RIGHT])
    assert play.asked == [] and play.bench.engine.updates == []
    assert recipe("opa_dpo").streams["pairs"].pairs.base == "old" and recipe("opa_dpo").epochs == 4


# ---- more draws


def test_dars_draws_a_hard_prompt_up_to_its_share_and_trains_all_draws():
    play = played("dars", WRONG, tries=[CARRY, CARRY, RIGHT])
    # N = 4: p = 1/8, S = 7/32, (2 - 7/8) / S = 5.1
    assert len(play.asked) == 6 and all(request.content == HARD.content for request in play.asked)
    rows = play.rows()
    assert [row.text for row in rows] == [*WRONG, *[CARRY, CARRY, RIGHT] * 2]
    assert all(row.origin == "sampled" and row.parent == "" and row.weight == 1.0 and row.baseline for row in rows)
    assert [row.advantage for row in rows if row.text == RIGHT] == pytest.approx([0.8 / math.sqrt(1.6 / 9)] * 2, rel=1e-3)


def test_dars_draws_where_fewer_than_half_are_right():
    assert len(played("dars", [RIGHT, CARRY, RESULT, CARRY], tries=[CARRY]).asked) == 2  # S = 3/8, (2 - 1.5) / S = 1.3
    assert played("dars", [RIGHT, RIGHT, RESULT, CARRY]).asked == [] == played("dars", [RIGHT]).asked
    assert len(played("dars", [CARRY], group_size=8, tries=[CARRY]).asked) == 24  # 32 in all
    weighted = {"fixing__operator__amount": "hardness_weighted", "fixing__operator__n_max": 64}
    assert len(played("dars", [CARRY], group_size=8, tries=[CARRY], **weighted).asked) == 56


def test_extra_samples_draws_rfpos_tries_of_the_plain_prompt():
    play, corrected = played("extra_samples", WRONG, tries=[CARRY, RIGHT]), played("rfpo", WRONG, tries=[CARRY, RIGHT])
    assert [request.content for request in play.asked] == [HARD.content] * 2 and len(corrected.asked) == 2
    assert [row.text for row in play.rows()] == [*WRONG, CARRY, RIGHT]
    assert all(row.origin == "sampled" and row.parent == "" and row.weight == 1.0 and row.baseline for row in play.rows())
    assert play.rows()[-1].advantage == pytest.approx(5 / math.sqrt(6), rel=1e-3)
    assert play.state.tokens.correction == corrected.state.tokens.correction
    assert len(played("extra_samples", WRONG, tries=[CARRY]).asked) == len(played("rfpo", WRONG, tries=[CARRY]).asked) == 4
    assert played("extra_samples", [CARRY, RIGHT]).asked == []
    assert recipe("extra_samples").objective == recipe("dars").objective == recipe("grpo").objective


# ---- readings of R_off


def row_weights(name):
    """Of a correction whose tokens are at -.5 and its parent's at -.9, and of the others."""
    rows = played(name, WRONG, tries=[RIGHT]).rows()
    assert [row.text for row in rows] == [RIGHT, RESULT, CARRY, RESULT] and rows[0].context == HARD.content
    assert rows[0].advantage == pytest.approx(1.5, rel=1e-3)
    assert {row.weight for row in rows[1:]} == {1.0}
    return rows[0].weight


def test_the_weight_of_a_correction_by_each_reading():
    r = math.exp(-0.4)
    wanted = {"rfpo": 1.0, "rfpo_outer": r, "rfpo_inverse": 1 / r, "rfpo_sigmoid": 2 * r / (1 + r), "rfpo_accept": 1.0,
              "rfpo_suffix": r}
    assert {name: row_weights(name) for name in wanted} == pytest.approx(wanted, rel=1e-4)


def weight(name, own, parent, shared=0):
    """R_off's weight alone: of the log-probs of the correction's tokens and of its parent's, and how many they share."""
    data = batch(((1,) * len(own),), old=[own], parent=[parent], parent_mask=[[1] * len(parent)], common_prefix=[shared])
    (piece,) = recipe(name).objective.weights
    return float(piece.log(policy([own]), data).exp())


@pytest.mark.parametrize("name, likelier, unlikelier", [  # than its parent, by 3 nats a token
    ("rfpo", 1.0, 1.0), ("rfpo_outer", 0.5, 2.0), ("rfpo_inverse", 2.0, 0.5), ("rfpo_suffix", 0.5, 2.0),
    ("rfpo_accept", 1.0, math.exp(-3.0)),
    ("rfpo_sigmoid", 2 / (1 + math.e**3), 2 - 2 / (1 + math.e**3)),
])
def test_how_far_the_readings_go(name, likelier, unlikelier):
    assert weight(name, [-1.0, -1.0], [-4.0]) == pytest.approx(likelier, rel=1e-6)
    assert weight(name, [-4.0, -4.0], [-1.0]) == pytest.approx(unlikelier, rel=1e-6)


def test_only_the_suffix_is_compared_by_rfpo_suffix():
    own, parent = [-0.1, -0.1, -0.1, -1.0], [-0.1, -0.1, -0.1, -0.6]
    assert weight("rfpo_suffix", own, parent, shared=3) == pytest.approx(math.exp(0.4), rel=1e-6)
    assert weight("rfpo_outer", own, parent, shared=3) == pytest.approx(math.exp(0.1), rel=1e-6)
    assert played("rfpo_suffix", WRONG, tries=[RIGHT]).rows()[0].trained == RIGHT


@pytest.mark.parametrize("name", ["rfpo_sigmoid", "rfpo_accept", "rfpo_suffix"])
def test_a_reading_differs_from_rfpo_in_its_weight_alone(name):
    run, rfpo = recipe(name), recipe("rfpo")
    assert len(run.objective.weights) == 1 and run.objective.weights != rfpo.objective.weights
    assert replace(run, name="rfpo", objective=replace(run.objective, weights=rfpo.objective.weights)) == rfpo


def test_rfpo_dpo_has_the_pair_in_place_of_the_weight():
    play = played("rfpo_dpo", WRONG, tries=[RIGHT])
    assert [row.text for row in play.rows()] == [RIGHT, RESULT, CARRY, RESULT] and play.rows()[0].weight == 1.0
    chosen, rejected = sorted(play.rows("pairs"), key=lambda row: -row.reward)
    assert (chosen.text, rejected.text) == (RIGHT, CARRY) and chosen.unit == rejected.unit
    assert {chosen.context, rejected.context} == {HARD.content}
    stream = recipe("rfpo_dpo").streams["pairs"]
    assert (stream.coefficient, stream.pairs.beta, needs(recipe("rfpo_dpo"))) == (0.1, 0.1, ["reference"])


# ---- all of them

NAMES = ["sdpo", "opsd", "xrpo_seeding", "opa_dpo", "dars", "extra_samples", "rfpo_sigmoid", "rfpo_accept", "rfpo_suffix",
         "rfpo_dpo"]
TRIES = {name: (1, 0) for name in NAMES} | {"sdpo": (0, 0), "opsd": (0, 0), "xrpo_seeding": (4, 0), "opa_dpo": (8, 8),
                                           "dars": (6, 2)}
"""Of a step in which HARD is stuck, and of one in which it has one right answer; the first try is right."""


@pytest.mark.parametrize("name", NAMES)
def test_twenty_steps(name):
    def script(request, j):
        if request.prompt == OTHER:
            return OTHER.solution
        if request.key.purpose != "rollout":
            return RIGHT
        return RIGHT if RandomKey(step=request.key.step).number() % 5 == 0 and j == 1 else WRONG[j]

    play = played(name, script, prompts=[HARD, OTHER], prompts_per_step=2, steps=20)
    lucky = [RandomKey(step=step).number() % 5 == 0 for step in range(20)]
    idle = int(name == "xrpo_seeding" and not lucky[0])  # there is no exemplar in the first step
    assert (play.state.step, play.state.updates, play.state.skipped_updates) == (20, 20 - idle, 0) and 0 < sum(lucky) < 10
    assert play.state.tokens.rollout == 20 * 4 * (len(RIGHT) + len(OTHER.solution) + 2)
    assert play.state.tally.tries == sum(TRIES[name][fine] for fine in lucky) - idle * TRIES[name][0]
    assert play.state.tokens.correction == play.state.tally.tries * (len(RIGHT) + 1)


WORDS = {"peer": "${question}<solution>${peer}<fix>", "solution": "${question}<solution>${solution}<fix>",
         "feedback": "${question}<wrong>${attempt}<error>${feedback}<fix>"}
"""What the student was taught to read, for a teacher's context."""
DIALECT = {"sdpo": "distilled", "opsd": "distilled", "dars": "", "rfpo_accept": "student", "rfpo_dpo": "student"}


@pytest.mark.parametrize("name", DIALECT)
def test_the_shipped_student_trains(name, tmp_path, monkeypatch):
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
    for what, text in WORDS.items():
        (tmp_path / f"teacher_context_{what}.txt").write_text(text, encoding="utf-8")
    templates = {"distilled": tmp_path, "student": "student"}.get(DIALECT[name])
    changes = {"fixing__operator__templates": templates} if templates else {}
    small = sets(group_size=4, prompts_per_step=4, evaluation__prompts=0, **changes)
    assert main(["train", name, *STUDENT, "--steps", "2", *small, "--out", str(tmp_path / "run")]) == 0
    last = RunStore(tmp_path / "run").metrics()[-1]
    drawn = last["correction_tokens"]
    assert last["step"] == 2 and last["updates"] >= (name != "dars") and last["skipped_updates"] == 0
    assert (drawn == 0) == (name in ("sdpo", "opsd"))
