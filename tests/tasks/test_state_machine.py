"""State machine tracing: the trace worked by hand, every kind of error at its place, a split by text; and its student."""

import random
from collections import Counter

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.students.specialists.state_machine import StateMachine as Student
from rfpo.tasks import Task
from rfpo.tasks.state_machine import StateMachine, question, trace

TABLE = {(0, "a"): 1, (0, "b"): 0, (1, "a"): 0, (1, "b"): 1}
PROMPT = Prompt("m/0", "0a1,0b0,1a0,1b1|0:aba=", "state_machine", "0a1;1b1;1a0;0")


def judge(text):
    return StateMachine().verify(PROMPT, text)


def test_the_trace_is_the_one_worked_by_hand():
    assert trace(TABLE, 0, "aba") == PROMPT.solution
    assert trace(TABLE, 1, "bb") == "1b1;1b1;1"
    assert question(TABLE, 0, "aba") == PROMPT.text


def test_only_the_canonical_text_is_solved():
    assert judge(PROMPT.solution).outcome is Outcome.SOLVED
    for text in ("0a1;1b1;1a0;0 ", " 0a1;1b1;1a0;0", "0a1;1b1;1a0;00", "0", ""):
        assert judge(text).outcome is Outcome.WRONG


@pytest.mark.parametrize("text, step, span, description, error", [
    ("0a0;0b0;0a1;1", 0, (0, 3), "step 0", "next"),
    ("0a1;0b0;0a1;1", 1, (4, 7), "step 1", "state"),
    ("0a1;1a0;0b0;0", 1, (4, 7), "step 1", "symbol"),
    ("0a1;1b1;1a1;1", 2, (8, 11), "step 2", "next"),
    ("0a1;1b1;1a0;1", 3, (12, 13), "the final state", "result"),
    ("0a1;1b1;1a0;0;", 3, (12, 14), "the final state", "format"),
    ("0a1;1b1", 2, (7, 7), "step 2", "format"),
    ("0a1;1b1;1a0", 3, (11, 11), "the final state", "format"),
    ("0a1;;1a0;0", 1, (4, 4), "step 1", "format"),
    ("", 0, (0, 0), "step 0", "format"),
])
def test_the_first_wrong_step_is_located(text, step, span, description, error):
    verdict = judge(text)
    assert verdict.location == Location(step, *span, description, places=4)
    assert verdict.error == error


def test_prompts_are_solved_by_their_solution_and_follow_their_own_table():
    task = StateMachine(states=3, symbols=2, length=4, size=20, evaluation_size=5)
    assert isinstance(task, Task)
    for prompt in task.training_prompts() + task.evaluation_prompts():
        assert task.verify(prompt, prompt.solution).outcome is Outcome.SOLVED
        entries, rest = prompt.content.split("|")
        start, word = rest.rstrip("=").split(":")
        table = {(int(entry[0]), entry[1]): int(entry[2]) for entry in entries.split(",")}
        assert len(table) == 6 and len(word) == 4
        assert trace(table, int(start), word) == prompt.solution


@pytest.mark.parametrize("shortest, lengths", [(None, {5}), (5, {5}), (2, {2, 3, 4, 5}), (1, {1, 2, 3, 4, 5})])
def test_words_are_as_long_as_was_asked_and_every_length_comes_equally_often(shortest, lengths):
    task = StateMachine(states=3, length=5, shortest=shortest, size=400, evaluation_size=40)
    drawn = Counter(len(prompt.text.partition(":")[2]) - 1 for prompt in task.training_prompts())
    assert set(drawn) == lengths
    assert all(abs(count / 400 - 1 / len(lengths)) < 0.08 for count in drawn.values())
    assert {len(prompt.solution) for prompt in task.evaluation_prompts()} == {4 * length + 1 for length in lengths}


@pytest.mark.parametrize("shortest", [0, 7, 2.5, "2"])
def test_a_bad_shortest_is_named(shortest):
    with pytest.raises(UserError, match=f"StateMachine.shortest is {shortest!r}; it must be None, or .* 1 to length .6."):
        StateMachine(shortest=shortest)


def test_the_student_makes_each_step_rightly_at_its_rate_and_goes_on_from_what_it_wrote():
    subject, rng = Student(), random.Random(0)
    task, steps, right, solved, states = subject.task(size=1, seed=0), 0, 0, Counter(), Counter()
    for _ in range(3000):
        exercise = subject.exercise(rng)
        entries, rest = exercise.question.split("|")
        start, word = rest.rstrip("=").split(":")
        *fields, final = exercise.attempt.split(";")
        assert [field[1] for field in fields] == list(word)
        assert [field[0] for field in fields] + [final] == [start] + [field[2] for field in fields]
        agree = [field in entries.split(",") for field in fields]
        steps, right = steps + len(fields), right + sum(agree)
        states.update(field[2] for field, is_right in zip(fields, agree, strict=True) if not is_right)
        solved[len(word)] += not exercise.wrong
        verdict = task.verify(Prompt("x", exercise.question, "state_machine", exercise.right), exercise.attempt)
        assert (verdict.outcome is Outcome.SOLVED) == (not exercise.wrong) == all(agree)
        if exercise.wrong:
            assert verdict.location.step == exercise.place == agree.index(False)
            assert (verdict.error, verdict.location.description) == (exercise.error, exercise.description)
            assert len(exercise.places) == verdict.location.places == len(word) + 1
    assert abs(right / steps - 0.4) < 0.02  # three standard errors of 18,000 steps are 0.011
    assert all(abs(solved[length] / (3000 / 11) - 0.4**length) < 0.12 for length in range(1, 12))
    assert all(abs(count / states.total() - 1 / 3) < 0.03 for count in states.values())


def test_the_students_slip_is_one_wrong_step_anywhere():
    subject, rng, places = Student(shortest=4, longest=4), random.Random(0), Counter()
    for _ in range(400):
        slip = subject.slip(rng)
        entries = slip.question.split("|")[0].split(",")
        wrong = [index for index, field in enumerate(slip.attempt.split(";")[:-1]) if field not in entries]
        assert wrong == [slip.place]
        places[slip.place] += 1
    assert set(places) == {0, 1, 2, 3} and min(places.values()) > 60


def test_a_hint_to_the_student_must_show_half_of_the_steps():
    subject, rng = Student(), random.Random(0)
    known = {(len(slip.right) - 1) // 4: slip.right[:slip.known].count(";") + 1 for slip in map(subject.slip, [rng] * 400)}
    assert known == {length: max(1, length // 2) for length in range(1, 12)}


def test_about_two_fifths_of_the_students_prompts_are_stuck():
    lengths = [(len(prompt.solution) - 1) // 4 for prompt in Student().task(size=2000).training_prompts()]
    assert max(lengths) == 11 and max(4 * length + 1 for length in lengths) <= 62
    # H = mean of (1 - p^L)^256 over L = 1 ... 11 with p = 0.4: 4.82 / 11
    assert sum((1 - 0.4**length) ** 256 for length in lengths) / 2000 == pytest.approx(4.82 / 11, abs=0.03)


def test_training_and_evaluation_share_no_text_whatever_the_seeds_and_sizes():
    # Three states and one symbol make 27 tables and 3 start states: 81 texts, so two seeds meet often.
    first = StateMachine(states=3, symbols=1, length=3, size=40, evaluation_size=10, seed=0)
    other = StateMachine(states=3, symbols=1, length=3, size=20, evaluation_size=12, seed=9)
    assert len(first.training_prompts()) == 40
    assert {prompt.text for prompt in first.training_prompts()} & {prompt.text for prompt in other.training_prompts()}
    assert not {prompt.text for prompt in first.training_prompts()} & {prompt.text for prompt in other.evaluation_prompts()}
    ids = [prompt.id for prompt in first.training_prompts() + first.evaluation_prompts()]
    assert len(set(ids)) == 50


def test_a_pool_that_is_too_small_is_refused():
    # Two states and one symbol make four tables and two start states: eight texts in all.
    with pytest.raises(UserError, match="gave only . training and . evaluation prompts"):
        StateMachine(states=2, symbols=1, length=3, size=8, evaluation_size=1).training_prompts()


def test_the_same_fields_draw_the_same_prompts():
    def drawn(seed):
        return StateMachine(size=8, evaluation_size=2, seed=seed).training_prompts()
    assert drawn(0) == drawn(0) != drawn(1)


@pytest.mark.parametrize("field, value", [
    ("states", 1), ("states", 11), ("symbols", 27), ("length", 0), ("size", 0), ("states", 2.5),
])
def test_a_bad_field_is_named(field, value):
    with pytest.raises(UserError, match=f"StateMachine.{field} is {value}"):
        StateMachine(**{field: value})
