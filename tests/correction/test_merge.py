"""Who enters the group, in whose place, trained under which prompt."""

import pytest

from rfpo.correction import Merge
from rfpo.correction._samples import plain
from rfpo.correction.merge.append import Append
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.records import Correction, Finish, Origin, Outcome, Parent, Verdict
from tests.correction.builders import CONTEXT, attempt, group, solved, truncated, ungraded, wrong


def correction(of, text="46", **rest):
    by = solved(text, context=(8, 8, 8))  # sampled under the correction prompt
    return Correction(of, by, "fix_located", tries=2, help="place", located=True, **rest)


def texts(samples):
    return [sample.provenance.text for sample in samples]


@pytest.mark.parametrize("cls", [ReplaceOne, Append])
def test_is_a_merge(cls):
    assert isinstance(cls(), Merge)


def test_plain_samples_by_hand():
    right, cut = plain(group(solved("46"), truncated("4"), visit=2))
    assert right.context == CONTEXT and right.tokens == (ord("4"), ord("6")) and right.trained == (True, True)
    assert right.behaviour == (-0.5, -0.5) and right.policy_version == 7 and right.group == ("sum/1", 2)
    assert (right.outcome, right.reward, right.rewards) == (Outcome.SOLVED, 1.0, {"verifier": 1.0})
    assert right.origin is Origin.SAMPLED and right.parent is None and right.counts_for_baseline
    assert (cut.outcome, cut.reward, cut.rewards) == (Outcome.WRONG, 0.0, {"verifier": 0.0})
    assert cut.finish is Finish.LENGTH


def test_the_reward_is_the_outcome_not_the_score():
    partial = attempt("47", Verdict.wrong("47", score=0.9))
    assert [sample.reward for sample in plain(group(partial, partial))] == [0.0, 0.0]


@pytest.mark.parametrize("merge", [ReplaceOne(), Append()])
def test_ungraded_answers_make_no_row_and_one_graded_answer_no_group(merge):
    assert texts(merge(group(ungraded("?"), wrong("a"), solved("b")), ())) == ["a", "b"]
    assert merge(group(ungraded("?"), wrong("a")), ()) == () == merge(group(), ())
    lonely = group(ungraded("?"), wrong("a"))
    assert merge(lonely, (correction(lonely.attempts[1]),)) == ()


def test_replace_one_puts_the_first_correction_in_its_parents_place():
    stuck = group(ungraded("?"), wrong("a"), wrong("476"), wrong("c"))
    rows = ReplaceOne()(stuck, (correction(stuck.attempts[2], "4612"), correction(stuck.attempts[1], "46")))
    assert texts(rows) == ["a", "4612", "c"]
    assert [row.reward for row in rows] == [0.0, 1.0, 0.0]
    assert [row.origin for row in rows] == [Origin.SAMPLED, Origin.CORRECTED, Origin.SAMPLED]


def test_a_correction_is_trained_under_the_original_prompt():
    stuck = group(wrong("476"), wrong("b"))
    row = ReplaceOne()(stuck, (correction(stuck.attempts[0], "4612", leaks=("mentions_attempt",)),))[0]
    assert row.context == CONTEXT and row.tokens == tuple(map(ord, "4612"))
    assert row.behaviour == (-0.5,) * 4  # of the correction prompt, where it was sampled
    assert row.parent == Parent(tokens=tuple(map(ord, "476")), common_prefix=1)
    assert row.group == stuck.key and row.outcome is Outcome.SOLVED and row.rewards == {"verifier": 1.0}
    told = row.provenance
    assert (told.operator, told.tries, told.help, told.located) == ("fix_located", 2, "place", True)
    assert told.leaks == ("mentions_attempt",) and told.parent_text == "476" and told.attempt.completion.context == (8, 8, 8)


def test_append_keeps_the_parent_and_adds_one_row_at_the_end():
    stuck = group(wrong("a"), wrong("b"))
    both = (correction(stuck.attempts[1], "46"), correction(stuck.attempts[0], "046"))
    rows = Append()(stuck, both)
    assert texts(rows) == ["a", "b", "46"] and [row.counts_for_baseline for row in rows] == [True, True, True]
    aside = Append(baseline="originals")(stuck, both)
    assert [row.counts_for_baseline for row in aside] == [True, True, False]


def test_of_two_equal_wrong_answers_one_is_replaced():
    stuck = group(wrong("a"), wrong("a"))
    assert texts(ReplaceOne()(stuck, (correction(stuck.attempts[0]),))) == ["46", "a"]


def test_of_equal_wrong_answers_each_is_trained_from_where_the_correction_parts():
    stuck = group(wrong("476"), wrong("476"), wrong("9"))
    rows = Append(trained="suffix")(stuck, (correction(stuck.attempts[0], "4612"),))
    assert [row.trained for row in rows[:3]] == [(False, True, True)] * 2 + [(True,)]
