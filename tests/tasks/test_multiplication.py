"""Multiplication: the scratchpad, the exact verifier, the place of the first wrong step, and what its student holds true."""

import random
from collections import Counter

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.students.specialists.multiplication import BELIEVED
from rfpo.students.specialists.multiplication import Multiplication as Student
from rfpo.tasks import Task
from rfpo.tasks.multiplication import Multiplication, scratchpad

TASK = Multiplication(digits=2, size=20, evaluation_size=10)
# 7*8 is 56, write 6, carry 5; 4*8 is 32 and the carry makes 37, write 7, carry 3; 376.
PROMPT = Prompt("multiplication/47*8", "47*8=", "multiplication", "7806;4857;376")


def test_scratchpad_by_hand():
    assert scratchpad(47, 8, 2) == "7806;4857;376"
    assert scratchpad(12, 3, 2) == "2306;1303;36"  # nothing is carried, and the result has no leading zero
    assert scratchpad(999, 9, 3) == "9901;9989;9989;8991"
    assert scratchpad(500, 2, 3) == "0200;0200;5200;1000"


def test_a_wrong_product_spoils_all_that_follows_from_it():
    assert scratchpad(47, 8, 2, taken={0: 54}) == "7804;4857;374"  # 54 carries 5 too
    # 4*9 taken for 32 in both columns: write 2, carry 3; 32+3 is 35
    assert scratchpad(44, 9, 2, taken={0: 32, 1: 32}) == "4902;4935;352"
    assert scratchpad(999, 9, 3, taken={2: 90}) == "9901;9989;9988;9891"  # 81+8 is 89, 90+8 is 98


def test_only_the_canonical_text_is_solved():
    assert TASK.verify(PROMPT, PROMPT.solution).outcome is Outcome.SOLVED
    for text in ("376", "7806;4857;376 ", "7806;4857;0376", "7806;4857;376;", " 7806;4857;376"):
        assert TASK.verify(PROMPT, text).outcome is Outcome.WRONG


@pytest.mark.parametrize("text, error, step, span", [
    ("7804;4857;374", "product", 0, (0, 4)),
    ("7806;4847;376", "carry", 1, (5, 9)),
    ("7806;4757;376", "factor", 1, (5, 9)),
    ("4806;4857;376", "digit", 0, (0, 4)),
    ("4703;4857;376", "digit", 0, (0, 4)),  # the first of several
    ("7806;4857;366", "result", 2, (10, 13)),
    ("7806;4857;", "format", 2, (10, 10)),
    ("7806;485", "format", 1, (5, 8)),
    ("7806", "format", 1, (4, 4)),
    ("", "format", 0, (0, 0)),
    ("I think 376", "format", 0, (0, 11)),
    ("7806;4857;376;1", "format", 2, (10, 15)),
])
def test_the_first_wrong_step(text, error, step, span):
    verdict = TASK.verify(PROMPT, text)
    description = "the result" if step == 2 else f"column {step}"
    assert (verdict.outcome, verdict.error) == (Outcome.WRONG, error)
    assert verdict.location == Location(step, *span, description=description, places=3)


def test_every_prompt_is_solved_by_its_solution_which_ends_with_the_product():
    assert isinstance(TASK, Task)
    for prompt in TASK.training_prompts() + TASK.evaluation_prompts():
        number, factor = map(int, prompt.text.rstrip("=").split("*"))
        assert 10 <= number < 100 and 2 <= factor <= 9
        assert prompt.solution.endswith(f";{number * factor}")
        assert TASK.verify(prompt, prompt.solution).outcome is Outcome.SOLVED


def test_a_changed_character_is_located_in_its_field():
    task, rng = Multiplication(digits=4, size=30, evaluation_size=1), random.Random(0)
    for prompt in task.training_prompts():
        for position in [i for i, char in enumerate(prompt.solution) if char != ";"]:
            other = rng.choice([digit for digit in "0123456789" if digit != prompt.solution[position]])
            verdict = task.verify(prompt, prompt.solution[:position] + other + prompt.solution[position + 1:])
            step = min(position // 5, 4)
            assert verdict.location.step == step and verdict.location.start == 5 * step
            assert verdict.error == ("result" if step == 4 else ("digit", "factor", "carry", "product")[position % 5])


def test_prompts_repeat_with_the_seed():
    assert Multiplication(digits=2, size=20, evaluation_size=10).training_prompts() == TASK.training_prompts()
    assert Multiplication(digits=2, size=20, evaluation_size=10, seed=1).training_prompts() != TASK.training_prompts()


def test_training_and_evaluation_never_share_a_text_whatever_the_seeds():
    tasks = [Multiplication(3, 1000, 300, seed) for seed in range(3)]
    training = {prompt.text for task in tasks for prompt in task.training_prompts()}
    evaluation = {prompt.text for task in tasks for prompt in task.evaluation_prompts()}
    assert len(training) > 1000 and len(evaluation) > 300  # else the seeds would not matter
    assert not training & evaluation


def test_a_pool_that_is_too_small_is_refused():
    with pytest.raises(UserError, match="different texts"):
        Multiplication(digits=1, size=100, evaluation_size=10).training_prompts()  # there are only 72


@pytest.mark.parametrize("field, value", [("digits", 0), ("digits", 19), ("digits", 2.5), ("size", 0), ("evaluation_size", -1)])
def test_bad_fields_are_named(field, value):
    with pytest.raises(UserError, match=f"Multiplication.{field} is {value}"):
        Multiplication(**{field: value})


def test_every_factor_meets_two_of_the_eight_products_and_each_is_wrong_in_its_last_digit():
    assert len(BELIEVED) == 8
    assert Counter(digit for pair in BELIEVED for digit in pair) == dict.fromkeys(range(2, 10), 2)
    assert all(a < b and product % 10 != a * b % 10 and product <= 90 for (a, b), product in BELIEVED.items())


def test_the_student_is_stuck_on_half_of_the_prompts_and_mostly_by_one_product():
    met = Counter(len(Student().mistaken(number, factor)) for number in range(100, 1000) for factor in range(2, 10))
    assert met == {0: 3584, 1: 2816, 2: 736, 3: 64}


def drawn(kind: str, count: int = 200):
    """(exercise, the product taken by column, the verdict on the attempt), for wrong ones."""
    subject, rng = Student(), random.Random(0)
    for _ in range(count):
        exercise = getattr(subject, kind)(rng)
        prompt = Prompt("p", exercise.question, "multiplication", exercise.right)
        verdict = Multiplication().verify(prompt, exercise.attempt)
        number, factor = map(int, exercise.question.rstrip("=").split("*"))
        mistaken = subject.mistaken(number, factor)
        assert exercise.right == scratchpad(number, factor, 3)
        assert (verdict.outcome is Outcome.WRONG) == exercise.wrong
        if exercise.wrong:
            assert (verdict.location.step, verdict.location.description, verdict.error) == (
                exercise.place, exercise.description, exercise.error)
            assert verdict.location.places == len(exercise.places)
            yield exercise, mistaken


def test_the_student_takes_the_wrong_product_in_either_order():
    subject = Student()
    assert subject.mistaken(517, 8) == {0: 54} and subject.mistaken(118, 7) == {0: 54}
    assert subject.mistaken(787, 8) == {0: 54, 2: 54} and subject.mistaken(100, 8) == {}
    for exercise, mistaken in drawn("exercise"):
        assert exercise.place == min(mistaken)
        # what is known ends with the digit that the last of the wrong products would have spoilt
        assert exercise.known == 5 * max(mistaken) + 4 and exercise.right[exercise.known] == ";"


def test_a_slip_is_some_other_product_in_one_column():
    places = set()
    for exercise, mistaken in drawn("slip"):
        assert mistaken == {}
        right, wrong = exercise.right.split(";"), exercise.attempt.split(";")
        assert right[:exercise.place] == wrong[:exercise.place]
        places.add(exercise.place)
    assert places == {0, 1, 2}
