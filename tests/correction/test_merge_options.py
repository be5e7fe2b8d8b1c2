"""The options of a correction's entry: which prompt, which tokens, which baseline, which reward, and the failures' part."""

from dataclasses import replace

import pytest

from rfpo.correction._samples import sample_of_correction
from rfpo.correction.merge.append import Append
from rfpo.correction.merge.distil import Distil
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.merge.leave import Leave
from rfpo.correction.merge.own_group import OwnGroup
from rfpo.correction.merge.reflections import Reflections
from rfpo.correction.merge.replace_all import ReplaceAll
from rfpo.correction.merge.replace_k import ReplaceK
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.merge.two_turns import TwoTurns
from rfpo.errors import UserError
from rfpo.records import Origin, Parent, Verdict
from rfpo.schedule.linear import Linear
from tests.correction.builders import attempt, group, solved, wrong
from tests.correction.merging import CONTEXT, GUIDED, centred, corrected, near, of_stream, population, stuck, texts, tried

EVERY = [ReplaceOne, ReplaceK, ReplaceAll, Append, GroupSwap, OwnGroup, ExtraLoss, TwoTurns]


def entered(merge, failed, *corrections, tries=()):
    """The rows that are not the group's own."""
    return [row for row in merge(failed, corrections, tries) if row.provenance.help != "nothing"]


@pytest.mark.parametrize("cls", EVERY)
@pytest.mark.parametrize(("conditioning", "contexts"), [("original", [CONTEXT]), ("guided", [GUIDED]),
                                                        ("both", [CONTEXT, GUIDED])])
def test_every_merge_trains_a_correction_under_the_prompt_that_conditioning_names(cls, conditioning, contexts):
    failed = stuck(4)
    told = corrected(failed.attempts[1], "46")
    rows = sorted(entered(cls(conditioning=conditioning), failed, told, tries=(told.by,)), key=lambda row: row.context)
    assert [row.context for row in rows] == contexts and texts(rows) == ["46"] * len(contexts)
    assert all(row.behaviour == (-0.5, -0.5) and row.policy_version == 7 for row in rows)
    assert [row.parent is not None for row in rows] == [context == CONTEXT for context in contexts]


@pytest.mark.parametrize("cls", [ReplaceOne, ReplaceK, ReplaceAll, Append])
def test_a_guided_row_is_compared_with_the_group_that_it_joins(cls):
    failed = stuck(4)
    rows = cls(conditioning="guided")(failed, (corrected(failed.attempts[1]),))
    size = 5 if cls is Append else 4
    assert sorted(centred(rows)) == near(*[-1 / size] * (size - 1), 1 - 1 / size)


def test_replace_one_with_both_takes_a_further_failures_place_and_keeps_the_size():
    rows = ReplaceOne(conditioning="both")(failed := stuck(8), (corrected(failed.attempts[2]),))
    assert len(rows) == 8 and rows[2].context == CONTEXT and texts(rows).count("46") == 2
    assert sorted(population(rows)) == near(*[-0.58] * 6, 1.73, 1.73)


def test_what_came_under_the_groups_own_prompt_has_one_row_and_keeps_its_parent():
    failed = stuck(3)
    given = corrected(failed.attempts[0], "46", context=CONTEXT, put=2, origin="given", help="solution")
    for conditioning in ("original", "guided", "both"):
        (row,) = entered(ReplaceOne(conditioning=conditioning), failed, given)
        assert row.origin is Origin.GIVEN and row.parent == Parent((ord("a"),), 0) and row.behaviour == (None, None)


def test_a_row_asked_to_be_guided_by_the_groups_own_prompt_is_as_any():
    failed = stuck(3)
    given = corrected(failed.attempts[0], "46", context=CONTEXT, origin="given")
    row = sample_of_correction(failed, given, guided=True)
    assert row.context == CONTEXT and row.compared_in is None and row.parent is not None


def test_a_replayed_answer_keeps_its_origin():
    failed = stuck(3)
    (row,) = entered(Append(), failed, corrected(failed.attempts[0], "46", context=CONTEXT, origin="replayed", help="answer"))
    assert row.origin is Origin.REPLAYED and row.parent is not None


@pytest.mark.parametrize(("trained", "mask"), [("answer", (True,) * 4), ("suffix", (False, False, True, True)),
                                               ("drawn", (False, True, True, True))])
def test_which_tokens_of_a_correction_are_trained(trained, mask):
    failed = group(wrong("469"), wrong("b"))
    told = corrected(failed.attempts[0], "4612", put=1)
    for merge in (ReplaceOne(trained=trained), Append(trained=trained), ExtraLoss(trained=trained)):
        (row,) = entered(merge, failed, told)
        assert row.trained == mask and row.behaviour == (None, -0.5, -0.5, -0.5)


def test_the_parent_that_stays_is_trained_from_where_the_two_part():
    failed = group(wrong("469"), wrong("477"))
    told = (corrected(failed.attempts[0], "48"), corrected(failed.attempts[0], "4612"))
    rows = Append(trained="suffix", most=2)(failed, told)
    assert [row.trained for row in rows[:2]] == [(False, True, True), (True, True, True)]  # the sooner of two partings
    assert [row.trained for row in rows[2:]] == [(False, True), (False, False, True, True)]


def test_originals_alone_make_the_baseline():
    failed = stuck(8)
    told = corrected(failed.attempts[0])
    assert centred(Append(baseline="originals")(failed, (told,))) == near(*[0.0] * 8, 1.0)
    assert centred(ReplaceOne(baseline="originals")(failed, (told,))) == near(1.0, *[0.0] * 7)
    mixed = group(solved("x"), wrong("a"), wrong("b"), wrong("c"))
    rows = Append(baseline="originals")(mixed, (corrected(mixed.attempts[1]),))
    assert centred(rows) == near(0.75, -0.25, -0.25, -0.25, 0.75)


def test_zeroed_failures_stay_in_the_baseline_and_train_nothing():
    failed = stuck(8)
    told = corrected(failed.attempts[0])
    rows = ReplaceOne(failures="zeroed")(failed, (told,))
    assert [any(row.trained) for row in rows] == [True] + [False] * 7
    assert centred(rows) == near(0.875, *[-0.125] * 7)
    beside = ExtraLoss(failures="zeroed", beside=ReplaceOne())(failed, (told,))
    assert [any(row.trained) for row in of_stream(beside)] == [True] + [False] * 7
    assert all(any(row.trained) for row in of_stream(beside, "imitation"))


def test_failures_are_blamed_as_ever_where_nothing_entered():
    mixed = group(solved("x"), wrong("a"))
    assert all(any(row.trained) for row in ReplaceOne(failures="zeroed")(mixed, ()))
    failed = stuck(2)
    lost = tried(failed.attempts[0], "45", Verdict.wrong("45"))
    assert all(any(row.trained) for row in Append(failures="zeroed", all_tries=True)(failed, (), (lost,)))


def test_zeroing_leaves_other_streams_and_rows_that_are_not_the_groups_own():
    failed = stuck(2)
    told = corrected(failed.attempts[0])
    thought = tried(failed.attempts[1], "I erred", Verdict.ungraded("no"), role="reflection")
    lost = tried(failed.attempts[1], "45", Verdict.wrong("45"), after=(thought,))
    tries = (thought, lost, told.by)
    rows = ExtraLoss(failures="zeroed", beside=Reflections(beside=Distil()))(failed, (told,), tries)
    assert [(row.stream, any(row.trained)) for row in rows] == [
        ("policy", False), ("policy", False), ("distillation", True), ("distillation", True), ("policy", True),
        ("imitation", True)]
    assert all(any(row.trained) for row in ExtraLoss(failures="zeroed")(failed, (), tries))


def test_right_answers_are_never_zeroed():
    mixed = group(solved("x"), wrong("a"), wrong("b"))
    rows = Append(failures="zeroed")(mixed, (corrected(mixed.attempts[1]),))
    assert [any(row.trained) for row in rows] == [True, False, False, True]


@pytest.mark.parametrize(("told", "reward"), [
    ({"help": "hint", "level": 2.0}, 0.25), ({"help": "solution", "level": 0.5}, 0.5 ** 0.5), ({"help": "wrong"}, 0.5),
    ({"help": "nothing", "level": 0.0}, 1.0)])
def test_help_is_discounted_by_its_level(told, reward):
    failed = stuck(3)
    rows = ReplaceOne(help_discount=0.5)(failed, (corrected(failed.attempts[0], "46", **told),))
    assert rows[0].reward == pytest.approx(reward) and [row.reward for row in rows[1:]] == [0.0, 0.0]
    assert rows[0].rewards.get("help", 0.0) == pytest.approx(reward - 1.0) and rows[0].rewards["verifier"] == 1.0


def test_progress_is_measured_by_the_parents_score():
    half, none = attempt("47", Verdict.wrong("47", score=0.5)), attempt("0", Verdict.wrong("0", score=-3.0))
    failed = group(half, none, solved("x"))
    rewards = [ReplaceOne(progress=True)(failed, (corrected(parent),))[n].reward for n, parent in enumerate(failed.attempts)]
    assert rewards == [0.5, 1.0, 0.0]
    lost = tried(half, "45", Verdict.wrong("45", score=0.25))
    assert Append(progress=True, all_tries=True)(failed, (), (lost,))[-1].reward == -0.25
    assert ReplaceOne()(failed, (corrected(half),))[0].reward == 1.0


def test_a_leak_costs_once_and_only_where_it_was_found():
    failed = stuck(2)
    merge = ReplaceOne(leak_penalty=0.25, help_discount=0.5)
    leaky = merge(failed, (corrected(failed.attempts[0], "46", ("mentions_attempt", "no_derivation")),))[0]
    assert leaky.reward == 0.25 and leaky.rewards == {"verifier": 1.0, "help": -0.5, "leak": -0.25}
    assert merge(failed, (corrected(failed.attempts[0]),))[0].reward == 0.5


def test_a_discount_may_be_a_schedule():
    failed = replace(stuck(2), progress=0.5)
    row = ReplaceOne(help_discount=Linear(start=1.0, end=0.0))(failed, (corrected(failed.attempts[0]),))[0]
    assert row.reward == 0.5


@pytest.mark.parametrize(("field", "value"), [
    ("conditioning", "guide"), ("trained", "all"), ("baseline", "group"), ("failures", "zero"), ("help_discount", 1.5),
    ("help_discount", -0.1), ("leak_penalty", -1.0), ("progress", 1)])
@pytest.mark.parametrize("cls", [*EVERY, Leave])
def test_options_that_are_none_are_refused(cls, field, value):
    with pytest.raises(UserError, match=rf"{cls.__name__}.{field} is {value!r}"):
        cls(**{field: value})
