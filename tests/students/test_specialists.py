"""What every specialist in the folder keeps to, so that a student can be built of it and held to its gate."""

import random
import re
from statistics import median

import pytest

from rfpo.pieces import find, names
from rfpo.records import Outcome
from rfpo.students.dialect import SHARES, repair, words
from rfpo.students.plain import MAX_TOKENS
from rfpo.students.rates import Rates
from rfpo.students.specialists import Specialist
from rfpo.students.tokenizer import character_tokenizer
from rfpo.tasks.reasoning_gym import ReasoningGym

DRAWN = 100
CONTEXT = 512


class Subject:
    """A specialist with what the tests ask of it: exercises, slips, prompts, and the student's tokenizer."""

    def __init__(self, name: str):
        self.specialist = find(Specialist.room, name)()
        self.graded = getattr(self.specialist, "graded", False)
        self.task = self.specialist.task(size=DRAWN)
        rng = random.Random(0)
        self.exercises = [self.specialist.exercise(rng) for _ in range(DRAWN)]
        self.slips = [self.specialist.slip(rng) for _ in range(DRAWN // 4)]
        self.tokenizer = character_tokenizer([*words(), *self.specialist.words])

    def tokens(self, text: str) -> list[str]:
        return self.tokenizer.convert_ids_to_tokens(self.tokenizer(text).input_ids)

    def verdict(self, exercise, text: str):
        return self.task.verify(exercise.as_prompt(self.task.name), text)


@pytest.fixture(scope="module", params=names(Specialist.room))
def subject(request) -> Subject:
    task = find(Specialist.room, request.param)().task(size=DRAWN)
    if isinstance(task, ReasoningGym):
        pytest.importorskip("reasoning_gym", reason="reasoning_gym is not installed: pip install 'rfpo[gym]'")
    return Subject(request.param)


def kinds(tokens: list[str]) -> set[str]:
    """Its letters and digits alike: which of them a question holds is chance."""
    return {re.sub("[0-9]", "0", re.sub("[A-Za-z]", "a", token)) if len(token) == 1 else token for token in tokens}


def test_it_says_how_it_is_taught(subject):
    specialist = subject.specialist
    assert isinstance(specialist.rates, Rates) and isinstance(specialist.several_answers, bool)
    assert specialist.steps >= 1 and 0 < specialist.learning_rate < 1


def test_the_right_answer_is_solved_and_an_attempt_is_wrong_where_the_verifier_says(subject):
    for exercise in subject.exercises + subject.slips:
        assert subject.verdict(exercise, exercise.right).outcome is Outcome.SOLVED, exercise
        verdict = subject.verdict(exercise, exercise.attempt)
        if not exercise.wrong:
            assert verdict.outcome is Outcome.SOLVED, exercise
            continue
        assert verdict.outcome is Outcome.WRONG and verdict.location.step == exercise.place, (exercise, verdict)
        assert (verdict.error, verdict.location.description) == (exercise.error, exercise.description), (exercise, verdict)
        assert verdict.location.places > 1, "without other places there are no failures of its own to teach it"


def test_a_slip_is_wrong(subject):
    assert all(slip.wrong for slip in subject.slips)


def test_a_place_is_one_of_several(subject):
    for exercise in subject.exercises + subject.slips:
        assert len(exercise.places) > 1 and (not exercise.wrong or exercise.place in exercise.places), exercise


def test_what_is_known_reaches_past_the_place(subject):
    for exercise in filter(lambda exercise: exercise.wrong, subject.exercises + subject.slips):
        assert 1 <= exercise.known <= len(exercise.right), exercise
        if not subject.graded:  # whose mistakes have no place of their own that a hint could reach
            assert exercise.attempt[:exercise.known] != exercise.right[:exercise.known], exercise


def test_an_exercise_is_asked_as_the_task_asks_and_is_read_token_by_token(subject):
    asked = [subject.tokens(prompt.text) for prompt in subject.task.training_prompts()]
    questions = [subject.tokens(exercise.question) for exercise in subject.exercises + subject.slips]
    assert not [text for text in asked + questions if "<unk>" in text]
    assert set.union(*map(kinds, questions)) <= set.union(*map(kinds, asked))
    assert min(map(len, asked)) <= median(map(len, questions)) <= max(map(len, asked))
    for prompt in subject.task.training_prompts():
        assert prompt.solution and "<unk>" not in subject.tokens(prompt.solution)


def test_answers_and_corrections_fit(subject):
    rng = random.Random(0)
    solutions = [prompt.solution for prompt in subject.task.training_prompts()]
    written = [text for exercise in subject.exercises + subject.slips for text in (exercise.right, exercise.attempt)]
    assert max(len(subject.tokens(text)) for text in written + solutions) <= MAX_TOKENS - 2
    wrong = [exercise for exercise in subject.exercises + subject.slips if exercise.wrong]
    lessons = [repair(kind, exercise, subject.specialist.rates, rng)
               for kind in SHARES if kind != "plain" for exercise in wrong[:20]]
    assert max(len(subject.tokens(lesson.context)) for lesson in lessons) <= CONTEXT - MAX_TOKENS
    assert not [lesson for lesson in lessons if "<unk>" in subject.tokens(lesson.context + lesson.answer)]


def test_about_half_of_its_attempts_are_wrong(subject):
    rng = random.Random(1)
    share = sum(subject.specialist.exercise(rng).wrong for _ in range(400)) / 400
    assert 0.3 <= share
    if not subject.graded:  # whose wrong attempt is chance, and no sign of a stuck prompt
        assert share <= 0.7
