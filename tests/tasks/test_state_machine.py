"""State machine tracing: the trace worked by hand, every kind of error at its place, and a split by text."""

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.tasks import Task
from rfpo.tasks.state_machine import StateMachine, trace

TABLE = {(0, "a"): 1, (0, "b"): 0, (1, "a"): 0, (1, "b"): 1}
PROMPT = Prompt("m/0", "0a1,0b0,1a0,1b1|0:aba=", "state_machine", "0a1;1b1;1a0;0")


def judge(text):
    return StateMachine().verify(PROMPT, text)


def test_the_trace_is_the_one_worked_by_hand():
    assert trace(TABLE, 0, "aba") == PROMPT.solution
    assert trace(TABLE, 1, "bb") == "1b1;1b1;1"


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
    assert verdict.location == Location(step, *span, description)
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
