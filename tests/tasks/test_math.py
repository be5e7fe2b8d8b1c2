"""Mathematical equality: what counts as equal, what cannot be read, and an answer that never ends."""

import json

import pytest

from rfpo.records import Outcome, Prompt
from rfpo.tasks._math import equal, is_readable_gold
from rfpo.tasks.data import Data
from rfpo.verification import Verifier


@pytest.mark.parametrize("gold, answer", [
    ("72", "72"), ("1/2", "0.5"), (r"\frac{1}{2}", "$0.5$"), (r"2\sqrt{3}+1", r"1+2\sqrt{3}"), ("(1,2)", r"\boxed{(1, 2)}"),
    ("x^2+1", "1+x^2"), ("1,000", "1000"), ("5", "So the answer is 5."), ("3", "x=3"), ("some steps\n#### 72", "72"),
    ("-4", "-4"), ("1<x<2", "(1,2)"),
])
def test_equal_as_mathematics(gold, answer):
    assert is_readable_gold(gold) and equal(gold, answer) is True


@pytest.mark.parametrize("gold, answer", [
    ("72", "73"), (r"2\sqrt{3}+1", "2"), ("(1,2)", "[1,2]"), ("-4", "4"), ("1/2", "0.51"), ("(1,2)", "1<x<2"),
])
def test_not_equal(gold, answer):
    assert equal(gold, answer) is False


@pytest.mark.parametrize("answer", ["I cannot tell", "", r"\boxed{}", "$$"])
def test_an_answer_in_which_nothing_can_be_read(answer):
    assert equal("72", answer) is None


@pytest.mark.parametrize("gold", ["see the figure", "", "Thursday"])
def test_a_reference_answer_that_is_no_mathematics(gold):
    assert not is_readable_gold(gold)


def judged(tmp_path, gold, *texts, seconds=5.0):
    task = Data(str(tmp_path / "data.jsonl"), evaluation_share=0.0)
    (tmp_path / "data.jsonl").write_text(json.dumps({"prompt": "q", "answer": gold}) + "\n")
    prompt = task.training_prompts()[0]
    with Verifier((task,), seconds=seconds) as verifier:
        return verifier.judge([(prompt, text) for text in texts])


def test_a_comparison_that_never_ends_is_ungraded_and_the_next_one_is_judged(tmp_path):
    tower, right, wrong = judged(tmp_path, "7", "<answer>$9^{9^{9}}$</answer>", "6 + 1 is\n7", "8", seconds=1.5)
    assert tower.outcome is Outcome.UNGRADED and tower.feedback == "took longer than 1.5 s"
    assert (right.outcome, right.answer) == (Outcome.SOLVED, "7") and wrong.outcome is Outcome.WRONG


def test_no_answer_and_an_unreadable_one_are_wrong():
    task, prompt = Data("data.jsonl"), Prompt("p", "q", "data.jsonl", "7")
    assert task.verify(prompt, "\n").feedback == "no answer found"
    unreadable = task.verify(prompt, "<answer>no idea</answer>")
    assert unreadable.outcome is Outcome.WRONG and unreadable.feedback == "unreadable"
