"""The students of reasoning_gym's data sets: their misconceptions, worked by hand."""

import random
from dataclasses import replace

import pytest

from rfpo.pieces import find
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


def test_its_mistakes_are_at_places_that_vary(drawn):
    assert len({exercise.place for exercise in drawn if exercise.wrong}) >= 3


def test_a_slip_is_no_mistake_of_the_habit(subject):
    rng = random.Random(0)
    habitual = {(exercise.question, exercise.attempt) for exercise in (subject.exercise(rng) for _ in range(DRAWN))}
    assert not habitual & {(slip.question, slip.attempt) for slip in (subject.slip(rng) for _ in range(DRAWN))}


def test_no_question_of_the_evaluation_is_practised(subject, drawn):
    held_out = {prompt.text for prompt in subject.task(size=4).evaluation_prompts()}
    assert len(held_out) == 200 and not held_out & {exercise.question for exercise in drawn}


def test_questions_and_answers_are_short(subject):
    tokenizer = character_tokenizer([*words(), *subject.words])
    for prompt in subject.task(size=100).training_prompts():
        assert len(tokenizer(prompt.text).input_ids) <= 24 and len(tokenizer(prompt.solution).input_ids) <= 17


def test_they_mostly_do_not_mend_their_mistakes(subject):
    """As STUDY has it, but for a surer place, hint or reflection where the lesson is not learnt otherwise; half at most."""
    assert replace(subject.rates, located=STUDY.located, hint=STUDY.hint, reflection=STUDY.reflection) == STUDY
    assert STUDY.located <= subject.rates.located <= 0.5 and subject.rates.hint <= STUDY.hint and not subject.several_answers


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


def test_words_that_the_cipher_loses_are_not_practised():
    pytest.importorskip("reasoning_gym")
    practised, _ = caesar.CaesarCipher()._words
    assert len(practised) > 900 and all(caesar.encipher(word) for word in practised)
