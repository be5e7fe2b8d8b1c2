"""Methods that show the model an answer, or the answer's result: which rows they make, and how hard each row pulls."""

import math
import re
from dataclasses import replace

import pytest
import torch

from rfpo import students
from rfpo.batch import ORIGINS, collate
from rfpo.cli import main
from rfpo.config.change import change, put
from rfpo.config.refuse import refuse_prompts
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.errors import UserError
from rfpo.objective import Policy
from rfpo.recipes import describe, recipe
from rfpo.records import Opening, Outcome, Prompt, RandomKey, Sample, Verdict
from rfpo.reporting.display import Display
from rfpo.reporting.store import RunStore
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.training.bench import Bench
from rfpo.training.state import LoopState
from rfpo.training.step import take_step
from tests.recipes.played import played
from tests.training.build import STUDENT, sets
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT

WRONG = [CARRY, RESULT, CARRY, RESULT]
MIXED = [CARRY, RIGHT, RESULT, CARRY]
P = math.exp(-0.5)  # what every token's probability is in these tests
SHAPED = 0.1 * P / (P + 0.1) ** 2  # the slope of p / (p + .1), a nat
IN_GROUPS, SWITCHES = ("luffy", "rl_plus", "srft"), ("superrl", "hpt")
DEMONSTRATIONS = ("luffy", "ampo", "rl_plus", "srft", "chord", "relift", *SWITCHES)
ANSWERS = ("expo", "evocot")
IMITATIONS = ("srft", "chord", "relift", *SWITCHES, "expo")


def streams(play, update=-1):
    return {stream.name: stream for stream in play.bench.engine.updates[update]}


def pulls(play, stream="policy"):
    """How much a nat of each row's log-probs takes off its stream's loss, a token, before the stream's mean is taken: the
    advantage, times whatever multiplies it. Every probability is P, now and before, and every entropy 1 nat."""
    held = streams(play)[stream]
    batch, loss = held.batch, held.objective
    old = torch.where(batch.valid, -0.5, 0.0)
    batch = replace(batch, **{name: old for name in ("old", "update") if getattr(batch, name) is None})
    logp = old.clone().requires_grad_()
    one = replace(batch.counts, rows=1, trained_rows=1, tokens=1, max_length=1)
    loss(Policy(logp, torch.ones_like(logp)), replace(batch, counts=one)).backward()
    lengths = batch.mask.sum(-1) if type(loss.aggregation).__name__ == "SequenceMean" else torch.ones(len(batch))
    per_token = -logp.grad.sum(-1) * lengths / batch.mask.sum(-1).clamp(min=1)
    return per_token.tolist()


def near(*values):
    return pytest.approx(list(values), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", [*DEMONSTRATIONS, *ANSWERS])
def test_the_loss_of_the_own_answers_is_grpos_or_dr_grpos(name):
    objective = recipe(name).objective
    base = recipe("grpo" if name in ("chord", "superrl", *ANSWERS) else "dr_grpo").objective
    assert objective.aggregation == base.aggregation and type(objective.advantage) is type(base.advantage)
    assert getattr(objective.surrogate, "base", objective.surrogate) == base.surrogate and objective.regularizers == ()
    assert getattr(objective.advantage, "baseline", "group") == ("originals" if name in IN_GROUPS else "group")


def test_grpo_reads_no_demonstration():
    assert played("grpo", WRONG).bench.engine.updates == [] and streams(played("grpo", MIXED)).keys() == {"policy"}


@pytest.mark.parametrize("name", IN_GROUPS)
def test_one_demonstration_takes_the_first_place_under_the_plain_prompt(name):
    play = played(name, MIXED)
    rows = play.rows()
    assert [row.text for row in rows] == [RIGHT, RIGHT, RESULT, CARRY] and play.asked == []
    assert [row.origin for row in rows] == ["given", "sampled", "sampled", "sampled"]
    assert {row.context for row in rows} == {HARD.content} and all(row.trained == row.text for row in rows)
    assert [row.advantage for row in rows] == near(2 / 3, 2 / 3, -1 / 3, -1 / 3)  # the own answers' mean is 1/3
    batch = streams(play)["policy"].batch
    assert batch.known.any(-1).tolist() == [False, True, True, True]  # nobody knows the teacher's density
    assert play.state.tokens.correction == 0 and play.state.tokens.rollout == 4 * 14


@pytest.mark.parametrize("name", IN_GROUPS)
def test_in_a_stuck_group_the_demonstration_alone_is_learned(name):
    play = played(name, WRONG)
    assert [row.text for row in play.rows()] == [RIGHT, *WRONG[1:]]
    assert [row.advantage for row in play.rows()] == [1.0, 0.0, 0.0, 0.0]
    first = played(name, [RIGHT, *WRONG[1:]]).rows()
    assert [row.advantage for row in first] == [1.0, 0.0, 0.0, 0.0] and first[0].origin == "given"


def test_in_an_all_right_group_a_demonstration_has_no_advantage():
    for name in ("luffy", "rl_plus"):
        play = played(name, [RIGHT])
        assert play.bench.engine.updates == [] and play.metrics["corrected_rows"] == 1
    play = played("srft", [RIGHT])
    assert [row.advantage for row in play.rows()] == [0.0] * 4 and len(play.rows("imitation")) == 1


def test_luffy_shapes_the_demonstration_alone():
    assert pulls(played("luffy", MIXED)) == near(2 / 3 * SHAPED, 2 / 3, -1 / 3, -1 / 3)
    assert [row.weight for row in played("luffy", MIXED).rows()] == [1.0] * 4
    assert pulls(played("luffy", WRONG)) == near(SHAPED, 0.0, 0.0, 0.0)


def test_luffys_demonstration_is_clipped_by_nothing():
    objective = recipe("luffy").objective
    batch = streams(played("luffy", MIXED))["policy"].batch
    batch = replace(batch, old=torch.where(batch.valid, -2.0, 0.0))
    logp = torch.where(batch.valid, -0.5, 0.0).requires_grad_()  # a ratio of e^1.5, above the clip where A > 0
    objective(Policy(logp), batch).backward()
    assert [bool(row.any()) for row in logp.grad] == [True, False, True, True]


def test_rl_plus_has_a_ratio_to_a_mixture_and_a_bonus_for_the_unlikely():
    play = played("rl_plus", MIXED)
    bonus, ratio = math.sqrt(1 - P), 2 * P / (P + (P + 1) / 2)
    assert [row.weight for row in play.rows()] == near(bonus, 1.0, 1.0, 1.0)
    assert pulls(play) == near(2 / 3 * bonus * ratio, 2 / 3, -1 / 3, -1 / 3)
    assert "old" in play.bench.run.objective.needs


def test_srft_is_four_terms():
    play = played("srft", MIXED)
    own = 0.1 * math.e  # the entropy is 1 nat
    assert [row.weight for row in play.rows()] == near(1.0, own, 1.0, 1.0)  # right, own answers alone
    assert pulls(play) == near(2 / 3 * SHAPED, 2 / 3 * own, -1 / 3, -1 / 3)
    (imitated,) = play.rows("imitation")
    assert (imitated.text, imitated.origin, imitated.context) == (RIGHT, "given", HARD.content)
    assert imitated.weight == pytest.approx(0.5 / math.e, rel=1e-5) and pulls(play, "imitation") == near(0.5 / math.e)
    assert streams(play)["imitation"].coefficient == 1.0
    code = played("srft", MIXED, **{"streams__imitation__objective__weights__0__exponent": 1.0})
    assert pulls(code, "imitation") == near(0.5 * math.e)


@pytest.mark.parametrize("answers", [WRONG, MIXED, [RIGHT]], ids=["stuck", "mixed", "right"])
def test_chord_imitates_beside_a_group_that_is_grpos_own(answers):
    play, plain = played("chord", answers), played("grpo", answers)
    assert [row.text for row in play.rows()] == [answers[n % len(answers)] for n in range(4)]
    assert {row.origin for row in play.rows()} == {"sampled"} and [row.weight for row in play.rows()] == near(*[0.9] * 4)
    if plain.bench.engine.updates:
        assert pulls(play) == near(*(0.9 * pull for pull in pulls(plain)))
    (imitated,) = play.rows("imitation")
    assert (imitated.text, imitated.origin, imitated.context) == (RIGHT, "given", HARD.content)
    assert pulls(play, "imitation") == near(P * (1 - P))  # detached: the slope is the product itself
    assert streams(play)["imitation"].coefficient == pytest.approx(0.1)


def test_chord_mu_by_the_words_of_the_recipe():
    words = re.findall(r"--set '(.+)'", describe("chord"))
    run = change(recipe("chord"), words)
    assert len(words) == 3
    for progress, mu in ((0.0, 0.9), (0.5, 0.475), (1.0, 0.05)):
        play = played("chord", MIXED, progress=progress, run=run)
        assert streams(play)["imitation"].coefficient == pytest.approx(mu) and pulls(play, "imitation") == near(1.0)
        assert [row.weight for row in play.rows()] == near(*[1 - mu] * 4)


def two_teachers(items):
    """Either of two teachers' traces is right, though the task knows one of them only."""
    return [Verdict.solved("132") if text in (RIGHT, "Teacher 2: 132") else Verdict.wrong(text) for _, text in items]


def test_ampo_puts_two_teachers_into_a_stuck_group_and_blames_the_rest():
    prompt = replace(HARD, data={"demonstrations": [RIGHT, "nonsense", "Teacher 2: 132", RIGHT]})
    play = played("ampo", WRONG, prompts=[prompt], judged=two_teachers)
    rows = play.rows()
    given = {row.text: pull for row, pull in zip(rows, pulls(play), strict=True) if row.origin == "given"}
    assert len(rows) == 4 and given == pytest.approx({RIGHT: 0.5 * SHAPED, "Teacher 2: 132": 0.5 * SHAPED}, rel=1e-4)
    blamed = [pull for row, pull in zip(rows, pulls(play), strict=True) if row.origin == "sampled"]
    assert blamed == near(-0.5, -0.5)  # the group with its traces is the baseline
    assert {row.context for row in rows} == {HARD.content} and play.asked == []
    one = played("ampo", WRONG)
    assert sorted(row.advantage for row in one.rows()) == near(-0.25, -0.25, -0.25, 0.75)


@pytest.mark.parametrize("name", ["ampo", "relift", *SWITCHES])
def test_a_group_with_a_right_answer_is_left_alone(name):
    play = played(name, MIXED)
    assert [row.text for row in play.rows()] == MIXED and {row.origin for row in play.rows()} == {"sampled"}
    assert play.rows("imitation") == [] and play.metrics["corrected_rows"] == 0
    base = played("grpo" if name == "superrl" else "dr_grpo", MIXED)
    assert pulls(play) == near(*pulls(base))
    assert played(name, [RIGHT]).bench.engine.updates == []


@pytest.mark.parametrize("name, kept", [("relift", WRONG), ("superrl", []), ("hpt", [])])
def test_a_stuck_prompt_is_fine_tuned_on_its_demonstration(name, kept):
    play = played(name, WRONG)
    assert [row.text for row in play.rows()] == kept and all(row.advantage == 0.0 for row in play.rows())
    (imitated,) = play.rows("imitation")
    assert (imitated.text, imitated.trained, imitated.context) == (RIGHT, RIGHT, HARD.content)
    assert (imitated.origin, imitated.weight) == ("given", 1.0) and pulls(play, "imitation") == near(1.0)
    assert streams(play)["imitation"].coefficient == 1.0 and play.asked == []


def test_a_gate_above_0_drops_the_right_answers_of_a_hard_prompt():
    play = played("hpt", MIXED, fixing__diagnosis__at_most=0.25)
    assert play.rows() == [] and [row.text for row in play.rows("imitation")] == [RIGHT]
    assert len(played("hpt", [RIGHT, *MIXED[1:]], fixing__diagnosis__at_most=0.25).rows()) == 4


def test_expo_imitates_an_explanation_under_the_plain_prompt():
    play = played("expo", WRONG, tries=[CARRY, RIGHT])
    assert len(play.asked) == 2 and all(RIGHT in request.content for request in play.asked)  # the answer is told
    assert all(CARRY not in request.content and RESULT not in request.content for request in play.asked)
    assert [row.text for row in play.rows()] == WRONG and [row.advantage for row in play.rows()] == [0.0] * 4
    (imitated,) = play.rows("imitation")
    assert (imitated.text, imitated.trained, imitated.origin) == (RIGHT, RIGHT, "corrected")
    assert imitated.context == HARD.content and pulls(play, "imitation") == near(1.0)
    assert streams(play)["imitation"].coefficient == 0.1 and play.state.tokens.correction == 2 * 14
    mixed = played("expo", MIXED, tries=[RIGHT])
    assert pulls(mixed) == near(*pulls(played("grpo", MIXED))) and len(mixed.rows("imitation")) == 1
    assert played("expo", WRONG, tries=[CARRY]).bench.engine.updates == []


def explaining(*later):
    """Plain answers are wrong. An explanation is right; what goes on from a beginning ends as `later` says, in turn."""
    turn = iter(range(10**6))

    def script(request, j):
        if request.key.purpose == "rollout":
            return WRONG[j]
        begun = "".join(chr(token - 1) for token in request.prefix)
        end = later[next(turn) % len(later)] if begun else RIGHT
        return end[len(begun):] if end.startswith(begun) else end

    return script


def test_evocot_trains_no_explanation_and_keeps_it():
    play = played("evocot", WRONG, tries=[CARRY, RIGHT])  # explanations differ, and are still not compared
    assert play.bench.engine.updates == [] and len(play.asked) == 8 and RIGHT in play.asked[0].content
    assert play.state.memory["prompts"][HARD.id]["stored"][-1]["text"] == RIGHT


def test_evocot_trains_what_goes_on_from_ever_fewer_steps():
    half = explaining(RIGHT, RESULT)
    play = played("evocot", half, steps=2)
    later = [request for request in play.asked if request.key.step == 1]
    assert len(later) == 8 and {request.content for request in later} == {HARD.content}  # the answer is not told
    rows = play.rows()
    assert [row.text for row in rows] == [RIGHT, RESULT] * 4 and {row.context for row in rows} == {HARD.content}
    assert {row.trained for row in rows} == {"132", "131"} and {row.weight for row in rows} == {1.0}  # "7502;4813;" was put
    assert [row.advantage for row in rows] == near(*[math.sqrt(7 / 8), -math.sqrt(7 / 8)] * 4)
    third = played("evocot", half, steps=3).rows()
    assert {row.trained for row in third} == {"4813;132", "4813;131"}
    failed = played("evocot", explaining(RESULT), steps=3)
    assert {request.prefix for request in failed.asked if request.key.step} == {later[0].prefix}  # the same again
    assert failed.bench.engine.updates == []


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_a_demonstration_that_is_wrong_or_cannot_be_placed_does_not_enter(name):
    play = played(name, WRONG, prompts=[replace(HARD, solution=RESULT)], judged=lambda items: [
        Verdict.wrong(text) for _, text in items])
    assert play.bench.engine.updates == [] and play.metrics["fix_rate"] == 0.0
    cut = played(name, WRONG, sampling__max_tokens=4)
    assert cut.bench.engine.updates == [] and cut.metrics["corrected_rows"] == 0


@pytest.mark.parametrize("name", [*DEMONSTRATIONS, *ANSWERS])
def test_prompts_without_a_solution_are_refused(name):
    with pytest.raises(UserError, match="no prompt of task 'bare' has a solution"):
        refuse_prompts(recipe(name), [Prompt("1", "47+85=", "bare")])
    refuse_prompts(recipe(name), [HARD])


@pytest.mark.parametrize("name", IMITATIONS)
def test_fine_tuning_is_the_mean_over_tokens_of_minus_the_log_likelihood(name):
    play = played(name, WRONG, tries=[RIGHT], run=put(recipe(name), [("streams.imitation.objective.weights", [])]))
    held = streams(play)["imitation"]
    logp = torch.linspace(-2.0, -0.1, held.batch.mask.shape[1]).expand(held.batch.mask.shape)
    assert float(held.objective(Policy(logp), held.batch)) == pytest.approx(-logp[held.batch.mask].mean().item(), rel=1e-5)


@pytest.mark.parametrize("name", [*DEMONSTRATIONS, *ANSWERS])
def test_twenty_steps(name):
    turn = explaining(RIGHT, RESULT)

    def script(request, j):
        if request.key.purpose != "rollout":
            return turn(request, j)
        return RIGHT if RandomKey(step=request.key.step, sample=j).number() % 5 == 0 else WRONG[j]

    state = (play := played(name, script, steps=20)).state
    assert (state.step, state.skipped_updates, play.metrics["nan_updates"]) == (20, 0, 0) and state.updates >= 10
    assert state.tokens.rollout == 20 * 4 * 14 and (state.tokens.correction > 0) == (name in ANSWERS)
    trained = {stream.name for update in play.bench.engine.updates for stream in update}
    assert trained == {"policy", *play.bench.run.streams} and state.tally.successes >= 3


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_the_shipped_student_trains(name, tmp_path, monkeypatch):
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
    small = sets(group_size=4, prompts_per_step=4, evaluation__prompts=0)
    assert main(["train", name, *STUDENT, "--steps", "2", *small, "--out", str(tmp_path / "run")]) == 0
    lines = RunStore(tmp_path / "run").metrics()
    assert lines[-1]["step"] == 2 and lines[-1]["correction_tokens"] == 0 and lines[-1]["updates"] >= 1


def student():
    return LocalEngine.load(Model(path=str(students.path("column_addition")), precision="fp32", device="cpu"), Optimizer())


@pytest.mark.parametrize("name", ["luffy", "rl_plus"])
def test_a_demonstrations_old_log_probs_are_the_steps_policys_under_the_plain_prompt(name, monkeypatch):
    """Of both updates of a step: the policy has moved at the second, the old log-probs have not."""
    task, trained, untouched, seen = ColumnAddition().task(size=4), student(), student(), []
    prompts, update = tuple(task.training_prompts()), trained.update
    monkeypatch.setattr(trained, "update", lambda streams, rate: seen.append(streams[0].batch) or update(streams, rate))
    run = put(recipe(name), [("group_size", 3), ("prompts_per_step", 4), ("updates_per_step", 2), ("sampling.max_tokens", 64)])
    made = Bench(run, trained, lambda items: [task.verify(*item) for item in items], prompts, Display(1, quiet=True))
    take_step(made, LoopState(), 0.0)
    given = {trained.encode(prompt.content): (*trained.encode(prompt.solution), *trained.open(Opening(text="", ends=True)))
             for prompt in prompts}
    checked = 0
    for batch in seen:
        for row in ((batch.origin == ORIGINS.index("given")) & (batch.advantage != 0).any(-1)).nonzero().flatten().tolist():
            context, tokens = batch.contexts[batch.context[row]], tuple(batch.tokens[row][batch.valid[row]].tolist())
            assert given[context] == tokens
            alone = Sample(context=context, tokens=tokens, trained=(True,) * len(tokens), outcome=Outcome.SOLVED, reward=1.0,
                           group=("alone", 0))
            expected = untouched.score(collate([alone], 64), frozenset({"old"})).old
            torch.testing.assert_close(batch.old[row][batch.valid[row]], expected[0][: len(tokens)], rtol=1e-3, atol=1e-4)
            checked += 1
    assert len(seen) == 2 and checked >= 2
