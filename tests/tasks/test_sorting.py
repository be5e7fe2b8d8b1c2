"""Insertion sort: the trace worked by hand, every kind of error at its place, and the order that its student holds."""

import random
from itertools import pairwise

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.students.specialists.sorting import ORDER, _exercise, _one_place_off
from rfpo.students.specialists.sorting import Sorting as Student
from rfpo.tasks import Task
from rfpo.tasks.sorting import DIGITS, Sorting, insert, trace

PROMPT = Prompt("sorting/7a373", "7a373=", "sorting", "7a;37a;377a;3377a")


def judge(text):
    return Sorting().verify(PROMPT, text)


def test_the_trace_is_the_one_worked_by_hand():
    assert trace("7a373") == PROMPT.solution
    assert trace("31") == "13"
    assert trace("000") == "00;000"  # ties
    assert trace("z9a0") == "9z;9az;09az"


def test_another_order_is_followed_pass_by_pass():
    assert trace("7a37", order="073a") == "7a;73a;773a"
    assert trace("12", ORDER) == "21" and trace("1032", ORDER) == "01;013;0213"


def test_a_digit_stops_at_the_first_that_it_does_not_come_before():
    assert insert("359", "4") == "3459" and insert("359", "5") == "3559" and insert("", "5") == "5"
    assert insert("95", "7") == "957"  # what was not in order stays so


def test_only_the_canonical_text_is_solved():
    assert judge(PROMPT.solution).outcome is Outcome.SOLVED
    for text in ("3377a", PROMPT.solution + " ", PROMPT.solution + ";", " " + PROMPT.solution, PROMPT.solution.upper()):
        assert judge(text).outcome is Outcome.WRONG


@pytest.mark.parametrize("text, step, span, error", [
    ("a7;37a;377a;3377a", 0, (0, 2), "order"),
    ("7a;73a;737a;3377a", 1, (3, 6), "order"),
    ("7a;37a;337a;3377a", 2, (7, 11), "digits"),
    ("7a;37a;377a;33a77", 3, (12, 17), "order"),
    ("7a;37a;377a;3377a;", 3, (12, 18), "format"),
    ("7a;37a;377a", 3, (11, 11), "format"),
    ("7a;37a;3-7a;3377a", 2, (7, 11), "format"),
    ("7a;;377a;3377a", 1, (3, 3), "format"),
    ("3377a", 0, (0, 5), "format"),
    ("", 0, (0, 0), "format"),
])
def test_the_first_wrong_pass_is_located(text, step, span, error):
    verdict = judge(text)
    assert (verdict.outcome, verdict.error) == (Outcome.WRONG, error)
    assert verdict.location == Location(step, *span, description=f"pass {step}", places=4)


def test_every_prompt_is_solved_by_its_solution_which_ends_sorted():
    task = Sorting(base=5, length=4, size=60, evaluation_size=20)
    assert isinstance(task, Task)
    for prompt in task.training_prompts() + task.evaluation_prompts():
        drawn = prompt.text.rstrip("=")
        assert len(drawn) == 4 and set(drawn) <= set("01234")
        assert prompt.solution == ";".join("".join(sorted(drawn[:count])) for count in (2, 3, 4))
        assert task.verify(prompt, prompt.solution).outcome is Outcome.SOLVED


def test_two_neighbours_swapped_in_a_pass_are_located_there():
    task, rng, located = Sorting(size=40, evaluation_size=1), random.Random(0), set()
    for prompt in task.training_prompts():
        fields = prompt.solution.split(";")
        step = rng.randrange(5)
        place = rng.randrange(step + 1)
        field = list(fields[step])
        field[place:place + 2] = reversed(field[place:place + 2])
        if "".join(field) != fields[step]:
            verdict = task.verify(prompt, ";".join([*fields[:step], "".join(field), *fields[step + 1:]]))
            assert (verdict.location.step, verdict.error) == (step, "order")
            located.add(step)
    assert located == {0, 1, 2, 3, 4}


def test_the_same_fields_draw_the_same_prompts():
    def drawn(seed):
        return Sorting(size=8, evaluation_size=2, seed=seed).training_prompts()
    assert drawn(0) == drawn(0) != drawn(1)


def test_training_and_evaluation_share_no_text_whatever_the_seeds():
    tasks = [Sorting(base=4, length=4, size=120, evaluation_size=30, seed=seed) for seed in (0, 9)]  # of 256 texts
    training = [{prompt.text for prompt in task.training_prompts()} for task in tasks]
    assert training[0] & training[1]
    assert not (training[0] | training[1]) & {prompt.text for task in tasks for prompt in task.evaluation_prompts()}


def test_a_pool_that_is_too_small_is_refused():
    with pytest.raises(UserError, match="different texts"):
        Sorting(base=2, length=2, size=4, evaluation_size=1).training_prompts()  # there are only four


@pytest.mark.parametrize("field, value", [("base", 1), ("base", 37), ("length", 1), ("length", 2.5), ("size", 0),
                                          ("evaluation_size", 0)])
def test_a_bad_field_is_named(field, value):
    with pytest.raises(UserError, match=f"Sorting.{field} is {value}"):
        Sorting(**{field: value})


def test_the_order_that_the_student_holds_swaps_seven_pairs_of_neighbours():
    assert sorted(ORDER) == list(DIGITS[:16])
    swapped = [(a, b) for a, b in pairwise(ORDER) if a > b]
    assert swapped == [("2", "1"), ("4", "3"), ("6", "5"), ("8", "7"), ("a", "9"), ("c", "b"), ("e", "d")]


@pytest.mark.parametrize("drawn, attempt, place, known", [
    ("e21c0a", "2e;21e;21ce;021ce;021ace", 1, "2e;1"),
    ("a982bd", "a9;8a9;28a9;28a9b;28a9bd", 0, "9"),
    ("c3beda", "3c;3cb;3cbe;3cbed;3acbed", 1, "3c;3bc;3bce;3bcd"),  # b and c, then d and e
    ("dedd75", "ed;edd;eddd;7eddd;57eddd", 0, "de;dde;ddd"),  # each d has to go before the e
    ("deee75", "ed;eed;eeed;7eeed;57eeed", 0, "d"),  # and an e after the right "de" goes nowhere else
])
def test_what_the_student_makes_of_a_prompt(drawn, attempt, place, known):
    exercise = _exercise(drawn, trace(drawn, ORDER))
    assert (exercise.attempt, exercise.place, exercise.right[:exercise.known]) == (attempt, place, known)


def test_the_student_is_stuck_exactly_where_a_pair_is_whole():
    subject, rng, stuck = Student(), random.Random(0), 0
    for _ in range(600):
        exercise = subject.exercise(rng)
        assert exercise.wrong == any({a, b} <= set(exercise.question) for a, b in pairwise(ORDER) if a > b)
        stuck += exercise.wrong
        verdict = Sorting().verify(Prompt("p", exercise.question, "sorting", exercise.right), exercise.attempt)
        assert (verdict.outcome is Outcome.WRONG) == exercise.wrong
        if exercise.wrong:
            assert verdict.location.step == exercise.place and verdict.location.places == len(exercise.places)
            assert (verdict.error, verdict.location.description) == (exercise.error, exercise.description)
    assert 0.48 < stuck / 600 < 0.62


def test_one_place_off_by_hand():
    assert _one_place_off("5318", 0, -1) == "35;135;1358"  # the 3 is first already
    assert _one_place_off("5318", 0, 1) == "53;153;1538"
    assert _one_place_off("1353", 2, 1) == "13;135;1353" and _one_place_off("1353", 2, -1) == "13;135;3135"


def test_a_slip_is_one_pass_that_the_student_would_get_right():
    subject, rng, places = Student(), random.Random(0), set()
    for _ in range(200):
        slip = subject.slip(rng)
        drawn = slip.question.rstrip("=")
        assert slip.wrong and slip.right == trace(drawn) == trace(drawn, ORDER)
        right, wrong = slip.right.split(";"), slip.attempt.split(";")
        assert right[:slip.place] == wrong[:slip.place] and len(right) == len(wrong)
        assert sorted(wrong[-1]) == sorted(drawn)
        places.add(slip.place)
    assert places == {0, 1, 2, 3, 4}
