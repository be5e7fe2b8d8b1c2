"""Methods of reflection, critique, feedback and second attempts: what is asked, what is trained, and under which prompt."""

import math
from dataclasses import replace

import pytest
import torch

from rfpo.batch import ORIGINS
from rfpo.cli import main
from rfpo.objective import Policy
from rfpo.recipes import recipe
from rfpo.records import RandomKey, Verdict
from rfpo.reporting.store import RunStore
from tests.recipes.played import played
from tests.training.build import STUDENT, sets
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, judge

WRONG = [CARRY, RESULT, CARRY, RESULT]
MIXED = [CARRY, RIGHT, RESULT, CARRY]
TOLD = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"]
NAMES = ["reflect_retry_reward", "critique_grpo", "golf", "rltf_sd", "r3l", "erl", "lte", "edge_grpo", "rex_rag", "score",
         "igrpo"]


def lenient(items):
    """Right is what ends in the right sum."""
    return [Verdict.solved("132") if text.endswith("132") else judge([(prompt, text)])[0] for prompt, text in items]


def stream_of(play, name="policy"):
    (found,) = [stream for stream in play.bench.engine.updates[-1] if stream.name == name]
    return found


def slopes(play, name="policy", logp=-0.5, **columns):
    """d loss / d log pi of each row, the mean over its trained tokens, before aggregation; the columns are filled with -0.5."""
    stream = stream_of(play, name)
    batch = stream.batch
    fill = {column: torch.full(batch.mask.shape, value) for column, value in
            ({"old": -0.5, "update": -0.5, "reference": -0.5} | columns).items()}
    batch, loss = replace(batch, **fill), stream.objective
    now = Policy(torch.full(batch.mask.shape, float(logp), requires_grad=True), torch.ones(batch.mask.shape))
    total = loss.log_weight(now, batch).exp() * loss.surrogate(loss.ratio(now, batch), now, batch)
    total = total + sum(regularizer(now, batch) for regularizer in loss.regularizers)
    (slope,) = torch.autograd.grad(total[batch.mask].sum(), now.logp)
    return [float(row[mask].mean()) for row, mask in zip(slope, batch.mask, strict=True)]


def shaped(p):
    """The slope of p / (p + .1) by log p."""
    return 0.1 * p / (p + 0.1) ** 2


def told(play, role):
    return [request for request in play.asked if request.role == role]


P = math.exp(-0.5)


# Reflect, Retry, Reward


def reflected(name, retries, answers=WRONG, **changes):
    return played(name, answers, tries=[*TOLD, *retries], **changes)


def test_rrr_trains_the_reflections_alone_by_their_retries():
    play = reflected("reflect_retry_reward", [RIGHT, CARRY, CARRY, RIGHT, CARRY, CARRY, CARRY, CARRY])
    rows, asked = play.rows(), told(play, "reflection")
    assert [row.text for row in rows] == TOLD == [row.trained for row in rows]
    assert [row.context for row in rows] == [request.content for request in asked]
    assert HARD.content not in {row.context for row in rows}
    assert [row.reward for row in rows] == [1, 0, 0, 1, 0, 0, 0, 0]
    spread = math.sqrt(8 / 7 * 0.25 * 0.75)
    assert [row.advantage for row in rows[:2]] == pytest.approx([0.75 / spread, -0.25 / spread], rel=1e-3)
    assert all(row.weight == 1 and row.parent == "" and row.origin == "sampled" for row in rows)
    assert slopes(play) == pytest.approx([-row.advantage for row in rows], rel=1e-5)


def test_rrr_shows_each_retry_its_own_reflection():
    play = reflected("reflect_retry_reward", [CARRY])
    assert all(word in request.content for word, request in zip(TOLD, told(play, "answer"), strict=True))
    shown = [(CARRY in request.content, RESULT in request.content) for request in told(play, "reflection")]
    assert shown == [(True, False), (False, True)] * 4


def test_rrr_reflects_on_the_failures_of_mixed_groups_too():
    play = reflected("reflect_retry_reward", [RIGHT, CARRY], MIXED)
    assert len(play.rows()) == 8 and not any(RIGHT in request.content for request in told(play, "reflection"))
    assert played("reflect_retry_reward", [RIGHT]).asked == []


# Critique-GRPO


CRITICISED = ["carry lost", "sum off", CARRY, RIGHT, RIGHT, CARRY, CARRY, CARRY, CARRY, CARRY]


def test_critique_grpo_puts_the_first_right_refinement_in_the_first_row_without_std():
    play = played("critique_grpo", WRONG, tries=CRITICISED)
    rows = play.rows()
    assert [row.text for row in rows] == [RIGHT, RESULT, CARRY, RESULT] and rows[0].parent == RESULT
    assert [row.advantage for row in rows] == pytest.approx([0.75, -0.25, -0.25, -0.25])
    assert {row.context for row in rows} == {HARD.content} and rows[0].origin == "corrected"
    assert slopes(play) == pytest.approx([-0.75 * shaped(P), 0.25, 0.25, 0.25], rel=1e-4)
    far = slopes(play, logp=-0.5 + math.log(1.3))  # outside the clip of the ratio
    assert far[0] == pytest.approx(-0.75 * shaped(1.3 * P), rel=1e-4)


def test_critique_grpo_criticises_each_wrong_answer_once_and_only_in_stuck_groups():
    play = played("critique_grpo", WRONG, tries=CRITICISED)
    assert len(told(play, "critique")) == 2 and all(request.to == "policy" for request in play.asked)
    revised = told(play, "answer")
    assert len(revised) == 8 and "carry lost" in revised[0].content and "sum off" in revised[1].content
    assert not any(RIGHT in request.content for request in play.asked)  # the reference answer is not given away
    assert played("critique_grpo", MIXED).asked == []


# GOLF


def golfed(**changes):
    return played("golf", WRONG, tries=["carry lost", "sum off", CARRY, RIGHT, RESULT, RIGHT, *[CARRY] * 4], **changes)


def test_golf_asks_with_all_wrong_answers_and_their_critiques_in_one_prompt():
    play = golfed()
    refined = told(play, "answer")
    assert len(told(play, "critique")) == 2 and len(refined) == 8 and len({request.content for request in refined}) == 1
    assert all(words in refined[0].content for words in (CARRY, RESULT, "carry lost", "sum off"))
    assert played("golf", MIXED).asked == []


def test_golf_is_asked_for_below_an_eighth():
    sixteen = [RIGHT, *[CARRY] * 15]
    assert played("golf", sixteen, tries=[CARRY], group_size=16).asked != []
    assert played("golf", [RIGHT, *sixteen[:-1]], tries=[CARRY], group_size=16).asked == []
    assert played("golf", sixteen[:8], tries=[CARRY], group_size=8).asked == []


def test_golf_trains_refining_as_a_task_and_one_refinement_in_a_random_place():
    play = golfed()
    group, task = play.rows()[:4], play.rows()[4:]
    (place,) = [n for n, row in enumerate(group) if row.text == RIGHT]
    assert {row.context for row in group} == {HARD.content} and group[place].parent == RESULT
    assert [row.reward for row in task] == [0, 1, 0, 1, 0, 0, 0, 0] and {row.group for row in task}.isdisjoint({group[0].group})
    assert {row.context for row in task} == {told(play, "answer")[0].content}
    assert group[place].advantage == pytest.approx(0.75 / 0.5, rel=1e-3)
    found = slopes(play)
    expected = [-row.advantage * (shaped(P) if n == place else 1) for n, row in enumerate(play.rows())]
    assert found == pytest.approx(expected, rel=1e-4)  # the task's rows are on-policy, and not shaped
    places = {[row.text for row in golfed(seed=seed).rows()[:4]].index(RIGHT) for seed in range(8)}
    assert len(places) > 1


# RLTF-SD


def test_rltf_learns_second_answers_under_the_plain_prompt_against_the_first_turn():
    play = played("rltf_sd", MIXED, tries=["f0", "f1", RIGHT, CARRY, RIGHT, *[CARRY] * 5])
    rows, asked = play.rows("imitation"), told(play, "answer")
    assert [row.reward for row in rows] == [0.75, -0.25, 0.75, *[-0.25] * 5] == [row.advantage for row in rows]
    assert {row.context for row in rows} == {HARD.content} and len(told(play, "critique")) == 2
    assert all(words in asked[n].content for n, words in enumerate(("f0", "f1", "f0", "f1")))
    stream = stream_of(play, "imitation")
    assert stream.coefficient == 0.1
    assert slopes(play, "imitation", logp=-4.9) == pytest.approx([-row.advantage for row in rows], rel=1e-5)  # no ratio
    assert slopes(play, "imitation", logp=-5.1) == [0.0] * 8


def test_rltf_trains_both_turns_and_the_first_earns_a_tenth_of_the_second():
    play = played("rltf_sd", MIXED, tries=["f0", "f1", RIGHT, CARRY, RIGHT, *[CARRY] * 5])
    first, second = play.rows()[:4], play.rows()[4:]
    assert [row.reward for row in first] == pytest.approx([0.05, 1.0, 0.0, 0.05])  # 2 of 4 second answers to CARRY are right
    assert [row.reward for row in second] == [1, 0, 1, 0, 0, 0, 0, 0]
    assert [row.context for row in second] == [request.content for request in told(play, "answer")]
    assert {row.group for row in first}.isdisjoint({row.group for row in second})


# R3L


def retried():
    return played("r3l", WRONG, tries=[*TOLD[:4], "4813;132", CARRY, CARRY, "132"])


def test_r3l_goes_on_from_the_error_and_trains_both_answers_where_they_part():
    play = retried()
    rows = play.rows()
    assert [row.text for row in rows[:4]] == WRONG and rows[4].text == rows[7].text == RIGHT
    assert [(request.opening.cut, request.n) for request in told(play, "answer")] == [(5, 1), (10, 1)] * 2
    assert (rows[0].trained, rows[1].trained) == (CARRY[5:], RESULT[10:])  # from where the first of its retries parts
    assert (rows[4].trained, rows[7].trained) == ("13;132", "2")
    assert {row.context for row in rows} == {HARD.content} and [row.reward for row in rows] == [0, 0, 0, 0, 1, 0, 0, 1]
    assert [row.advantage for row in rows] == pytest.approx([-0.25] * 4 + [1.0, -0.25, -0.25, 1.0])
    assert slopes(play, logp=-3.0) == pytest.approx([-row.advantage / 2 for row in rows], rel=1e-5)  # no ratio, tau 1
    assert play.bench.run.objective.advantage.factor == 3.0


def test_r3l_trains_the_reflections_that_helped_and_the_guided_retries_too():
    play = retried()
    assert [(row.text, row.advantage) for row in play.rows("reflection")] == [("r0", 1), ("r1", 0), ("r2", 0), ("r3", 1)]
    assert [row.context for row in play.rows("reflection")] == [request.content for request in told(play, "reflection")]
    guided, asked = play.rows("imitation"), told(play, "answer")
    assert [(row.context, row.trained, row.advantage) for row in guided] == [
        (asked[0].content, RIGHT[5:], 1.0), (asked[3].content, RIGHT[10:], 1.0)]
    assert recipe("r3l").group_size == recipe("r3l").fixing.operator.tries == 4


# ERL


def test_erl_has_four_kinds_of_rows():
    play = reflected("erl", [CARRY, RIGHT, *[CARRY] * 6])
    first, second, reflections = play.rows()[:4], play.rows()[4:12], play.rows()[12:]
    assert [row.advantage for row in first] == [0.0] * 4 and {row.context for row in first} == {HARD.content}
    assert [row.context for row in second] == [request.content for request in told(play, "answer")]
    assert [row.text for row in reflections] == TOLD
    assert [row.context for row in reflections] == [request.content for request in told(play, "reflection")]
    spread = math.sqrt(8 / 7 * 0.125 * 0.875)
    for rows in (second, reflections):
        assert [row.reward for row in rows] == [0, 1, 0, 0, 0, 0, 0, 0]
        assert rows[1].advantage == pytest.approx(0.875 / spread, rel=1e-3)
    (consolidated,) = play.rows("imitation")
    assert (consolidated.text, consolidated.context, consolidated.parent) == (RIGHT, HARD.content, RESULT)
    assert consolidated.advantage == 1.0
    assert stream_of(play, "imitation").coefficient == 1.0


def test_erl_clips_higher_above():
    play = reflected("erl", [CARRY, RIGHT, *[CARRY] * 6])
    for name, n in (("policy", 5), ("imitation", 0)):
        advantage = play.rows(name)[n].advantage
        assert slopes(play, name, logp=-0.5 + math.log(1.27))[n] == pytest.approx(-1.27 * advantage, rel=1e-4)
        assert slopes(play, name, logp=-0.5 + math.log(1.29))[n] == 0.0


# LTE


def test_lte_lists_the_wrong_answers_and_replaces_as_many_as_came_right():
    play = played("lte", WRONG, tries=[RIGHT, CARRY, RIGHT, *[CARRY] * 5])
    rows = play.rows()
    assert len(play.asked) == 8 and len({request.content for request in play.asked}) == 1
    assert f"\n{CARRY}\n{RESULT}\n" in play.asked[0].content and RIGHT not in play.asked[0].content
    assert {row.context for row in rows} == {HARD.content} and len(rows) == 4
    assert all(row.text == wrong for row, wrong in zip(rows, WRONG, strict=True) if row.origin == "sampled")
    entered = [n for n, row in enumerate(rows) if row.text == RIGHT]
    assert [rows[n].origin for n in entered] == ["corrected"] * 2 and played("lte", MIXED).asked == []
    places = {tuple(n for n, row in enumerate(played("lte", WRONG, tries=[RIGHT, RIGHT, *[CARRY] * 6], seed=seed).rows())
                    if row.text == RIGHT) for seed in range(6)}
    assert len(places) > 1


def test_lte_shapes_the_ratio_to_the_prompt_that_the_draw_came_from():
    play = played("lte", WRONG, tries=[RIGHT, CARRY, RIGHT, *[CARRY] * 5])
    found = slopes(play, logp=-0.7, behaviour=-1.0)
    ratio = {True: math.exp(0.3), False: math.exp(-0.2)}
    for slope, row in zip(found, play.rows(), strict=True):
        factor = shaped(ratio[True]) if row.origin == "corrected" else ratio[False]
        assert slope == pytest.approx(-row.advantage * factor, rel=1e-4)


def test_lte_asks_for_brevity_where_answers_were_cut_off():
    play = played("lte", ["7" * 99], tries=[RIGHT, CARRY])
    assert len(play.asked) == 8 and play.asked[0].help == "nothing"
    assert "brief" in play.asked[0].content.lower() or "short" in play.asked[0].content.lower()


# EDGE-GRPO


def spliced(way, tries=(RIGHT,), answers=WRONG):
    ways = {f"fixing__operator__{name}": float(name == way) for name in ("wait", "answer", "solution")}
    return played("edge_grpo", answers, tries=tries, judged=lenient, sampling__max_tokens=400, **ways)


@pytest.mark.parametrize(("way", "origin"), [("wait", "corrected"), ("answer", "corrected"), ("solution", "given")])
def test_edge_mends_each_wrong_answer_in_its_place(way, origin):
    play = spliced(way)
    rows = play.rows()
    assert [row.origin for row in rows] == [origin, origin, "sampled", "sampled"] and [r.parent for r in rows[:2]] == WRONG[:2]
    assert all(row.text.endswith(RIGHT) and row.trained == row.text for row in rows[:2])
    begun = [row.text.startswith(wrong) for row, wrong in zip(rows[:2], WRONG, strict=False)]
    assert begun == [way != "solution"] * 2 and {row.context for row in rows} == {HARD.content}
    assert [row.advantage for row in rows] == pytest.approx([0.866, 0.866, -0.866, -0.866], rel=1e-3)
    assert all(row.weight == 1.0 for row in rows) and (len(play.asked) > 0) == (way == "wait")


def test_edge_mends_mixed_groups_and_leaves_what_did_not_end_right():
    rows = spliced("wait", [CARRY], MIXED).rows()
    assert [row.text for row in rows] == MIXED and spliced("wait", [RIGHT], [RIGHT]).asked == []
    operator = recipe("edge_grpo").fixing.operator
    assert (operator.wait, operator.answer, operator.solution, operator.continuation) == (0.5, 0.25, 0.25, 256)


def test_edge_divides_the_advantage_by_the_relative_entropy():
    play = spliced("wait")
    stream = stream_of(play)
    old = torch.where(torch.arange(4)[:, None] == 0, -0.3, -0.9).expand(stream.batch.mask.shape)
    found = stream.objective.with_advantages(replace(stream.batch, old=old)).advantage[:, 0].tolist()
    base = [0.866, 0.866, -0.866, -0.866]  # entropies .3 .9 .9 .9, mean .75
    assert found == pytest.approx([a * 0.75 / h for a, h in zip(base, (0.3, 0.9, 0.9, 0.9), strict=True)], rel=1e-3)


# REX-RAG


def probed(**changes):
    changes = {"fixing__operator__probability": 1.0, "fixing__help__max_share": 1.0, "sampling__max_tokens": 400} | changes
    return played("rex_rag", WRONG, tries=["4813;132"], judged=lenient, **changes)


def test_rex_rag_adds_probes_whole_under_the_original_prompt():
    rows = probed().rows()
    assert [row.text for row in rows[:4]] == WRONG and len(rows) == 6
    for row, parent in zip(rows[4:], WRONG, strict=False):
        assert row.parent == parent and row.origin == "corrected" and row.context == HARD.content
        assert row.trained == row.text and row.text.startswith(parent[:10] + "\n") and row.text.endswith("\n4813;132")
    assert rows[4].advantage == pytest.approx((1 - 1 / 3) / math.sqrt(4 / 15), rel=1e-3)


def test_rex_rag_weighs_the_inserted_tokens_by_the_mixture():
    play = probed()
    batch, rows = stream_of(play).batch, play.rows()
    old = torch.full(batch.mask.shape, -0.5)
    now = Policy(old.clone())
    ratio = stream_of(play).objective.ratio(now, replace(batch, old=old)).exp()
    inserted = batch.mask & ~batch.known & (batch.origin == ORIGINS.index("corrected"))[:, None]
    inserted &= torch.arange(batch.mask.shape[1]) >= batch.common_prefix[:, None]
    assert int(inserted[4].sum()) == len(rows[4].text) - len("7502;4803;") - len("4813;132")
    assert ratio[inserted].tolist() == pytest.approx([P / (0.8 * P + 0.2)] * int(inserted.sum()), rel=1e-5)
    assert ratio[batch.mask & ~inserted].tolist() == pytest.approx([1.0] * int((batch.mask & ~inserted).sum()))


def test_rex_rag_probes_a_fifth_and_keeps_few():
    run = recipe("rex_rag")
    assert (run.fixing.operator.probability, run.objective.ratio.alpha, run.fixing.help.max_share) == (0.2, 0.2, 0.08)
    assert len(probed(fixing__help__max_share=0.25).rows()) == 5  # one of four
    asked = [len(probed(seed=seed, fixing__operator__probability=0.2).asked) for seed in range(30)]
    assert 2 <= sum(asked) <= 24  # of 60 wrong answers that are distinct


# SCoRe


def scored(progress):
    return played("score", MIXED, tries=[RIGHT, CARRY, CARRY, CARRY], progress=progress)


def test_score_trains_the_second_turn_alone_at_first():
    play = scored(0.49)
    rows, first = play.rows(), play.rows("first_turn")
    assert [row.reward for row in rows] == [1, 0, 0, 0] and HARD.content not in {row.context for row in rows}
    assert [row.context for row in rows] == [request.content for request in play.asked] and len(play.asked) == 4
    assert [draft in row.context for draft, row in zip(MIXED, rows, strict=True)] == [True] * 4
    assert [row.text for row in first] == MIXED and [row.advantage for row in first] == [0.0] * 4
    assert slopes(play, "first_turn", reference=-1.0) == pytest.approx([0.1 * 0.5] * 4)  # k2: beta2 times the log ratio
    assert slopes(play, reference=-1.0)[0] == pytest.approx(-rows[0].advantage + 0.01 * 0.5, rel=1e-4)


def test_score_then_trains_both_turns_with_a_bonus_for_the_step_between():
    play = scored(0.51)
    first, second = play.rows()[:4], play.rows()[4:]
    assert play.rows("first_turn") == [] and [row.reward for row in first] == [0, 1, 0, 0]
    assert [row.reward for row in second] == [2, -1, 0, 0]
    assert {row.context for row in first} == {HARD.content} and {row.group for row in first}.isdisjoint({second[0].group})


def test_score_says_nothing_of_right_and_wrong():
    assert {request.help for request in scored(0.0).asked} == {"nothing"}


# iGRPO


def test_igrpo_trains_refinements_of_the_best_draft_in_its_prompt():
    play = played("igrpo", MIXED, tries=[RIGHT, CARRY])
    rows = play.rows()
    assert len(rows) == len(play.asked) == 8 and len({row.context for row in rows}) == 1
    assert RIGHT in rows[0].context and CARRY not in rows[0].context
    assert [row.text for row in rows] == [RIGHT, CARRY] * 4 and [row.reward for row in rows] == [1, 0] * 4
    assert [row.advantage for row in rows[:2]] == pytest.approx([0.9354, -0.9354], rel=1e-3)
    assert slopes(play) == pytest.approx([-row.advantage for row in rows], rel=1e-5)


def test_igrpo_refines_right_groups_too_and_stuck_ones():
    assert len(played("igrpo", [RIGHT], tries=[RIGHT, CARRY]).rows()) == 8
    assert len(played("igrpo", WRONG, tries=[RIGHT, CARRY]).rows()) == 8


# All of them


@pytest.mark.parametrize("name", NAMES)
def test_twenty_steps(name):
    def script(request, j):
        chance = RandomKey(step=request.key.step, attempt=request.key.attempt, sample=request.key.sample + j).number() % 5
        if request.key.purpose == "rollout":
            return RIGHT if chance == 0 else WRONG[j]
        if request.role != "answer":
            return "The carry is lost."
        return RIGHT if chance < 2 else CARRY

    play = played(name, script, steps=20, judged=lenient, sampling__max_tokens=400, fixing__help__max_share="none")
    state = play.state
    assert (state.step, state.skipped_updates, play.metrics["nan_updates"]) == (20, 0, 0) and state.updates >= 10
    assert state.tokens.rollout == 20 * 4 * 14 and state.tokens.correction > 50 and state.tally.successes > 2
    trained = {stream.name for update in play.bench.engine.updates for stream in update}
    assert trained == {"policy", *play.bench.run.streams}


@pytest.mark.parametrize("name, changes", [("reflect_retry_reward", {}), ("erl", {}), ("r3l", {}),
                                           ("lte", {"fixing__operator__concise": "false"})])
def test_the_shipped_student_trains(name, changes, tmp_path, monkeypatch):
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
    small = sets(group_size=4, prompts_per_step=4, evaluation__prompts=0, fixing__operator__templates="student",
                 fixing__operator__tries=4, fixing__operator__at_once=4, **changes)
    assert main(["train", name, *STUDENT, "--steps", "2", *small, "--out", str(tmp_path / "run")]) == 0
    lines = RunStore(tmp_path / "run").metrics()
    assert lines[-1]["step"] == 2 and lines[-1]["correction_tokens"] > 0 and lines[-1]["updates"] >= 1
