"""What a correction must not say."""

import pytest

from rfpo.correction.leakage import KINDS, leaks
from rfpo.records import Correction, Message, Prompt, Verdict
from tests.correction.builders import attempt, wrong

LONG = "4+2 is 6, 3+1 is 5, so it is 56"


def found(text, answer="46", parent=LONG, prompt="12+34="):
    correction = Correction(wrong(parent), attempt(text, Verdict.solved(answer)), "fix_wrong_only", 1, "wrong")
    return leaks(correction, Prompt("p", prompt, task="sum"))


@pytest.mark.parametrize("text, kind", [
    ("My previous answer had the carry wrong. It is 46.", "mentions_attempt"),
    ("In the earlier\n  attempt the sum was 56; it is 46.", "mentions_attempt"),
    ("The mistake is in column 2; the sum is 46.", "mentions_attempt"),
    ("Here is the corrected solution: 2+4 is 6, 1+3 is 4.", "mentions_attempt"),
    ("Following the feedback, 2+4 is 6 and 1+3 is 4.", "mentions_feedback"),
    ("As you pointed out, column 2 holds 4, so 46.", "mentions_feedback"),
    ("The HINT says 46, and 12+34 is 46 indeed.", "mentions_feedback"),
    ("This matches the reference answer 46.", "mentions_reference"),
    ("We want to reach the given answer, so 12+34 is 46.", "mentions_reference"),
])
def test_words_that_betray(text, kind):
    assert found(text) == (kind,)


@pytest.mark.parametrize("text", [
    "2+4 is 6 and 1+3 is 4. The answer is 46.",
    "The first solution is 4 and the second solution is 6; together 46.",
    "The correct answer is 46, because 12+34 = 46.",
    "The standard error of the mean is 46.",
    "2406;1304;46",
])
def test_an_honest_derivation_is_clean(text):
    assert found(text) == ()


def test_words_of_the_prompt_do_not_count():
    text = "After 2 attempts she has 46. The hints cost 3 points."
    assert found(text) == ("mentions_attempt", "mentions_feedback")
    assert found(text, prompt="How many points after one attempt, if hints cost 3?") == ()


def test_words_of_a_chats_system_message_count_as_the_prompts():
    correction = Correction(wrong(LONG), attempt("The draft is 46 pages long.", Verdict.solved("46")), "x", 1, "wrong")
    chat = (Message("system", "You edit drafts."), Message("user", "How long?"))
    assert leaks(correction, Prompt("p", chat, task="t")) == ()


@pytest.mark.parametrize("text", ["46", "<answer>46</answer>", "The final answer is \\boxed{46}."])
def test_an_answer_alone_where_the_parent_had_a_derivation(text):
    assert found(text, parent=LONG * 3) == ("no_derivation",)


def test_an_answer_alone_is_fine_where_the_parent_was_one_too():
    assert found("46", parent="47") == ()
    assert found("46", parent="474") == ()  # 2 of 3 tokens are more than half
    assert found("46", parent="4747") == ("no_derivation",)


def test_a_short_derivation_is_one():
    assert found("12+34=46", parent=LONG * 3) == ()


def test_several_kinds_come_in_the_order_of_kinds():
    kinds = found("The reference answer and the feedback on my attempt say 46.")
    assert kinds == KINDS[:3]
