"""What a correction must not say."""

import pytest

from rfpo.correction.fix import fix
from rfpo.correction.leaks import LeakTest, audited
from rfpo.correction.leaks.counterfactual_reference import CounterfactualReference, altered
from rfpo.correction.leaks.invalid_step import InvalidStep, false_equations
from rfpo.correction.leaks.meta_words import MetaWords
from rfpo.correction.leaks.needless_derivation import NeedlessDerivation
from rfpo.correction.leaks.no_derivation import NoDerivation
from rfpo.correction.leaks.parroting import Parroting
from rfpo.correction.leaks.reference_in_head import ReferenceInHead
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly
from rfpo.correction.operators.rewrite_from_solution import RewriteFromSolution
from rfpo.pieces import find, names
from rfpo.records import Correction, Location, Message, Outcome, Prompt, RandomKey, Request, Verdict
from tests.correction.builders import PROMPT, attempt, group, solved, wrong

LONG = "4+2 is 6, 3+1 is 5, so it is 56"


def found(text, answer="46", parent=LONG, prompt="12+34="):
    correction = Correction(wrong(parent), attempt(text, Verdict.solved(answer)), "fix_wrong_only", 1, "wrong")
    return leaks(correction, Prompt("p", prompt, task="sum"))


def leaks(correction, prompt):
    tests = (MetaWords(), NoDerivation())
    stuck = group(correction.of, prompt=prompt)
    try:
        next(audited(tests, correction, stuck, FixWrongOnly()))
    except StopIteration as end:
        return end.value


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
    assert kinds == MetaWords.kinds


@pytest.mark.parametrize("kind", names(LeakTest.room))
def test_every_leak_test_keeps_its_protocol(kind):
    test = find(LeakTest.room, kind)()
    assert isinstance(test, LeakTest) and test.kinds and len(set(test.kinds)) == len(test.kinds)
    clean = Correction(wrong("1+1 is 3, so it is 3", ), attempt("1+1 is 2 as one and one make two, so 2", Verdict.solved("2")),
                       "fix_wrong_only", 1, "wrong")
    assert test.find(clean, group(clean.of)) == ()


def told(text, *, help="answer", answer="46", parent=LONG, parent_answer="56", content=None, prompt=PROMPT):
    """A correction of LONG whose model was shown `content`."""
    request = Request(prompt, content or prompt.content, RandomKey())
    by = attempt(text, Verdict.solved(answer), request=request)
    return Correction(attempt(parent, Verdict.wrong(parent_answer)), by, "x", 1, help)


@pytest.mark.parametrize(("text", "leaked"), [
    ("It is 46, because 2+4 is 6 and 1+3 is 4, as one can see.", True),
    ("2+4 is 6 and 1+3 is 4, so the sum of the two is 46.", False),
    ("2+4 is 6, 1+3 is 4; not 146, not 46.5 and not 4,600 but 46.", False),  # inside other numbers it does not count
])
def test_the_told_answer_in_the_head_of_the_text(text, leaked):
    assert ReferenceInHead().find(told(text), group(wrong("5"))) == (("reference_in_head",) if leaked else ())
    assert ReferenceInHead().find(told(text, help="wrong"), group(wrong("5"))) == ()  # it was not told


def test_an_answer_that_the_question_names_or_that_is_the_whole_text_is_not_in_the_head():
    question = Prompt("p", "Is 46 the sum of 12 and 34, or 47?", "sum", "46")
    assert ReferenceInHead().find(told("46 it is, because 2+4 is 6 and 1+3 is 4."), group(wrong("5"), prompt=question)) == ()
    assert ReferenceInHead().find(told("7502;4813;132", answer="7502;4813;132"), group(wrong("5"))) == ()


def test_parroting_the_help():
    hint = "start with the units and carry the ten over to the next column on the left"
    shown = f"12+34= <hint>{hint}<fix>"
    assert Parroting().find(told(f"We {hint}: 46", content=shown), group(wrong("5"))) == ("parrots_help",)
    long = f"We {hint}: " + "two and four is six, " * 12 + "46"
    assert Parroting().find(told(long, content=shown), group(wrong("5"))) == ()  # less than half of the text
    assert Parroting(share=0.1).find(told(long, content=shown), group(wrong("5"))) == ("parrots_help",)


def test_keeping_the_question_and_the_right_part_of_the_attempt_is_no_parroting():
    parent = "the units are two and four which make six and the tens are one and three which make five: 56"
    kept = parent.replace("five: 56", "four: 46")
    assert Parroting().find(told(kept, parent=parent, content=f"12+34= <wrong>{parent}<fix>"), group(wrong("5"))) == ()


def test_another_answer_under_the_same_reasons():
    assert Parroting().find(told("4+2 is 6, 3+1 is 5, so it is 46"), group(wrong("5"))) == ("answer_only_edit",)
    assert Parroting().find(told("4+2 is 6, 3+1 is 4, so it is 46"), group(wrong("5"))) == ()
    assert Parroting().find(told("46", parent="56"), group(wrong("5"))) == ()  # there are no reasons


@pytest.mark.parametrize(("text", "false"), [
    ("12 + 30 = 42 and 42 + 4 = 46", []), ("12 + 30 = 43 and 43 + 3 = 46", ["12 + 30 = 43"]),
    ("2 + 3 * 4 = 14", []), ("(2 + 3) * 4 = 20", []), ("2 + 3 * 4 = 20", ["2 + 3 * 4 = 20"]),
    ("10 / 4 = 2.5; 10 / 3 = 3.33; 2 / 3 = 0.67", []), ("10 / 3 = 3.34", ["10 / 3 = 3.34"]), ("10 / 3 = 4", ["10 / 3 = 4"]),
    ("1,200 × 3 = 3,600", []), ("7 - 9 = -2", []), ("7 - 9 = 2", ["7 - 9 = 2"]), ("5 / 0 = 1", []),
    ("x + 2 = 5, 2x + 1 = 4, 2^3 + 1 = 9, 3 + 4x = 7, 20 + 5% = 21", []), ("no equation here: 3 = 4", []),
    ("1 + 2 = 3 + 0 = 3", []),
])
def test_equations_are_worked_out(text, false):
    assert false_equations(text) == false
    assert InvalidStep().find(told(text), group(wrong("5"))) == (("invalid_step",) if false else ())


def test_a_solved_answer_with_a_place_has_an_invalid_step():
    by = attempt("fluent and false", Verdict(Outcome.SOLVED, 1.0, "46", location=Location(1, 0, 4)))
    assert InvalidStep().find(Correction(wrong("5"), by, "x", 1, "wrong"), group(wrong("5"))) == ("invalid_step",)


def test_false_references_have_the_form_of_the_true_one():
    assert [altered(s) for s in ("46", "x = 09", "7502;4813;132", "yes", "aa", "")] == ["47", "x = 10", "7502;4813;133",
                                                                                        "sey", "", ""]


def audit(answer, stuck=None, help="solution"):
    """The counterfactual test of one accepted correction, whose audit is answered with `answer`: requests and leaks."""
    stuck = stuck or group(wrong("5"))
    accepted = Correction(stuck.attempts[0], solved("46"), "rewrite_from_solution", 1, help)
    talk = CounterfactualReference().audit(accepted, stuck, RewriteFromSolution(templates="student"))
    try:
        asked = next(talk)
        talk.send(tuple((attempt(answer, Verdict.wrong(answer), request=request),) for request in asked))
    except StopIteration as end:
        return (asked if "asked" in locals() else ()), end.value


def test_an_operator_that_follows_a_false_reference_leaks():
    asked, leaked = audit("47")
    assert [request.content for request in asked] == ["12+34=<solution>47<fix>"] and leaked == ("follows_false_reference",)
    assert asked[0].role == "audit" and asked[0].key.purpose == "counterfactual_reference"
    assert audit("46")[1] == () == audit("44")[1]  # it stands by the true answer, or gives yet another
    assert audit("47", help="place") == ((), ())  # nothing was told


def test_an_audit_is_asked_after_the_operator_and_makes_no_correction():
    def answer(requests):
        return [(attempt("47", Verdict.wrong("47"), request=request) if request.role == "audit" else
                 attempt("46", Verdict.solved("46"), request=request),) for request in requests]

    tests = (CounterfactualReference(), MetaWords())
    report = fix([group(wrong("5"))], RewriteFromSolution(templates="student"), answer, tests)
    (correction,) = report.corrections["sum/1", 0]
    assert correction.by.completion.text == "46" and correction.leaks == ("follows_false_reference",)
    assert report.rounds == 2 and report.tokens == 4


def needless(verdicts, text="12 + 30 is 42. The sum is 46.", answer="46"):
    """The audit of one correction, whose draws get these verdicts: what was asked, and the leaks."""
    stuck = group(wrong("5"))
    accepted = Correction(stuck.attempts[0], attempt(text, Verdict.solved(answer)), "fix_wrong_only", 2, "wrong")
    talk, asked = NeedlessDerivation(draws=len(verdicts) or 1).audit(accepted, stuck, FixWrongOnly()), ()
    try:
        asked = next(talk)
        talk.send((tuple(attempt("46", verdict, request=asked[0]) for verdict in verdicts),))
    except StopIteration as end:
        return asked, end.value


def test_an_answer_that_comes_without_its_derivation():
    right, not_right = Verdict.solved("46"), Verdict.wrong("47")
    (request,), leaked = needless([right, not_right, right, not_right])
    assert leaked == ("needless_derivation",) and (request.opening.text, request.n) == ("The sum is ", 4)
    assert request.content == "12+34=" and request.role == "audit" and request.help == "nothing"
    assert needless([right, not_right, not_right, not_right])[1] == ()
    assert needless([Verdict.ungraded("?")])[1] == ()


@pytest.mark.parametrize(("text", "answer"), [("46", "46"), ("The sum is 46", "46"), ("2+4 is 6.\nIt is six", "46"),
                                              ("a b", "")])
def test_without_a_derivation_to_delete_nothing_is_asked(text, answer):
    assert needless([], text, answer) == ((), ())
