"""Operators without a model: answers are sent into the generator."""

import logging

import pytest

from rfpo.correction import Operator
from rfpo.correction import _tries as tries_module
from rfpo.correction.operators.fix_located import FixLocated, elsewhere
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly
from rfpo.correction.operators.rewrite_from_solution import RewriteFromSolution
from rfpo.errors import UserError
from rfpo.records import Finish, Location, Prompt, RandomKey, Verdict
from tests.correction.builders import (
    PLACE,
    PROMPT,
    SAMPLING,
    answered,
    attempt,
    group,
    play,
    solved,
    truncated,
    ungraded,
    wrong,
)


@pytest.fixture(autouse=True)
def nothing_said_yet():
    tries_module.say_once.cache_clear()


def never(request):
    return (answered(request, "no", Verdict.wrong("no")),)


def contents(rounds):
    return [request.content for asked in rounds for request in asked]


@pytest.mark.parametrize("cls", [FixLocated, FixWrongOnly, RewriteFromSolution])
def test_is_an_operator(cls):
    assert isinstance(cls(), Operator)


def test_fix_located_tells_the_place_and_nothing_of_the_right_answer():
    rounds, _ = play(FixLocated(templates="student", tries=1), group(wrong("47", PLACE), wrong("48", PLACE)), never)
    assert contents(rounds) == ["12+34=<wrong>47<at>2<fix>"]
    assert "46" not in contents(rounds)[0]


def test_prose_names_the_place_in_words():
    rounds, _ = play(FixLocated(tries=1), group(wrong("47", PLACE)), never)
    assert contents(rounds)[0].startswith("12+34=\n") and "column 2" in contents(rounds)[0] and "\n47\n" in contents(rounds)[0]


def test_a_place_without_a_description_is_its_step():
    rounds, _ = play(FixLocated(tries=1), group(wrong("47", Location(4, 0, 1))), never)
    assert "at step 4." in contents(rounds)[0]


def test_parents_take_turns_and_each_text_counts_once():
    stuck = group(wrong("a"), wrong("b"), wrong("a"), wrong("c"))
    rounds, _ = play(FixWrongOnly(templates="student", tries=5), stuck, never)
    assert contents(rounds) == [f"12+34=<wrong>{text}<fix>" for text in "abcab"]


def test_only_wrong_finished_answers_are_parents():
    stuck = group(truncated("long"), ungraded("?"), solved(), wrong("47"))
    rounds, _ = play(FixWrongOnly(templates="student", tries=2), stuck, never)
    assert contents(rounds) == ["12+34=<wrong>47<fix>"] * 2


@pytest.mark.parametrize("operator", [FixLocated(), FixWrongOnly(), RewriteFromSolution()])
@pytest.mark.parametrize("stuck", [group(), group(truncated("long")), group(ungraded("?"), solved())])
def test_without_a_parent_nothing_is_asked(operator, stuck):
    assert play(operator, stuck, never) == ([], ())


def test_a_success_ends_the_tries():
    stuck = group(wrong("47", PLACE), wrong("48", PLACE))
    rounds, corrections = play(FixLocated(templates="student", tries=4), stuck, lambda request: (
        answered(request, "46") if "<wrong>48" in request.content else answered(request, "47", Verdict.wrong("47")),))
    assert len(rounds) == 2
    (correction,) = corrections
    assert correction.of is stuck.attempts[1] and correction.by.completion.text == "46"
    assert (correction.operator, correction.tries, correction.help, correction.located) == ("fix_located", 2, "place", True)
    assert correction.leaks == ()


def test_at_once_asks_that_many_a_round_and_the_last_round_what_is_left():
    rounds, corrections = play(FixWrongOnly(tries=5, at_once=2), group(wrong("a")), never)
    assert [len(asked) for asked in rounds] == [2, 2, 1] and corrections == ()


def test_all_successes_of_a_round_are_returned_in_the_order_of_the_tries():
    _, corrections = play(FixWrongOnly(tries=3, at_once=3), group(wrong("a"), wrong("b")),
                          lambda r: never(r) if r.key.attempt == 1 else (answered(r, f"46/{r.key.attempt}"),))
    assert [(c.by.completion.text, c.of.completion.text, c.tries) for c in corrections] == [("46/0", "a", 1), ("46/2", "a", 3)]


@pytest.mark.parametrize("answer", [
    lambda request: (),
    lambda request: (attempt("", Verdict.wrong(), request=request),),
    lambda request: (attempt("46", Verdict.solved("46"), request=request, finish=Finish.LENGTH),),
    lambda request: (answered(request, "47", Verdict.wrong("47")),),
    lambda request: (answered(request, "46", Verdict.ungraded("the verifier hung")),),
], ids=["no answer", "empty", "solved but truncated", "the same wrong one again", "ungraded"])
def test_hostile_answers_are_failed_tries(answer):
    rounds, corrections = play(FixWrongOnly(tries=3), group(wrong("47")), answer)
    assert len(rounds) == 3 and corrections == ()


def test_requests_carry_the_groups_sampling_and_a_key_of_their_own():
    rounds, _ = play(FixWrongOnly(tries=2), group(wrong("47"), visit=5), never)
    first, second = (asked[0] for asked in rounds)
    assert first.key == RandomKey(seed=11, step=3, prompt="sum/1", visit=5, purpose="fix_wrong_only", attempt=0)
    assert second.key.attempt == 1 and first.sampling is SAMPLING and first.n == 1 and first.prompt is PROMPT


def test_the_same_group_asks_the_same_requests():
    operator, stuck = FixLocated(tries=4, place="shuffled"), group(wrong("47", PLACE), wrong("48", PLACE))
    assert play(operator, stuck, never) == play(operator, stuck, never)


def test_without_a_place_it_falls_back_and_says_so_once(caplog):
    with caplog.at_level(logging.WARNING):
        rounds, corrections = play(FixLocated(templates="student"), group(wrong("47")), lambda r: (answered(r, "46"),))
        play(FixLocated(templates="student"), group(wrong("48")), never)
    assert contents(rounds) == ["12+34=<wrong>47<fix>"]
    assert (corrections[0].operator, corrections[0].help, corrections[0].located) == ("fix_located", "wrong", False)
    assert len(caplog.records) == 1 and "'sum' gave no place" in caplog.text


def test_answers_with_a_place_are_tried_first():
    rounds, _ = play(FixLocated(templates="student", tries=2), group(wrong("47"), wrong("48", PLACE)), never)
    assert contents(rounds) == ["12+34=<wrong>48<at>2<fix>", "12+34=<wrong>47<fix>"]
    assert [asked[0].located for asked in rounds] == [True, False]


def test_otherwise_skip_asks_only_with_a_place():
    operator = FixLocated(templates="student", tries=2, otherwise="skip")
    assert play(operator, group(wrong("47")), never) == ([], ())
    assert contents(play(operator, group(wrong("47"), wrong("48", PLACE)), never)[0]) == ["12+34=<wrong>48<at>2<fix>"] * 2


def test_a_shuffled_place_is_every_other_place_and_never_the_true_one():
    operator = FixLocated(templates="student", tries=60, place="shuffled")
    rounds, _ = play(operator, group(wrong("47", PLACE)), never)
    told = {content.split("<at>")[1][0] for content in contents(rounds)}
    assert told == {"0", "1", "3", "4"}
    assert not any(asked[0].located for asked in rounds)


def test_shuffled_prose_does_not_keep_the_true_description():
    rounds, _ = play(FixLocated(tries=20, place="shuffled"), group(wrong("47", PLACE)), never)
    assert all("column 2" not in content and "at step " in content for content in contents(rounds))


@pytest.mark.parametrize("step, places, neighbours", [(0, 0, {1}), (3, 0, {2, 4}), (0, 1, {1})])
def test_where_the_number_of_places_is_unknown_a_neighbour_is_told(step, places, neighbours):
    drawn = {elsewhere(Location(step, 0, 1, places=places), RandomKey(attempt=n)).step for n in range(30)}
    assert drawn == neighbours


def test_rewrite_tells_the_solution_and_needs_one(caplog):
    rounds, corrections = play(RewriteFromSolution(templates="student"), group(wrong("47")), lambda r: (answered(r, "46"),))
    assert contents(rounds) == ["12+34=<solution>46<fix>"]
    assert (corrections[0].help, corrections[0].located) == ("solution", False)
    bare = Prompt("sum/2", "1+1=", task="bare")
    with caplog.at_level(logging.WARNING):
        assert play(RewriteFromSolution(), group(wrong("3"), prompt=bare), never) == ([], ())
    assert "no solution" in caplog.text and "'bare'" in caplog.text


@pytest.mark.parametrize("make, field", [
    (lambda: FixWrongOnly(tries=0), "tries"),
    (lambda: FixWrongOnly(tries=2, at_once=3), "at_once"),
    (lambda: RewriteFromSolution(at_once=0), "at_once"),
    (lambda: FixLocated(otherwise="fix_wrong"), "did you mean 'fix_wrong_only'"),
    (lambda: FixLocated(place="shufled"), "did you mean 'shuffled'"),
    (lambda: FixLocated(templates="pros"), "did you mean 'prose'"),
])
def test_bad_fields_are_refused(make, field):
    with pytest.raises(UserError, match=field) as refused:
        make()
    assert "\n" not in str(refused.value)
