"""From prompts to samples: dynamic sampling ends and judges after the merge, help is capped, stuck groups can be silenced."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from rfpo.correction import Merge
from rfpo.correction._samples import plain, sample_of_correction
from rfpo.correction.help import Help
from rfpo.correction.leaks import LeakTest
from rfpo.records import Origin
from rfpo.training.archive import history_of
from rfpo.training.gather import gather
from rfpo.training.state import LoopState
from tests.recipes.played import played
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, bench, is_try, says, step, sum_of

EASY, HOPELESS = sum_of(11, 11), sum_of(58, 67)
STUCK = (HARD, HOPELESS, sum_of(69, 76))
LENGTHS = [{"kind": "soft_overlong", "limit": 54, "buffer": 50}]  # -(T - 4) / 50 for T tokens
UNEQUAL = [CARRY, CARRY + "00000", CARRY, CARRY]  # 14 and 19 tokens, the end among them: -.2 and -.3


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


def fixable(request, j):
    """Wrong until corrected."""
    return request.prompt.solution if is_try(request) else f"7502;4813;13{j + 3}"


def fixing(made, **changes):
    """The bench with other fields of its correction stage."""
    return replace(made, run=replace(made.run, fixing=replace(made.run.fixing, **changes)))


def helped(harvest):
    """The groups of the corrected rows, in order."""
    return [sample.group[0] for sample in harvest.samples if sample.origin is not Origin.SAMPLED]


@pytest.mark.parametrize("share, groups", [(None, 3), (0.26, 3), (0.25, 3), (0.24, 2), (0.17, 2), (0.16, 1), (0.08, 0)])
def test_the_cap_lets_the_first_groups_in_that_were_drawn(share, groups):
    made = bench(fixable, *STUCK, prompts_per_step=3, fixing__help__max_share="none" if share is None else share)
    state = LoopState()
    harvest = gather(made, state)
    drawn = [group.prompt.id for group in harvest.groups]
    assert helped(harvest) == drawn[:groups] and len(harvest.samples) == 12
    assert (len(harvest.tries), len(harvest.corrections)) == (3, 3)  # what was dropped has been paid for
    assert [history_of(state.memory, name).helped for name in drawn] == [1] * groups + [0] * (3 - groups)


def test_the_cap_counts_rows_and_not_the_successes_that_no_row_was_made_of():
    made = bench(fixable, *STUCK, prompts_per_step=3, fixing__help__max_share=0.25, fixing__operator__at_once=4)
    harvest = gather(made, LoopState())
    assert len(harvest.corrections) == 12 and len(helped(harvest)) == 3


@dataclass(frozen=True)
class JoinAll(Merge):
    """Every correction joins its group."""

    def __call__(self, group, corrections, tries=()):
        return (*plain(group), *(sample_of_correction(group, each) for each in corrections))


def test_a_group_that_gets_several_rows_gets_as_many_as_there_is_room_for():
    made = fixing(bench(fixable, *STUCK, prompts_per_step=3, fixing__operator__at_once=4), merge=JoinAll(),
                  help=Help(max_share=0.42))
    harvest = gather(made, LoopState())  # room for 5 of 12
    first, second, _ = (group.prompt.id for group in harvest.groups)
    assert helped(harvest) == [first] * 4 + [second]


def test_the_cap_is_the_steps_and_not_the_rounds():
    made = bench(script, HARD, EASY, HOPELESS, name="rfpo_dapo", prompts_per_step=3, dynamic_sampling__max_rounds=2,
                 fixing__help__max_share=0.1)
    harvest = gather(made, LoopState())  # room for 1 of 12; HARD is drawn in both rounds
    assert harvest.rounds == 2 and helped(harvest) == [HARD.id]


def test_help_ends_in_the_step_after_its_tokens_were_spent():
    made = bench(fixable, fixing__help__token_share=0.1)
    state, first, _ = step(made)
    assert first["tries"] == 1 and state.tokens.correction / state.tokens.generated > 0.1
    _, second, rows = step(made, state)
    assert second["tries"] == 0 and second["corrected_rows"] == 0 and len(rows) == 4


def test_a_stalled_prompt_is_helped_from_the_visit_on_that_makes_it_so():
    made = bench(fixable, fixing__diagnosis="stalled", fixing__diagnosis__streak=3)
    state = LoopState()
    assert [step(made, state)[1]["corrected_rows"] for _ in range(4)] == [0, 0, 1, 1]
    assert history_of(state.memory, HARD.id).stuck_streak == 4


@dataclass(frozen=True)
class AlwaysLeaks(LeakTest):
    kinds: ClassVar[tuple[str, ...]] = ("always",)

    def find(self, correction, group):
        return self.kinds


@pytest.mark.parametrize("reject, kept", [((), 1), (("always",), 0)])
def test_a_correction_that_was_refused_for_a_leak_is_not_remembered(reject, kept):
    made = fixing(bench(fixable, fixing__keep=2), leak_tests=(AlwaysLeaks(),), reject_leaks=reject)
    state = LoopState()
    harvest = gather(made, state)
    history = history_of(state.memory, HARD.id)
    assert len(harvest.corrections) == 1 and len(helped(harvest)) == kept
    assert history.helped == kept and [stored.text for stored in history.stored] == [RIGHT] * kept


def rewards(harvest):
    return [sample.reward for sample in harvest.samples]


@pytest.mark.parametrize("shaping, told, silenced", [
    (LENGTHS, [-0.2, -0.3, -0.2, -0.2], [0.0] * 4),
    (["signed", *LENGTHS], [-1.2, -1.3, -1.2, -1.2], [-1.0] * 4),
    ([*LENGTHS, "signed"], [-1.2, -1.3, -1.2, -1.2], [-1.0] * 4),
])
def test_a_group_without_a_right_answer_gets_its_verifier_reward_back(shaping, told, silenced):
    loud = bench(says(UNEQUAL), name="grpo", rewards=shaping)
    assert rewards(gather(loud, LoopState())) == pytest.approx(told)
    quiet = gather(bench(says(UNEQUAL), name="grpo", rewards=shaping, silence_stuck=True), LoopState())
    assert rewards(quiet) == silenced and all(sample.rewards == {"verifier": silenced[0]} for sample in quiet.samples)


def test_a_group_with_a_right_answer_keeps_its_shaping():
    answers = [RIGHT, *UNEQUAL[1:]]
    quiet, loud = (gather(bench(says(answers), name="grpo", rewards=LENGTHS, silence_stuck=silent), LoopState())
                   for silent in (True, False))
    assert quiet.samples == loud.samples and rewards(quiet) == pytest.approx([0.8, -0.3, -0.2, -0.2])


def test_a_correction_gives_a_stuck_group_its_shaping_back():
    corrected = gather(bench(says(UNEQUAL, [RIGHT]), rewards=LENGTHS, silence_stuck=True), LoopState())
    assert rewards(corrected) == pytest.approx([0.8, -0.3, -0.2, -0.2])
    failed = gather(bench(says(UNEQUAL, [CARRY] * 4), rewards=LENGTHS, silence_stuck=True), LoopState())
    assert rewards(failed) == [0.0] * 4


@dataclass(frozen=True)
class OwnGroup(Merge):
    """Corrections are compared with one another under their own prompt; one of them and a wrong answer train a further loss."""

    def __call__(self, group, corrections, tries=()):
        apart = [replace(sample_of_correction(group, each, guided=True), compared_in=None) for each in corrections]
        further = (*apart[:1], *plain(group)[:1])
        return (*plain(group), *apart, *(replace(sample, stream="imitation") for sample in further))


def test_rows_are_silenced_among_those_that_they_are_compared_with():
    """A right answer under another prompt, or in another stream, does not give the plain answers something to learn; and what
    another stream's rows are worth is its own business."""
    made = fixing(bench(says(UNEQUAL, [RIGHT]), rewards=LENGTHS, silence_stuck=True), merge=OwnGroup())
    assert rewards(gather(made, LoopState())) == pytest.approx([0, 0, 0, 0, 0.8, 1.0, 0.0])


def test_plain_draws_beside_the_tries_are_judged_and_never_trained():
    def script(request, j):
        if request.key.purpose == "control":
            return RIGHT if j == 1 else RESULT
        return RIGHT if request.key.purpose != "rollout" else RESULT

    made = bench(script, fixing__control=3)
    state, metrics, rows = step(made)
    asked = [request for request in made.engine.requests if request.key.purpose == "control"]
    assert [(request.content, request.n) for request in asked] == [(HARD.content, 3)]
    assert (metrics["fix_rate"], metrics["resample_fix_rate"], metrics["net_fix_rate"]) == (1.0, 1.0, 0.0)
    assert state.tokens.evaluation == 3 * 14 and state.tokens.correction == 14 and len(rows) == 4 + 1
    assert [stream.batch.tokens.shape[0] for (stream,) in made.engine.updates] == [4]


def test_a_mixed_group_has_no_control():
    made = bench(says([RIGHT, RESULT, RESULT, RESULT]), fixing__control=3)
    state, metrics, _ = step(made)
    assert state.tokens.evaluation == 0 and "net_fix_rate" not in metrics


def test_a_demonstration_enters_where_every_answer_is_truncated():
    (row, *rest) = played("luffy", ["7" * 70], sampling__max_tokens=20).rows()
    assert (row.text, row.origin, row.reward) == (RIGHT, "given", 1.0) and {other.text for other in rest} == {"7" * 20}
