"""Prompts for a teacher: what is shown of each answer, that nothing is drawn, and whose rows they make."""

import pytest

from rfpo.correction import Operator, Try
from rfpo.correction.merge.distil import Distil
from rfpo.correction.operators.teacher_context import TeacherContext
from rfpo.errors import UserError
from rfpo.records import Message, Prompt, Verdict
from tests.correction.builders import attempt, group, play, solved, truncated, ungraded, wrong
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, bench, is_try, step


def said(text, error):
    return attempt(text, Verdict.wrong(text, error=error))


def never(request):
    return (attempt("", Verdict.ungraded("not an answer"), request=request),)


def asked(operator, failed):
    rounds, corrections = play(operator, failed, never)
    assert corrections == () and len(rounds) <= 1
    return list(rounds[0]) if rounds else []


def told(operator, failed):
    """By answer, what is shown of it: what stands in its prompt and in nobody's answer besides."""
    return {request.of.completion.text: (request.help, request.content) for request in asked(operator, failed)}


@pytest.fixture
def bare(tmp_path):
    for what in ("peer", "feedback", "solution"):
        (tmp_path / f"teacher_context_{what}.txt").write_text(f"${{question}}|{what}:${{{what}}}", encoding="utf-8")
    return str(tmp_path)


def test_a_peers_success_is_shown_or_else_what_was_said(bare):
    operator = TeacherContext(templates=bare)
    assert isinstance(operator, Operator)
    stuck = group(said("a", "carry"), said("b", "sum"), wrong("c"))
    assert told(operator, stuck) == {"a": ("error", "12+34=|feedback:carry"), "b": ("error", "12+34=|feedback:sum")}
    mixed = group(said("a", "carry"), solved("x"), wrong("c"), solved("y"))
    assert {text: content for text, (_, content) in told(operator, mixed).items()} == {
        "a": "12+34=|peer:x", "x": "12+34=|peer:y", "c": "12+34=|peer:x", "y": "12+34=|peer:x"}
    assert {help for help, _ in told(operator, mixed).values()} == {"solution"}


def test_the_only_success_is_not_shown_itself(bare):
    assert told(TeacherContext(show=("peer",), templates=bare), group(solved("x"), wrong("a"))) == {
        "a": ("solution", "12+34=|peer:x")}
    assert asked(TeacherContext(templates=bare), group(solved("x"), ungraded("?"))) == []


def test_the_order_of_preference_is_that_of_show(bare):
    failed = group(said("a", "carry"), solved("x"))
    first = told(TeacherContext(show=("solution", "feedback"), templates=bare), failed)
    assert first == {"a": ("solution", "12+34=|solution:46"), "x": ("solution", "12+34=|solution:46")}
    other = told(TeacherContext(show=("feedback", "solution"), templates=bare), failed)
    assert other == {"a": ("error", "12+34=|feedback:carry"), "x": ("solution", "12+34=|solution:46")}


def test_a_worked_solution_goes_before_the_answer(bare):
    prompt = Prompt("p", "Q", task="t", solution="46", data={"worked": "2+4=6; 1+3=4"})
    operator = TeacherContext(show=("solution",), templates=bare)
    assert told(operator, group(wrong("a"), prompt=prompt))["a"][1] == "Q|solution:2+4=6; 1+3=4"
    assert asked(operator, group(wrong("a"), prompt=Prompt("p", "Q", task="t"))) == []
    assert operator.reads == {"worked"} and TeacherContext().reads == frozenset()


def test_thoughts_of_a_peer_are_not_shown(bare):
    mixed = group(wrong("a"), solved("<think>so\nor\nso</think>"), solved("<think>hm</think>\n46"))
    assert told(TeacherContext(templates=bare), mixed)["a"][1] == "12+34=|peer:46"


def test_truncated_answers_are_taught_and_ungraded_ones_not(bare):
    failed = group(truncated("long"), ungraded("?"), solved("x"))
    assert set(told(TeacherContext(templates=bare), failed)) == {"long"}


def test_equal_answers_share_a_prompt_and_nothing_is_drawn_or_judged(bare):
    requests = asked(TeacherContext(templates=bare), group(said("a", "1"), said("b", "2"), said("a", "3")))
    assert [(request.of.completion.text, request.content) for request in requests] == [
        ("a", "12+34=|feedback:1"), ("b", "12+34=|feedback:2")]
    assert all(isinstance(request, Try) and request.opening.ends and not request.opening.text and not request.judged
               for request in requests)
    assert len({request.key for request in requests}) == 2


def test_a_chat_keeps_its_other_messages(bare):
    chat = (Message("system", "s"), Message("user", "12+34="))
    (request,) = asked(TeacherContext(templates=bare), group(said("a", "1"), prompt=Prompt("c", chat, task="t")))
    assert request.content == (chat[0], Message("user", "12+34=|feedback:1"))


@pytest.mark.parametrize("show", [(), ("peers",), "peer", ("peer", 2)])
def test_what_cannot_be_shown_is_refused(show):
    with pytest.raises(UserError, match=r"TeacherContext\.show is"):
        TeacherContext(show=show)


def test_a_template_of_what_is_shown_must_be_there_and_no_other(bare, tmp_path):
    (tmp_path / "teacher_context_solution.txt").unlink()
    assert TeacherContext(templates=bare).show == ("peer", "feedback")
    with pytest.raises(UserError, match="no teacher_context_solution.txt"):
        TeacherContext(show=("solution",), templates=bare)
    (tmp_path / "teacher_context_solution.txt").write_text("${question}${solution}${peer}", encoding="utf-8")
    with pytest.raises(UserError, match=r"names \$\{peer\}, which teacher_context_solution does not fill in"):
        TeacherContext(show=("solution",), templates=bare)


@pytest.mark.parametrize("what", ["peer", "feedback", "solution"])
def test_the_shipped_wording_shows_what_it_says(what):
    failed = group(said("a!", "the carry"), solved("peer's"), prompt=Prompt("p", "Why?", task="t", solution="because"))
    content = told(TeacherContext(show=(what,)), failed)["a!"][1]
    shown = {"peer": "peer's", "feedback": "the carry", "solution": "because"}
    assert content.startswith("Why?\n") and [text in content for text in shown.values()] == [text == what for text in shown]
    assert "a!" not in content


def test_in_a_step_it_asks_the_engine_nothing_and_costs_no_token():
    made = bench(lambda request, j: (CARRY, RIGHT, RESULT, CARRY)[j], fixing__operator="teacher_context",
                 fixing__merge="leave", fixing__diagnosis="always", fixing__operator__templates="prose")
    state, metrics, rows = step(made)
    assert not any(map(is_try, made.engine.requests))
    assert (state.tokens.correction, state.tally.tries, state.tally.ungraded, state.tally.too_long) == (0, 0, 0, 0)
    assert metrics["operator/teacher_context/tries"] == 0 == metrics["operator/teacher_context/tokens"]
    written = [row for row in rows if row["operator"] == "teacher_context"]
    assert [(row["text"], row["parent_text"], row["trained"]) for row in written] == [("", CARRY, False), ("", RESULT, False)]
    assert state.tally.stuck == 1 and state.tally.unasked == 0


def test_a_teacher_context_that_does_not_fit_makes_no_row():
    operator, short = TeacherContext(show=("solution",)), 1000
    prompt = Prompt("p", HARD.content, HARD.task, RIGHT, {"worked": "why " * 300})
    made = bench(lambda request, j: CARRY, prompt, context=short, fixing__operator="teacher_context",
                 fixing__operator__show=["solution"], fixing__operator__templates="prose", fixing__merge="leave")
    state, _, _ = step(made)
    assert operator.show == ("solution",) and state.tally.too_long == 1


def test_the_merge_makes_a_row_of_every_answer_that_has_a_prompt(bare):
    failed = group(said("a", "1"), wrong("b"), said("a", "3"))
    tries = tuple(attempt("", Verdict.ungraded("not an answer"), request=request, context=(8, number))
                  for number, request in enumerate(asked(TeacherContext(templates=bare), failed)))
    rows = Distil(answers="all", beside=None)(failed, (), tries)
    assert [(row.provenance.text, row.teacher_context) for row in rows] == [("a", (8, 0)), ("a", (8, 0))]
