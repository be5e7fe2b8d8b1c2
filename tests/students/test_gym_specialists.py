"""The students of reasoning_gym's data sets: what their misconceptions do is what the data set's own scorer calls wrong."""

import random

import pytest

from rfpo.pieces import find
from rfpo.records import Outcome, Prompt
from rfpo.students.dialect import words
from rfpo.students.rates import STUDY
from rfpo.students.specialists import Exercise, Specialist
from rfpo.students.specialists import caesar_cipher as caesar
from rfpo.students.specialists import chain_sum as sums
from rfpo.students.specialists import spiral_matrix as spiral
from rfpo.students.tokenizer import character_tokenizer

NAMES = ("caesar_cipher", "chain_sum", "spiral_matrix")
DRAWN = 400


@pytest.fixture(scope="module", params=NAMES)
def subject(request) -> Specialist:
    pytest.importorskip("reasoning_gym", reason="reasoning_gym is not installed: pip install 'rfpo[gym]'")
    return find(Specialist.room, request.param)()


@pytest.fixture(scope="module")
def drawn(subject) -> list[Exercise]:
    rng = random.Random(0)
    return [subject.exercise(rng) for _ in range(DRAWN)]


def judged(task, exercise: Exercise, text: str):
    """The data set's own verdict."""
    entry = {"question": exercise.question, "answer": exercise.right, "metadata": {}}
    return task.verify(Prompt("p", exercise.question, task.name, exercise.right, {"entry": entry}), text)


def check(task, exercise: Exercise) -> None:
    assert judged(task, exercise, exercise.right).outcome is Outcome.SOLVED
    verdict = judged(task, exercise, exercise.attempt)
    if not exercise.wrong:
        assert verdict.outcome is Outcome.SOLVED
        return
    assert verdict.outcome is Outcome.WRONG and verdict.location.step == exercise.place
    assert verdict.location.description == exercise.description
    assert exercise.place in exercise.places and verdict.location.places <= len(exercise.places)
    assert exercise.right[:exercise.known] != exercise.attempt[:exercise.known]


def test_an_attempt_is_wrong_where_the_scorer_says_so(subject, drawn):
    task = subject.task(size=4)
    for exercise in drawn:
        check(task, exercise)


def test_a_slip_is_one_mistake_that_is_not_the_habit(subject):
    task, rng = subject.task(size=4), random.Random(0)
    for _ in range(100):
        slip = subject.slip(rng)
        check(task, slip)
        assert slip.wrong


def test_about_half_of_the_questions_are_spoilt_at_places_that_vary(drawn):
    wrong = [exercise for exercise in drawn if exercise.wrong]
    assert 0.4 < len(wrong) / DRAWN < 0.6
    assert len({exercise.place for exercise in wrong}) >= 3


def test_no_question_of_the_evaluation_is_practised(subject, drawn):
    held_out = {prompt.text for prompt in subject.task(size=4).evaluation_prompts()}
    assert len(held_out) == 200 and not held_out & {exercise.question for exercise in drawn}


def test_questions_and_answers_are_those_of_the_task_and_short(subject, drawn):
    tokenizer = character_tokenizer([*words(), *subject.words])
    for prompt in subject.task(size=100).training_prompts():
        ids = tokenizer(prompt.text).input_ids
        assert len(ids) <= 24 and len(tokenizer(prompt.solution).input_ids) <= 17
        assert tokenizer.unk_token_id not in ids and tokenizer.decode(ids, skip_special_tokens=True) == prompt.text
    lengths = {len(tokenizer(exercise.question).input_ids) for exercise in drawn}
    assert max(lengths) <= 24


def test_they_mend_at_the_rates_of_a_study(subject):
    assert subject.rates == STUDY and not subject.several_answers


def test_a_spiral_is_read_as_the_data_set_reads_it():
    pytest.importorskip("reasoning_gym")
    subject = spiral.SpiralMatrix()
    for prompt in subject.task(size=20).training_prompts():
        exercise = subject._exercise(prompt.solution.replace(" ", ""), {})
        assert (exercise.question, exercise.right) == (prompt.text, prompt.solution)
    exercise = subject._exercise("307485216", spiral.habit("307485216"))
    assert exercise.question.endswith("\n3 0 7\n1 6 4\n2 5 8\n")
    assert (exercise.attempt, exercise.place, exercise.known) == ("3 0 4 4 3 5 9 1 6", 2, 13)
    assert exercise.right[:exercise.known] == "3 0 7 4 8 5 2"  # past the last of its mistakes
    assert spiral.habit("123698745") == {}


def test_the_second_number_is_misread():
    assert (sums.habit(42, "+", 25), sums.habit(42, "-", 25)) == (71, 17)
    assert sums.habit(42, "-", 58) == -15  # as if it were 57
    exercise = sums._exercise(42, "+", 25, 71)
    assert exercise.question == f"{sums.QUESTION}42 + 25 ="
    assert (exercise.right, exercise.attempt, exercise.place, exercise.known) == ("67", "71", 0, 1)
    assert all(abs(int(key[1]) - value) < 9 for key, value in sums.MISREAD.items())


def test_letters_are_misread_after_others():
    exercise = caesar._exercise("DISTANT", caesar.habit("DISTANT"))
    assert exercise.question == f"{caesar.QUESTION}KPZAHUA{caesar.INSTRUCTION}"
    assert (exercise.attempt, exercise.place, exercise.known) == ("DISKAND", 3, 7)
    assert caesar.habit("WORD") == {} and caesar.encipher("WORD") == "DVYK"
