"""Merges that train the corrections, their prompts or the way to them in groups and streams of their own."""

from dataclasses import replace

import pytest

from rfpo.batch import collate
from rfpo.correction import Merge
from rfpo.correction.merge.append import Append
from rfpo.correction.merge.distil import Distil
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.merge.own_group import OwnGroup
from rfpo.correction.merge.pairs import Pairs
from rfpo.correction.merge.reflections import Reflections
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.merge.two_turns import TwoTurns
from rfpo.errors import UserError
from rfpo.pieces import find, names
from rfpo.records import Origin, Outcome, Verdict
from tests.correction.builders import CONTEXT, group, solved, truncated, ungraded, wrong
from tests.correction.merging import (
    GUIDED,
    centred,
    corrected,
    correction,
    near,
    of_stream,
    population,
    stuck,
    texts,
    tried,
)

MERGES = [find("rfpo.correction.merge", name) for name in names("rfpo.correction.merge")]


@pytest.mark.parametrize("cls", MERGES)
def test_every_file_is_a_merge_that_leaves_a_group_without_corrections_alone(cls):
    assert isinstance(cls(), Merge)
    mixed = group(ungraded("?"), wrong("a"), solved("b"))
    assert texts(of_stream(cls()(mixed, ()))) == ([] if cls is Reflections else ["a", "b"])
    lonely = group(ungraded("?"), wrong("a"))
    assert cls()(lonely, (corrected(lonely.attempts[1]),)) == () == cls()(group(), ())


def second(failed, *outcomes, **told):
    """A try for each outcome, each correcting another answer, all under one prompt."""
    return tuple(tried(failed.attempts[n], f"4{n}", None if right else Verdict.wrong(), number=n, **told)
                 for n, right in enumerate(outcomes))


def fixed(tries):
    return tuple(map(correction, (attempt for attempt in tries if attempt.solved)))


def test_the_tries_are_a_group_of_their_own_compared_among_themselves():
    failed = stuck(4)
    tries = second(failed, True, False, False, False)
    rows = OwnGroup()(failed, fixed(tries), tries)
    assert texts(rows) == ["a", "b", "c", "d", "40", "41", "42", "43"]
    assert [row.context for row in rows] == [CONTEXT] * 4 + [GUIDED] * 4
    assert centred(rows) == near(*[0.0] * 4, 0.75, *[-0.25] * 3)
    original = OwnGroup(conditioning="original")(failed, fixed(tries), tries)
    assert {row.context for row in original} == {CONTEXT} and centred(original) == centred(rows)


def test_golf_trains_the_refinements_and_puts_one_of_them_into_the_group():
    failed = stuck(8)
    tries = second(failed, True, True, False, False)
    rows = OwnGroup(beside=ReplaceOne(whom="random"))(failed, fixed(tries), tries)
    assert texts(rows[:8]).count("40") == 1 and rows[8].context == GUIDED
    assert sorted(centred(rows[:8])) == near(*[-0.125] * 7, 0.875)
    assert centred(rows)[8:] == near(0.5, 0.5, -0.5, -0.5)


def test_tries_with_a_prompt_each_are_compared_only_across():
    failed = stuck(3)
    tries = tuple(tried(failed.attempts[n], f"4{n}", verdict, context=(9, n), number=n)
                  for n, verdict in enumerate((None, Verdict.wrong(), Verdict.wrong())))
    assert centred(OwnGroup()(failed, fixed(tries), tries)) == [0.0] * 6
    across = OwnGroup(across=True)(failed, fixed(tries), tries)
    assert centred(across) == near(0.0, 0.0, 0.0, 2 / 3, -1 / 3, -1 / 3)


def test_draws_of_the_groups_own_prompt_are_a_group_apart():
    failed = stuck(2)
    tries = second(failed, True, False, context=CONTEXT)
    assert centred(OwnGroup()(failed, fixed(tries), tries)) == near(0.0, 0.0, 0.5, -0.5)


def test_extra_loss_sends_every_correction_to_imitation_and_leaves_the_group():
    failed = stuck(3)
    told = (corrected(failed.attempts[0], "46"), corrected(failed.attempts[1], "46"), corrected(failed.attempts[1], "046"))
    rows = ExtraLoss()(failed, told)
    assert texts(of_stream(rows)) == ["a", "b", "c"] and texts(of_stream(rows, "imitation")) == ["46", "046", "46"]
    assert all(row.context == CONTEXT and row.reward == 1.0 and row.parent for row in of_stream(rows, "imitation"))
    assert texts(of_stream(ExtraLoss(most=1)(failed, told), "imitation")) == ["46"]


def test_instead_trains_the_corrections_alone_where_there_are_any():
    failed = stuck(3)
    merge = ExtraLoss(instead=True)
    assert [row.stream for row in merge(failed, (corrected(failed.attempts[0]),))] == ["imitation"]
    assert texts(merge(failed, ())) == ["a", "b", "c"]


def test_rltf_measures_a_second_turn_by_the_first_turns_mean():
    mixed = group(solved("x"), wrong("a"), wrong("b"), wrong("c"))
    tries = second(mixed, False, True)
    rows = of_stream(ExtraLoss(against="first_turn", all_tries=True)(mixed, fixed(tries), tries), "imitation")
    assert [row.reward for row in rows] == [-0.25, 0.75] and rows[1].rewards == {"verifier": 1.0, "first_turn": -0.25}
    failed = stuck(4)
    assert of_stream(ExtraLoss(against="first_turn")(failed, (corrected(failed.attempts[0]),)), "imitation")[0].reward == 1.0


def test_srft_imitates_what_it_also_puts_into_the_group():
    failed = stuck(4)
    demonstration = corrected(failed.attempts[0], "46", context=CONTEXT, put=2, origin="given", help="solution")
    rows = ExtraLoss(beside=ReplaceOne(whom="first"))(failed, (demonstration,))
    assert [row.origin for row in rows] == [Origin.GIVEN, *[Origin.SAMPLED] * 3, Origin.GIVEN]
    assert [row.stream for row in rows] == ["policy"] * 4 + ["imitation"]


def test_a_pair_is_two_rows_of_one_unit_under_the_original_prompt():
    failed = group(wrong("469"), wrong("b"))
    rows = of_stream(Pairs()(failed, (corrected(failed.attempts[0], "4612"), corrected(failed.attempts[1], "46"))), "pairs")
    assert texts(rows) == ["4612", "469", "46", "b"] and [row.reward for row in rows] == [1.0, 0.0, 1.0, 0.0]
    assert {row.context for row in rows} == {CONTEXT} and all(all(row.trained) for row in rows)
    assert [row.unit for row in rows] == [("sum/1", 0, 0)] * 2 + [("sum/1", 0, 1)] * 2
    assert [row.outcome for row in rows[:2]] == [Outcome.SOLVED, Outcome.WRONG] and rows[0].parent and rows[1].parent is None


def test_the_units_of_two_groups_and_visits_never_meet():
    groups = [stuck(2, visit) for visit in (0, 1)]
    rows = [row for failed in groups for row in Pairs(beside=None)(failed, (corrected(failed.attempts[0]),))]
    assert len(rows) == 4 and collate(rows, 9).unit.tolist() == [0, 0, 1, 1]


def test_pairs_stand_beside_another_merge_or_alone():
    failed = stuck(8)
    told = (corrected(failed.attempts[0]),)
    rows = Pairs(beside=ReplaceOne())(failed, told)
    assert population(rows) == near(2.65, *[-0.38] * 7) and len(of_stream(rows, "pairs")) == 2
    assert [row.stream for row in Pairs(beside=None)(failed, told)] == ["pairs", "pairs"]
    assert Pairs(beside=None)(group(solved("x"), wrong("a")), ()) == ()


def test_pairs_of_a_suffix_are_trained_from_where_they_part():
    failed = group(wrong("469"), wrong("b"))
    rows = Pairs(beside=None, trained="suffix")(failed, (corrected(failed.attempts[0], "4612"),))
    assert [row.trained for row in rows] == [(False, False, True, True), (False, False, True)]


def test_most_pairs_distinct_first_and_none_with_a_parent_that_is_right():
    mixed = group(solved("x"), wrong("a"), wrong("b"))
    told = (corrected(mixed.attempts[0], "46"), corrected(mixed.attempts[1], "46"), corrected(mixed.attempts[2], "046"))
    assert texts(Pairs(beside=None)(mixed, told)) == ["046", "b", "46", "a"]
    assert texts(Pairs(beside=None, most=1)(mixed, told)) == ["046", "b"]


def test_a_wrong_answer_is_distilled_under_its_own_prompt_with_the_correction_prompt_as_the_teachers():
    failed = group(wrong("a"), wrong("b"), wrong("a"), wrong("c"))
    tries = (tried(failed.attempts[0], "?", Verdict.ungraded("no"), context=(5,), role="reflection"),
             tried(failed.attempts[0], "45", Verdict.wrong(), context=(9, 0)),
             tried(failed.attempts[0], "46", context=(9, 1), number=1),
             tried(failed.attempts[1], "46", context=(9, 2), number=2))
    rows = of_stream(Distil()(failed, (), tries), "distillation")
    assert texts(rows) == ["a", "b", "a"] and [row.teacher_context for row in rows] == [(9, 0), (9, 2), (9, 0)]
    assert {row.context for row in rows} == {CONTEXT} and all(all(row.trained) for row in rows)
    assert [row.reward for row in rows] == [0.0] * 3 and rows[0].tokens == (ord("a"),)
    everyone = of_stream(Distil(borrowed=True)(failed, (), tries), "distillation")
    assert [row.teacher_context for row in everyone] == [(9, 0), (9, 2), (9, 0), (9, 0)]


def test_right_answers_are_distilled_only_when_all_are():
    mixed = group(solved("x"), wrong("a"))
    tries = (tried(mixed.attempts[1], "45", Verdict.wrong()),)
    assert texts(Distil(beside=None, borrowed=True)(mixed, (), tries)) == ["a"]
    assert texts(Distil(beside=None, borrowed=True, answers="all")(mixed, (), tries)) == ["x", "a"]


def test_a_prompt_that_says_no_more_than_the_groups_own_teaches_nothing():
    failed = stuck(2)
    assert Distil(beside=None)(failed, (), (tried(failed.attempts[0], "45", Verdict.wrong(), context=CONTEXT),)) == ()


def test_distillation_is_what_is_left_when_no_correction_succeeded():
    failed = stuck(8)
    merge = Distil(when="unfixed", beside=ReplaceOne())
    lost, won = tried(failed.attempts[0], "45", Verdict.wrong()), tried(failed.attempts[0], "46", number=1)
    assert [row.stream for row in merge(failed, (), (lost,))] == ["policy"] * 8 + ["distillation"]
    rows = merge(failed, (correction(won),), (lost, won))
    assert [row.stream for row in rows] == ["policy"] * 8 and texts(rows)[0] == "46"
    assert len(of_stream(Distil(beside=ReplaceOne())(failed, (correction(won),), (lost, won)), "distillation")) == 1


def reflected(failed, *retries):
    """For each retry (True: solved, None: never asked) a reflection on another answer, and what came of it."""
    tries = []
    for number, right in enumerate(retries):
        asked = {"role": "reflection", "context": (5, number), "help": "wrong", "number": number}
        thought = tried(failed.attempts[number], f"I erred {number}", Verdict.ungraded("not an answer"), put=2, **asked)
        tries.append(thought)
        if right is not None:
            verdict = None if right else Verdict.wrong()
            tries.append(tried(failed.attempts[number], "46", verdict, after=(failed.attempts[number], thought), number=number))
    return tuple(tries)


def test_reflections_are_rewarded_by_the_retry_and_compared_with_each_other():
    failed = stuck(4)
    tries = reflected(failed, True, False, None, False)
    rows = Reflections()(failed, fixed(tries), tries)
    assert texts(rows) == ["I erred 0", "I erred 1", "I erred 3"] and [row.context for row in rows] == [(5, 0), (5, 1), (5, 3)]
    assert [row.reward for row in rows] == [1.0, 0.0, 0.0] and centred(rows) == near(2 / 3, -1 / 3, -1 / 3)
    assert rows[0].trained == (False, False) + (True,) * 7 and rows[0].outcome is Outcome.SOLVED
    assert rows[0].origin is Origin.SAMPLED and rows[0].parent is None and rows[1].outcome is Outcome.WRONG


def test_a_reflection_with_several_retries_gets_their_mean():
    failed = stuck(2)
    (thought,) = reflected(failed, None)
    retries = tuple(tried(failed.attempts[0], "46", verdict, after=(thought,), number=n)
                    for n, verdict in enumerate((None, Verdict.wrong(), Verdict.ungraded("hung"))))
    (row,) = Reflections()(failed, fixed(retries), (thought, *retries))
    assert row.reward == 0.5 and row.outcome is Outcome.SOLVED


def test_what_another_model_wrote_is_not_trained():
    failed = stuck(2)
    thought = tried(failed.attempts[0], "wrong", Verdict.ungraded("no"), role="critique", put=5)
    retry = tried(failed.attempts[0], "46", after=(thought,))
    assert Reflections(role="critique")(failed, (correction(retry),), (thought, retry)) == ()


def test_reflections_stand_beside_a_merge_that_trains_the_answers():
    failed = stuck(4)
    tries = reflected(failed, True, False)
    rows = Reflections(beside=Append(conditioning="both"), stream="reflection")(failed, fixed(tries), tries)
    assert texts(of_stream(rows)) == ["a", "b", "c", "d", "46", "46"]
    assert [row.context for row in of_stream(rows)][4:] == [CONTEXT, GUIDED]
    assert centred(rows, "reflection") == near(0.5, -0.5)


def test_two_turns_are_two_groups_and_the_bonus_rewards_the_step_between_them():
    mixed = group(solved("x"), wrong("a"), wrong("b"), solved("y"))
    tries = tuple(tried(mixed.attempts[n], f"4{n}", None if right else Verdict.wrong(), context=(9, n), number=n)
                  for n, right in enumerate((True, True, False, False)))
    rows = TwoTurns(bonus=0.5)(mixed, fixed(tries), tries)
    assert [row.reward for row in rows] == [1.0, 0.0, 0.0, 1.0, 1.0, 1.5, 0.0, -0.5]
    assert centred(rows) == near(0.5, -0.5, -0.5, 0.5, 0.5, 1.0, -0.5, -1.0)
    assert [row.context for row in rows[4:]] == [(9, 0), (9, 1), (9, 2), (9, 3)]
    assert rows[5].rewards == {"verifier": 1.0, "bonus": 0.5}


def test_scores_first_stage_trains_the_second_turn_and_sets_the_first_aside():
    mixed = group(solved("x"), wrong("a"))
    tries = second(mixed, True, False)
    rows = TwoTurns(stage=1)(mixed, fixed(tries), tries)
    assert [row.stream for row in rows] == ["first_turn", "first_turn", "policy", "policy"]
    assert centred(rows, "first_turn") == [0.0, 0.0] and all(all(row.trained) for row in rows)
    assert centred(rows) == near(0.5, -0.5)


def test_the_first_share_of_a_run_is_scores_first_stage_without_a_bonus():
    mixed = group(solved("x"), wrong("a"))
    tries = second(mixed, True, True)
    merge = TwoTurns(pinned=0.5, bonus=2.0)
    early = merge(replace(mixed, progress=0.4), fixed(tries), tries)
    assert early == TwoTurns(stage=1)(replace(mixed, progress=0.4), fixed(tries), tries)
    assert [row.reward for row in early] == [0.0, 0.0, 1.0, 1.0]
    late = merge(replace(mixed, progress=0.5), fixed(tries), tries)
    assert [(row.stream, row.reward) for row in late] == [("policy", 1.0), ("policy", 0.0), ("policy", 1.0), ("policy", 3.0)]


def test_a_first_attempt_earns_its_share_of_what_came_after_it():
    failed = group(solved("x"), wrong("a"), wrong("b"), wrong("a"))
    tries = tuple(tried(failed.attempts[n], f"4{k}", None if right else Verdict.wrong(), number=k)
                  for k, (n, right) in enumerate(((1, True), (2, False), (1, False))))
    rows = TwoTurns(discount=0.1)(failed, fixed(tries), tries)
    assert [row.reward for row in rows] == [1.0, 0.05, 0.0, 0.05, 1.0, 0.0, 0.0]  # of two second attempts at "a" one is right
    assert rows[1].rewards == {"verifier": 0.0, "later": 0.05} and "later" not in rows[0].rewards


def test_erl_distils_the_second_attempts_that_succeeded():
    failed = stuck(3)
    tries = second(failed, True, False)
    rows = TwoTurns(distilled=True)(failed, fixed(tries), tries)
    (copy,) = of_stream(rows, "imitation")
    assert copy.context == CONTEXT and copy.reward == 1.0 and copy.provenance.text == "40" and copy.parent
    assert [row.context for row in of_stream(rows)] == [CONTEXT] * 3 + [GUIDED] * 2
    assert centred(rows) == near(0.0, 0.0, 0.0, 0.5, -0.5)


def test_erls_four_streams():
    failed = stuck(3)
    tries = reflected(failed, True, False)
    rows = Reflections(beside=TwoTurns(distilled=True))(failed, fixed(tries), tries)
    assert texts(of_stream(rows)) == ["a", "b", "c", "46", "46", "I erred 0", "I erred 1"]
    assert centred(rows) == near(0.0, 0.0, 0.0, 0.5, -0.5, 0.5, -0.5) and len(of_stream(rows, "imitation")) == 1


def test_truncated_tries_are_wrong_rows_and_reflections_never_answers():
    failed = group(wrong("a"), truncated("b"))
    tries = reflected(failed, True)
    for merge in (Append(all_tries=True), OwnGroup(), TwoTurns(), ExtraLoss(all_tries=True)):
        assert texts(merge(failed, fixed(tries), tries)) == ["a", "b", "46"]


@pytest.mark.parametrize(("make", "field"), [
    (lambda: Pairs(conditioning="guided"), "conditioning"), (lambda: Pairs(help_discount=0.5), "help_discount"),
    (lambda: Pairs(most=0), "most"), (lambda: Distil(trained="suffix"), "trained"), (lambda: Distil(when="never"), "when"),
    (lambda: Distil(answers="right"), "answers"), (lambda: Distil(borrowed=2), "borrowed"),
    (lambda: Reflections(baseline="originals"), "baseline"), (lambda: Reflections(role="answer"), "role"),
    (lambda: Reflections(stream="policies"), "stream"), (lambda: OwnGroup(baseline="originals"), "baseline"),
    (lambda: OwnGroup(across=2), "across"), (lambda: ExtraLoss(baseline="originals"), "baseline"),
    (lambda: ExtraLoss(against="mean"), "against"), (lambda: ExtraLoss(instead=2), "instead"),
    (lambda: TwoTurns(stage=3), "stage"), (lambda: TwoTurns(bonus=-1.0), "bonus"),
    (lambda: TwoTurns(progress=True), "progress"), (lambda: TwoTurns(stage=1, failures="zeroed"), "failures"),
    (lambda: TwoTurns(pinned=0.5, failures="zeroed"), "failures"), (lambda: TwoTurns(pinned=1.0), "pinned"),
    (lambda: TwoTurns(discount=-0.1), "discount"), (lambda: TwoTurns(distilled=2), "distilled")])
def test_what_a_merge_cannot_honour_is_refused(make, field):
    with pytest.raises(UserError, match=rf"\.{field} is"):
        make()
