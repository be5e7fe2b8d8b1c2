"""Whose places corrections take, and the advantages that follow."""

from dataclasses import replace

import pytest

from rfpo.correction.merge.append import Append
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.merge.leave import Leave
from rfpo.correction.merge.replace_all import ReplaceAll
from rfpo.correction.merge.replace_k import ReplaceK
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.errors import UserError
from rfpo.records import Origin, Verdict
from tests.correction.builders import CONTEXT, group, solved, ungraded, wrong
from tests.correction.merging import GUIDED, centred, corrected, correction, near, population, stuck, texts, tried


def all_of(failed, *names):
    return tuple(corrected(failed.attempts[n], name) for n, name in enumerate(names))


def test_one_success_of_eight_and_of_sixteen_by_hand():
    for size, right, left in ((8, 2.65, -0.38), (4, 1.73, -0.58), (16, 3.87, -0.26)):
        rows = ReplaceOne()(failed := stuck(size), all_of(failed, "46"))
        assert population(rows) == near(right, *[left] * (size - 1))
    assert centred(ReplaceOne()(failed := stuck(8), all_of(failed, "46"))) == near(0.875, *[-0.125] * 7)


def test_append_to_eight_by_hand():
    rows = Append()(failed := stuck(8), all_of(failed, "46"))
    assert population(rows) == near(*[-0.35] * 8, 2.83)


@pytest.mark.parametrize(("k", "right", "left"), [(2, 1.73, -0.58), (4, 1.0, -1.0)])
def test_several_successes_of_eight_by_hand(k, right, left):
    rows = ReplaceK(k=k)(failed := stuck(8), all_of(failed, *"1234"))
    assert sorted(population(rows)) == near(*[left] * (8 - k), *[right] * k)


def test_a_random_failure_gives_its_place_and_a_right_answer_never():
    taken = set()
    for visit in range(40):
        mixed = group(wrong("a"), solved("x"), wrong("b"), wrong("c"), visit=visit)
        told = corrected(mixed.attempts[0], "46")
        rows = ReplaceOne(whom="random")(mixed, (told,))
        assert rows == ReplaceOne(whom="random")(mixed, (told,)) and len(rows) == 4
        taken.add(texts(rows).index("46"))
    assert taken == {0, 2, 3}


def test_the_random_place_is_another_in_another_step():
    failed = stuck(8)
    places = {texts(ReplaceOne(whom="random")(replace(failed, step=step), all_of(failed, "46"))).index("46")
              for step in range(40)}
    assert places == set(range(8))


def test_the_first_answer_gives_its_place_right_or_wrong():
    mixed = group(ungraded("?"), solved("x"), wrong("a"))
    assert texts(ReplaceOne(whom="first")(mixed, (corrected(mixed.attempts[2]),))) == ["46", "a"]


@pytest.mark.parametrize("whom", ["parent", "random"])
def test_where_no_answer_is_wrong_the_one_that_was_named_gives_its_place(whom):
    right = group(solved("x"), solved("y"))
    assert texts(ReplaceOne(whom=whom)(right, (corrected(right.attempts[1]),))) == ["x", "46"]


def test_the_second_row_of_both_stands_at_the_end_where_no_failure_is_left():
    mixed = group(solved("x"), wrong("a"))
    rows = ReplaceOne(conditioning="both")(mixed, (corrected(mixed.attempts[1]),))
    assert texts(rows) == ["x", "46", "46"] and [row.context for row in rows] == [CONTEXT, CONTEXT, GUIDED]


def test_replace_k_prefers_distinct_corrections_and_replaces_as_many_as_there_are():
    failed = stuck(4)
    told = (*all_of(failed, "46", "46", "046"), corrected(failed.attempts[3], "0046"))
    rows = ReplaceK(k=3, whom="parent")(failed, told)
    assert texts(rows) == ["46", "b", "046", "0046"]
    assert texts(ReplaceK(k=4, whom="parent")(failed, told)) == ["46", "46", "046", "0046"]
    assert len(ReplaceK(k=9)(failed, told)) == 4


def test_replace_k_leaves_right_answers_and_takes_no_more_than_there_are_failures():
    mixed = group(solved("x"), wrong("a"), solved("y"))
    rows = ReplaceK(k=2)(mixed, (corrected(mixed.attempts[1], "46"), corrected(mixed.attempts[1], "046")))
    assert texts(rows) == ["x", "46", "y"]
    assert ReplaceK(k=2, conditioning="both")(mixed, (corrected(mixed.attempts[1]),)) == Leave()(mixed, ())


def test_a_second_correction_of_one_parent_takes_another_failures_place():
    failed = stuck(3)
    one = failed.attempts[1]
    rows = ReplaceK(k=2, whom="parent")(failed, (corrected(one, "46"), corrected(one, "046")))
    assert texts(rows)[1] == "46" and "046" in texts(rows) and len(rows) == 3
    for visit in range(10):  # a parent's own correction goes before another's second one
        again = stuck(4, visit)
        later = (corrected(one, "46"), corrected(one, "046"), corrected(failed.attempts[0], "0046"))
        rows = ReplaceK(k=3, whom="parent")(again, later)
        assert texts(rows)[:2] == ["0046", "46"] and "046" in texts(rows)[2:]


def test_replace_all_replaces_each_failure_by_its_first_correction_and_empties_the_signal():
    failed = group(wrong("a"), solved("x"), wrong("b"))
    told = (corrected(failed.attempts[2], "46"), corrected(failed.attempts[0], "046"), corrected(failed.attempts[0], "0"))
    assert texts(ReplaceAll()(failed, told)) == ["046", "x", "46"]
    assert centred(ReplaceAll()(failed, told)) == [0.0] * 3
    assert centred(ReplaceAll()(failed, told[:1])) == near(-2 / 3, 1 / 3, 1 / 3)
    assert texts(ReplaceAll(conditioning="both")(failed, told)) == ["046", "x", "46", "46", "046"]


def test_leave_trains_nothing_of_a_correction():
    failed = stuck(3)
    rows = Leave()(failed, all_of(failed, "46"), (corrected(failed.attempts[0]).by,))
    assert texts(rows) == ["a", "b", "c"]


def plain_draws(failed, *answers):
    return tuple(tried(failed.attempts[0], text, verdict, context=CONTEXT, number=n, help="nothing", located=False)
                 for n, (text, verdict) in enumerate(answers))


def test_all_tries_that_are_plain_draws_are_rows_like_the_groups_own():
    failed = stuck(4)
    draws = plain_draws(failed, ("46", None), ("z", Verdict.wrong()), ("?", Verdict.ungraded("no")), ("y", Verdict.wrong()))
    rows = Append(all_tries=True, baseline="originals")(failed, (correction(draws[0]),), draws)
    assert texts(rows) == ["a", "b", "c", "d", "46", "z", "y"]
    assert all(row.origin is Origin.SAMPLED and row.parent is None and row.counts_for_baseline for row in rows)
    assert rows[4].behaviour == (-0.5, -0.5) and centred(rows) == near(*[-1 / 7] * 4, 6 / 7, -1 / 7, -1 / 7)


def test_a_draw_after_an_opening_is_no_plain_draw_and_a_draft_no_answer():
    failed = stuck(2)
    told = {"context": CONTEXT, "help": "nothing"}
    begun = tried(failed.attempts[0], "47", Verdict.wrong(), put=1, **told)
    draft = tried(failed.attempts[0], "48", Verdict.wrong(), role="draft")
    (row,) = Append(all_tries=True)(failed, (), (begun, draft))[2:]
    assert row.origin is Origin.CORRECTED and row.provenance.text == "47"


def test_a_selected_draw_is_a_correction():
    failed = stuck(4)
    (draw,) = plain_draws(failed, ("46", None))
    row = ReplaceOne()(failed, (correction(draw),), (draw,))[0]
    assert row.origin is Origin.CORRECTED and row.parent is not None


def test_all_tries_that_were_helped_join_without_a_parent_where_they_failed():
    failed = stuck(4)
    tries = (tried(failed.attempts[0], "45", Verdict.wrong("45")), tried(failed.attempts[1], "46", number=1),
             tried(failed.attempts[0], "I erred", Verdict.ungraded("not an answer"), role="reflection"))
    rows = Append(all_tries=True)(failed, (correction(tries[1]),), tries)
    assert texts(rows) == ["a", "b", "c", "d", "45", "46"] and [row.reward for row in rows[4:]] == [0.0, 1.0]
    assert [row.parent is None for row in rows[4:]] == [True, False]
    assert all(row.origin is Origin.CORRECTED and row.context == CONTEXT for row in rows[4:])


def test_a_solved_try_that_was_refused_stays_out():
    failed = stuck(2)
    tries = (tried(failed.attempts[0], "46"), tried(failed.attempts[0], "046", number=1))
    assert texts(Append(all_tries=True)(failed, (correction(tries[1]),), tries)) == ["a", "b", "046"]


def swapped(merge, size=8, more=()):
    """A group of 8 failures, and 4 tries of which 2 succeed under one prompt."""
    failed = stuck(size)
    tries = tuple(tried(failed.attempts[0], text, verdict, number=n, help="hint") for n, (text, verdict) in enumerate(
        (("46", None), ("1", Verdict.wrong("1")), ("046", None), ("2", Verdict.wrong("2")))))
    lower = tried(failed.attempts[0], "9", Verdict.wrong("9"), context=(7, 7), help="hint")
    return merge(failed, (correction(tries[0]), correction(tries[2])), (lower, *tries, *more))


def test_the_group_becomes_the_tries_of_the_prompt_that_succeeded():
    rows = swapped(GroupSwap())
    assert texts(rows) == ["46", "1", "046", "2"] and {row.context for row in rows} == {GUIDED}
    assert population(rows) == near(1.0, -1.0, 1.0, -1.0)
    assert all(row.parent is None and row.behaviour == (-0.5,) * len(row.tokens) for row in rows)


def test_hint_trains_the_swapped_group_under_the_original_prompt():
    rows = swapped(GroupSwap(conditioning="original"))
    assert {row.context for row in rows} == {CONTEXT} and centred(rows) == near(0.5, -0.5, 0.5, -0.5)
    assert [row.parent is not None for row in rows] == [True, False, True, False]


def test_the_group_becomes_the_tries_of_one_opening():
    failed = stuck(4)
    lost = Verdict.wrong()
    drawn = (("4", 0, lost), ("46", 1, None), ("47", 1, lost), ("46", 2, None), ("57", 1, lost))
    tries = tuple(tried(failed.attempts[0], text, verdict, context=CONTEXT, put=put, number=n, help="hint", level=put / 2)
                  for n, (text, put, verdict) in enumerate(drawn))
    rows = GroupSwap(trained="drawn")(failed, (correction(tries[1]),), tries)
    assert texts(rows) == ["46", "47"] and [row.trained for row in rows] == [(False, True)] * 2
    assert centred(rows) == near(0.5, -0.5)


def test_begun_leaves_the_group_to_answers_without_an_opening():
    failed = stuck(2)
    whole, begun = (tried(failed.attempts[0], "46", context=CONTEXT, put=put, help="hint", level=1.0) for put in (0, 1))
    assert texts(GroupSwap(begun=True)(failed, (correction(whole),), (whole,))) == ["a", "b"]
    assert texts(GroupSwap(begun=True)(failed, (correction(begun),), (begun,))) == ["46"]
    assert texts(GroupSwap()(failed, (correction(whole),), (whole,))) == ["46"]


def test_originals_fill_the_places_that_the_tries_leave():
    rows = swapped(GroupSwap(fill=True), size=5)
    assert texts(rows) == ["a", "46", "1", "046", "2"] and centred(rows) == near(-0.4, 0.6, -0.4, 0.6, -0.4)
    assert len(swapped(GroupSwap(fill=True), size=3)) == 4


def test_the_group_stays_where_no_try_succeeded():
    failed = stuck(3)
    lost = tried(failed.attempts[0], "1", Verdict.wrong("1"))
    assert texts(GroupSwap()(failed, (), (lost,))) == ["a", "b", "c"]


@pytest.mark.parametrize(("make", "field"), [
    (lambda: ReplaceOne(whom="nobody"), "whom"), (lambda: ReplaceK(whom="first"), "whom"), (lambda: ReplaceK(k=0), "k"),
    (lambda: Append(most=0), "most"), (lambda: Append(all_tries=1), "all_tries"), (lambda: GroupSwap(fill=1), "fill"),
    (lambda: GroupSwap(begun=1), "begun"),
    (lambda: GroupSwap(baseline="originals"), "baseline"), (lambda: GroupSwap(failures="zeroed"), "failures"),
    (lambda: Leave(conditioning="guided"), "conditioning"), (lambda: Leave(leak_penalty=0.5), "leak_penalty")])
def test_what_a_merge_cannot_honour_is_refused(make, field):
    with pytest.raises(UserError, match=rf"\.{field} is"):
        make()
