"""Column addition: the scratchpad, the exact verifier, the place of the first wrong step, the split."""

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.tasks.column_addition import ColumnAddition, scratchpad

TASK = ColumnAddition(digits=2, size=20, evaluation_size=10)
# 7+5 is 12, write 2; 4+8 and the carry 1 are 13, write 3; 132.
SUM = Prompt("column_addition/47+85", "47+85=", "column_addition", "7502;4813;132")


def test_scratchpad_by_hand():
    assert scratchpad(47, 85, 2) == "7502;4813;132"
    assert scratchpad(12, 34, 2) == "2406;1304;46"
    assert scratchpad(999, 1, 3) == "9100;9010;9010;1000"


def test_a_forgotten_carry_spoils_all_that_follows():
    assert scratchpad(47, 85, 2, forgotten=1) == "7502;4802;122"
    # the column after takes its carry from the spoilt one: 9+0 and no carry are 9, so nothing is carried on
    assert scratchpad(999, 1, 3, forgotten=1) == "9100;9009;9009;990"


def test_only_the_canonical_text_is_solved():
    assert TASK.verify(SUM, "7502;4813;132").outcome is Outcome.SOLVED
    for text in ("132", "7502;4813;132 ", "7502;4813;0132", "7502;4813;132;", " 7502;4813;132"):
        assert TASK.verify(SUM, text).outcome is Outcome.WRONG


@pytest.mark.parametrize("text, error, step, span", [
    ("7502;4802;122", "carry", 1, (5, 9)),
    ("7503;4813;133", "sum", 0, (0, 4)),
    ("7502;4913;142", "digits", 1, (5, 9)),
    ("7502;4813;123", "result", 2, (10, 13)),
    ("7502;4813;", "format", 2, (10, 10)),
    ("7502;481", "format", 1, (5, 8)),
    ("7502", "format", 1, (4, 4)),
    ("", "format", 0, (0, 0)),
    ("I think it is 132", "format", 0, (0, 17)),
    ("7502;4813;132;1", "format", 2, (10, 15)),
])
def test_the_first_wrong_step(text, error, step, span):
    verdict = TASK.verify(SUM, text)
    description = "the result" if step == 2 else f"column {step}"
    assert (verdict.outcome, verdict.error) == (Outcome.WRONG, error)
    assert verdict.location == Location(step, *span, description=description, places=3)


def test_a_result_of_four_digits_is_no_column():
    prompt = Prompt("p", "999+1=", "column_addition", "9100;9010;9010;1000")
    assert ColumnAddition(digits=3).verify(prompt, "9100;9010;9010;1100").error == "result"


def test_prompts_carry_the_right_answer_and_repeat_with_the_seed():
    for prompt in TASK.training_prompts():
        a, b = map(int, prompt.text.rstrip("=").split("+"))
        assert prompt.solution == scratchpad(a, b, 2) and prompt.solution.endswith(f";{a + b}")
    assert ColumnAddition(digits=2, size=20, evaluation_size=10).training_prompts() == TASK.training_prompts()
    assert ColumnAddition(digits=2, size=20, evaluation_size=10, seed=1).training_prompts() != TASK.training_prompts()


def test_training_and_evaluation_never_share_a_text_whatever_the_seeds():
    training = {prompt.text for seed in range(3) for prompt in ColumnAddition(2, 1000, 300, seed).training_prompts()}
    evaluation = {prompt.text for seed in range(3) for prompt in ColumnAddition(2, 1000, 300, seed).evaluation_prompts()}
    assert len(training) > 1000 and len(evaluation) > 300  # else the seeds would not matter
    assert not training & evaluation


def test_a_pool_that_is_too_small_is_refused():
    with pytest.raises(UserError, match="different texts"):
        ColumnAddition(digits=1, size=100, evaluation_size=10).training_prompts()  # there are only 81 sums


@pytest.mark.parametrize("field, value", [("digits", 0), ("digits", 2.5), ("size", 0), ("evaluation_size", -1)])
def test_bad_fields_are_named(field, value):
    with pytest.raises(UserError, match=f"ColumnAddition.{field} is {value}"):
        ColumnAddition(**{field: value})
