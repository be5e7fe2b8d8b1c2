"""One step, with scripted answers: what is corrected, what is trained, what is counted, what is written down."""

from dataclasses import dataclass, replace
from math import exp

import pytest

from rfpo.config.run import ExtraStream
from rfpo.correction._samples import plain, sample_of_correction
from rfpo.errors import UserError
from rfpo.recipes import recipe
from rfpo.records import Prompt, Verdict
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, bench, says, step, sum_of

OTHER = "7503;4812;123"
GROUP = [RESULT, CARRY, RESULT, "7502;4813;130"]
FAILED_THEN_RIGHT = [OTHER, RIGHT]
LENGTH = len(RIGHT) + 1  # and the end of sequence


@pytest.fixture(scope="module")
def corrected():
    """The second distinct wrong answer is corrected at the second try."""
    made = bench(says(GROUP, FAILED_THEN_RIGHT))
    return made, *step(made)


def test_a_stuck_group_is_trained_with_its_correction_in_its_parents_place(corrected):
    engine = corrected[0].engine
    ((stream,),) = engine.updates
    batch = stream.batch
    assert batch.contexts == (engine.encode(HARD.content),) and batch.context.tolist() == [0] * 4
    texts = [engine.decode(tokens.tolist()) for tokens in batch.tokens]
    assert texts == [RESULT, RIGHT, RESULT, GROUP[3]]
    assert batch.corrected.tolist() == [False, True, False, False]
    assert engine.decode(batch.parent_tokens[1].tolist()) == CARRY and batch.common_prefix[1] == 7  # "7502;48|03", "7502;48|13"
    assert batch.reward.tolist() == [0, 1, 0, 0]
    assert batch.advantage[:, 0].tolist() == pytest.approx([-0.5, 1.5, -0.5, -0.5], rel=1e-3)  # mean 1/4, std 1/2


def test_the_tries_are_asked_one_after_the_other_about_the_next_parent(corrected):
    rollout, first, second = corrected[0].engine.requests
    assert rollout.content == HARD.content and rollout.n == 4
    assert first.content == f"{HARD.text}<wrong>{RESULT}<at>2<fix>"
    assert second.content == f"{HARD.text}<wrong>{CARRY}<at>1<fix>"


def test_the_rows_of_a_corrected_group(corrected):
    rows = corrected[-1]
    assert [(row["text"], row["origin"], row["trained"]) for row in rows] == [
        (RESULT, "sampled", True), (RIGHT, "corrected", True), (RESULT, "sampled", True), (GROUP[3], "sampled", True),
        (CARRY, "sampled", False), (OTHER, "corrected", False)]
    told = {"operator": "fix_located", "tries": 2, "help": "place", "located": True, "parent_text": CARRY, "error_start": 5,
            "error_end": 9, "leaks": [], "outcome": "solved", "reward": 1.0, "prompt": HARD.text, "tokens": LENGTH}
    assert told.items() <= rows[1].items()
    numbers = [rows[1][name] for name in ("log_r_off", "weight", "mean_logp_old", "mean_logp_behaviour", "advantage")]
    assert numbers == pytest.approx([-0.4, exp(-0.4), -0.5, -0.5, 1.5], rel=1e-3)  # -0.9 of the parent, -0.5 of its own
    assert rows[0]["weight"] is None and rows[0]["log_r_off"] is None and rows[0]["operator"] == ""
    assert "weight" not in rows[4] and rows[4]["reward"] == 0.0
    assert (rows[5]["tries"], rows[5]["parent_text"], rows[5]["outcome"]) == (1, RESULT, "wrong")


def test_every_token_is_counted(corrected):
    _, state, metrics, _ = corrected
    asked = len(HARD.text)
    told = len(f"{HARD.text}<wrong>{RESULT}<at>2<fix>")
    assert (state.tokens.rollout, state.tokens.correction) == (4 * LENGTH, 2 * LENGTH)
    assert state.tokens.prompt == 4 * asked + 2 * told
    assert (state.tokens.trained, state.trained_rows, state.updates, state.step) == (4 * LENGTH, 4, 1, 1)
    assert metrics["generated_tokens"] == 6 * LENGTH
    assert state.tokens.scored == metrics["scored_tokens"] == LENGTH  # the one parent; the rows' own update reads the rest
    assert (metrics["stuck_share"], metrics["fix_rate"], metrics["tries"], metrics["try_success"]) == (1.0, 1.0, 2, 0.5)
    assert (metrics["solved_share"], metrics["reward"], metrics["corrected_rows"]) == (0.0, 0.25, 1)
    assert metrics["log_r_off"] == pytest.approx(-0.4)
    tally = state.tally
    assert (tally.stuck, tally.fixed, tally.tries, tally.successes, tally.ungraded) == (1, 1, 2, 1, 0)


def test_a_mixed_group_is_left_as_it_is():
    made = bench(says([RIGHT, RESULT, CARRY, RESULT]))
    state, metrics, rows = step(made)
    assert len(made.engine.requests) == 1 and len(rows) == 4 and state.tokens.correction == 0
    assert metrics["fix_rate"] is None and metrics["stuck_share"] == 0.0 and metrics["solved_share"] == 0.25


def test_answers_that_could_not_be_judged_are_in_no_denominator():
    made = bench(says([RIGHT, "?", RESULT, RESULT]))
    state, metrics, rows = step(made)
    assert metrics["solved_share"] == pytest.approx(1 / 3) and metrics["ungraded_share"] == 0.25
    assert metrics["reward"] == pytest.approx(1 / 3)
    batch = made.engine.updates[0][0].batch
    assert batch.counts.rows == 3 and batch.reward.tolist() == [1, 0, 0]
    assert (rows[-1]["outcome"], rows[-1]["reward"], rows[-1]["trained"]) == ("ungraded", None, False)
    assert state.tally.ungraded == 1


def test_a_group_is_stuck_when_all_that_could_be_judged_is_wrong():
    made = bench(says([RESULT, "?", CARRY, "?"], ["?", RIGHT]))
    state, metrics, _ = step(made)
    assert metrics["stuck_share"] == 1.0 and metrics["try_success"] == 1.0 and metrics["tries"] == 2
    assert made.engine.updates[0][0].batch.counts.rows == 2 and state.tally.ungraded == 3


def test_a_group_of_which_nobody_knows_anything_is_in_no_share():
    lost, known = sum_of(11, 11), sum_of(12, 12)
    made = bench(lambda request, j: "?" if request.prompt == lost else request.prompt.solution, lost, known, prompts_per_step=2)
    state, metrics, _ = step(made)
    assert (metrics["stuck_share"], metrics["all_solved_share"], metrics["ungraded_share"]) == (0.0, 1.0, 0.5)
    state, metrics, rows = step(bench(says(["?"] * 4)))
    assert [metrics[name] for name in ("stuck_share", "solved_share", "reward")] == [None] * 3
    assert metrics["ungraded_share"] == 1.0 and state.idle_steps == 1 and len(rows) == 4


@pytest.mark.parametrize("answers", [[RIGHT] * 4, ["?"] * 4, ["?", "?", "?", RIGHT]])
def test_a_step_without_anything_to_train_makes_no_update(answers):
    made = bench(says(answers))
    state, metrics, _ = step(made)
    assert made.engine.updates == [] and made.engine.policy_version == 0
    assert (state.step, state.updates, state.idle_steps, state.trained_rows, state.tokens.trained) == (1, 0, 1, 0, 0)
    assert metrics["loss"] is None and metrics["step_trained_rows"] == 0


def test_a_correction_prompt_that_is_too_long_is_not_asked_and_the_run_goes_on():
    asked = len(f"{HARD.text}<wrong>{RESULT}<at>2<fix>")
    fits = bench(says(GROUP, FAILED_THEN_RIGHT), context=asked + 1)
    too_long = bench(says(GROUP, FAILED_THEN_RIGHT), context=asked)
    state, metrics, _ = step(fits)
    assert metrics["tries"] == 2 and (state.tally.too_long, state.tally.unasked) == (0, 0)
    state, metrics, rows = step(too_long)
    assert (state.tally.too_long, state.tally.unasked) == (4, 0)
    assert (metrics["tries"], metrics["fix_rate"], metrics["try_success"]) == (0, 0.0, None)
    assert len(too_long.engine.requests) == 1 and len(rows) == 4 and state.idle_steps == 1
    assert step(too_long, state)[0].step == 2


@pytest.mark.parametrize("snapshot", ["old", "update"])
def test_r_off_is_recorded_whichever_snapshot_it_is_taken_from(snapshot):
    made = bench(says(GROUP, FAILED_THEN_RIGHT), objective__weights__0__snapshot=snapshot)
    _, metrics, rows = step(made)
    assert metrics["log_r_off"] == pytest.approx(-0.4)  # the parent's tokens at -0.9 nats, the correction's at -0.5
    assert [row["log_r_off"] for row in rows if row["origin"] == "corrected" and row["trained"]] == [pytest.approx(-0.4)]


def test_a_group_of_truncated_answers_is_stuck_with_nothing_to_correct():
    made = bench(says(["7502;" * 20] * 4), sampling__max_tokens=8)
    state, metrics, _ = step(made)
    assert (metrics["stuck_share"], metrics["truncated_share"], metrics["tries"]) == (1.0, 1.0, 0)
    assert (state.tally.stuck, state.tally.unasked, state.tally.too_long) == (1, 1, 0)


LEAKY = Prompt("leaky", "What is 12+34?", "leaky", "46")


def leaky_judge(items):
    return [Verdict.solved("46") if text.endswith("46") else Verdict.wrong(text) for _, text in items]


@pytest.mark.parametrize("reject, trained", [((), True), (("mentions_feedback",), True), (("mentions_attempt",), False)])
def test_a_correction_that_betrays_itself_is_counted_and_kept_out_on_demand(reject, trained):
    leak = "My previous answer was wrong; it is 46"
    made = bench(says(["1", "2", "3", "4"], [leak]), LEAKY, judge=leaky_judge, fixing__reject_leaks=list(reject))
    state, metrics, rows = step(made)
    assert (metrics["leaked"], metrics["leak/mentions_attempt"], metrics["fix_rate"]) == (1, 1, 1.0)
    assert metrics["corrected_rows"] == trained and bool(made.engine.updates) == trained
    row = next(row for row in rows if row["origin"] == "corrected")
    assert row["leaks"] == ["mentions_attempt"] and row["trained"] == trained and len(rows) == 5


def test_truncated_answers_can_be_left_untrained():
    answers = [RIGHT, RESULT, CARRY + 60 * "9", RESULT]
    trained = [bench(says(answers), mask_truncated=mask) for mask in (False, True)]
    rows = [[row["trained"] for row in step(made)[2]] for made in trained]
    assert rows == [[True] * 4, [True, True, False, True]]
    assert trained[1].engine.updates[0][0].batch.counts.rows == 4


@dataclass(frozen=True, kw_only=True)
class Aside:
    """Correction to a stream of its own; the group stays as it is."""

    stream: str = "imitation"

    def __call__(self, group, corrections, tries=()):
        return (*plain(group), *(replace(sample_of_correction(group, c), stream=self.stream) for c in corrections))


def test_a_further_stream_has_its_own_objective_and_coefficient():
    imitation = recipe("reinforce_pp").objective
    mixed, stuck = sum_of(11, 11), HARD
    answers = {mixed.id: [mixed.solution, "1", "2", "3"], stuck.id: GROUP}
    made = bench(lambda request, j: RIGHT if request.key.purpose != "rollout" else answers[request.prompt.id][j], mixed, stuck,
                 prompts_per_step=2)
    made = replace(made, run=replace(made.run, fixing=replace(made.run.fixing, merge=Aside()),
                                     streams={"imitation": ExtraStream(objective=imitation, coefficient=0.25)}))
    _, _, rows = step(made)
    ((policy, extra),) = made.engine.updates
    assert (policy.coefficient, extra.coefficient, extra.objective) == (1.0, 0.25, imitation)
    assert len(policy.batch) == 8 and len(extra.batch) == extra.batch.counts.rows == 1
    row = next(row for row in rows if row["origin"] == "corrected")
    assert row["trained"] and len(rows) == 9


def test_a_sample_for_a_stream_that_the_run_does_not_have():
    made = bench(says(GROUP, [RIGHT]))
    made = replace(made, run=replace(made.run, fixing=replace(made.run.fixing, merge=Aside(stream="imitatoin"))))
    with pytest.raises(UserError) as refused:
        step(made)
    assert str(refused.value) == ("a sample is for the stream 'imitatoin', which the run does not have; known are: policy. "
                                  "Add streams.imitatoin to the run.")
