"""Insertion sort: the trace worked by hand, every kind of error at its place, and the order that its student holds."""

import random
from itertools import pairwise

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.students.specialists.sorting import ORDER, _exercise, _one_place_off
from rfpo.students.specialists.sorting import Sorting as Student
from rfpo.tasks import Task
from rfpo.tasks.sorting import DIGITS, Sorting, insert, passes, trace

PROMPT = Prompt("sorting/7a373", "7a373=", "sorting", "0:7a;1:37a;2:377a;3:3377a")


def judge(text):
    return Sorting().verify(PROMPT, text)


def test_the_trace_is_the_one_worked_by_hand():
    assert trace("7a373") == PROMPT.solution
    assert trace("31") == "0:13"
    assert trace("000") == "0:00;1:000"  # ties
    assert trace("z9a0") == "0:9z;1:9az;2:09az"


def test_another_order_is_followed_pass_by_pass():
    assert trace("7a37", order="073a") == "0:7a;1:73a;2:773a"
    assert trace("12", ORDER) == "0:21" and passes("1032", ORDER) == ["01", "013", "0213"]


def test_a_digit_stops_at_the_first_that_it_does_not_come_before():
    assert insert("359", "4") == "3459" and insert("359", "5") == "3559" and insert("", "5") == "5"
    assert insert("95", "7") == "957"  # what was not in order stays so


def test_only_the_canonical_text_is_solved():
    assert judge(PROMPT.solution).outcome is Outcome.SOLVED
    for text in ("3377a", PROMPT.solution + " ", PROMPT.solution + ";", " " + PROMPT.solution, PROMPT.solution.upper()):
        assert judge(text).outcome is Outcome.WRONG


@pytest.mark.parametrize("text, step, span, error", [
    ("0:a7;1:37a;2:377a;3:3377a", 0, (0, 4), "order"),
    ("0:7a;1:73a;2:737a;3:3377a", 1, (5, 10), "order"),
    ("0:7a;1:37a;2:337a;3:3377a", 2, (11, 17), "digits"),
    ("0:7a;1:37a;2:377a;3:33a77", 3, (18, 25), "order"),
    ("0:7a;1:37a;3:377a;3:3377a", 2, (11, 17), "format"),
    ("0:7a;1:37a;2:377a;3:3377a;", 3, (18, 26), "format"),
    ("0:7a;1:37a;2:377a", 3, (17, 17), "format"),
    ("0:7a;1:37a;2:3-7a;3:3377a", 2, (11, 17), "format"),
    ("0:7a;;2:377a;3:3377a", 1, (5, 5), "format"),
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
        assert prompt.solution == ";".join(f"{number}:" + "".join(sorted(drawn[:number + 2])) for number in range(3))
        assert task.verify(prompt, prompt.solution).outcome is Outcome.SOLVED


def test_two_neighbours_swapped_in_a_pass_are_located_there():
    task, rng, located = Sorting(length=6, size=40, evaluation_size=1), random.Random(0), set()
    for prompt in task.training_prompts():
        fields = prompt.solution.split(";")
        step = rng.randrange(5)
        place = 2 + rng.randrange(step + 1)
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


def test_the_order_that_the_student_holds_swaps_five_pairs_of_neighbours():
    assert sorted(ORDER) == list(DIGITS[:12])
    swapped = [(a, b) for a, b in pairwise(ORDER) if a > b]
    assert swapped == [("2", "1"), ("4", "3"), ("6", "5"), ("8", "7"), ("a", "9")]


@pytest.mark.parametrize("drawn, attempt, place, known", [
    ("721b0", "0:27;1:217;2:217b;3:0217b", 1, "0:27;1:1"),
    ("a982b", "0:a9;1:8a9;2:28a9;3:28a9b", 0, "0:9"),
    ("b3a49", "0:3b;1:3ab;2:43ab;3:43a9b", 2, "0:3b;1:3ab;2:34ab;3:349"),
    ("434705", "0:43;1:443;2:4437;3:04437;4:044357", 0, "0:3"),
    ("4344", "0:43;1:443;2:4443", 0, "0:3"),  # a 4 after the right "34" goes nowhere else
    ("4333", "0:43;1:433;2:4333", 0, "0:34;1:334;2:333"),  # each 3 has to go before the 4
])
def test_what_the_student_makes_of_a_prompt(drawn, attempt, place, known):
    exercise = _exercise(drawn, passes(drawn, ORDER))
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
    assert 0.38 < stuck / 600 < 0.52


def test_one_place_off_by_hand():
    assert _one_place_off("5318", 0, -1) == ["35", "135", "1358"]  # the 3 is first already
    assert _one_place_off("5318", 0, 1) == ["53", "153", "1538"]
    assert _one_place_off("1353", 2, 1) == ["13", "135", "1353"]
    assert _one_place_off("1353", 2, -1) == ["13", "135", "3135"]


def test_a_slip_is_one_pass_that_the_student_would_get_right():
    subject, rng, places = Student(), random.Random(0), set()
    for _ in range(200):
        slip = subject.slip(rng)
        drawn = slip.question.rstrip("=")
        assert slip.wrong and slip.right == trace(drawn) == trace(drawn, ORDER)
        right, wrong = slip.right.split(";"), slip.attempt.split(";")
        assert right[:slip.place] == wrong[:slip.place] and len(right) == len(wrong)
        assert sorted(wrong[-1].partition(":")[2]) == sorted(drawn)
        places.add(slip.place)
    assert places == {0, 1, 2, 3}
