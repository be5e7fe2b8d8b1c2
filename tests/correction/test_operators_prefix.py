"""Operators that begin the answer, give one, or tell something of the reference: what all of them keep, and pivots, probes
and splices."""

import logging
from dataclasses import replace

import pytest

from rfpo.correction import Operator
from rfpo.correction import _tries as tries_module
from rfpo.correction._begun import before_answer
from rfpo.correction._reference import beginning, steps_of, worked
from rfpo.correction._templates import SETS
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.correction.operators.explain_answer import ExplainAnswer
from rfpo.correction.operators.format_ladder import FormatLadder
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.correction.operators.probe import Probe
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.correction.operators.retry_from_pivot import RetryFromPivot
from rfpo.correction.operators.solved_exemplars import SolvedExemplars
from rfpo.correction.operators.splice import Splice
from rfpo.correction.operators.stored_success import StoredSuccess
from rfpo.errors import UserError
from rfpo.records import Location, Opening, Verdict
from tests.correction.begun import BARE, CHAT, FULL, STEPS, SUM, asked, full, never, right, stuck
from tests.correction.builders import PLACE, attempt, play, truncated, ungraded, wrong
from tests.correction.hostile import endure, shown

OPERATORS = {
    "retry_from_pivot": (RetryFromPivot(tries=5, at_once=2), 5),
    "retry, guided": (RetryFromPivot(guidance="template", keep="through", bridge="No. "), 4),
    "splice": (Splice(), 3), "splice, answer": (Splice(wait=0, answer=1, solution=0), 3),
    "splice, solution": (Splice(wait=0, answer=0, solution=1), 3), "probe": (Probe(probability=1.0), 3),
    "hint_ladder": (HintLadder(), 3), "hint_ladder, all": (HintLadder(order="all", n=4), 12),
    "hint_ladder, policy": (HintLadder(source="policy", n=2), 9), "hint_ladder, critic": (HintLadder(source="critic"), 6),
    "hint_ladder, policy, all": (HintLadder(source="policy", order="all", writing="abstract"), 6),
    "hint_ladder, data": (HintLadder(source="data", start="history"), 2),
    "reference_prefix": (ReferencePrefix(n=3), 3), "bisect": (ReferencePrefix(schedule="bisect", shares=(), n=4), 16),
    "levels": (ReferencePrefix(schedule="levels", shares=(0.2, 0.5, 0.9), n=2), 6),
    "uniform": (ReferencePrefix(schedule="uniform", shares=(0.2, 0.9), n=3), 3),
    "cosine": (ReferencePrefix(schedule="cosine", shares=(0.95, 0.05), chunks=5, n=3, place="prompt"), 3),
    "explain_answer": (ExplainAnswer(tries=5, at_once=2), 5), "curriculum": (ExplainAnswer(curriculum=True), 4),
    "demonstration": (Demonstration(choice="random", count=2), 2), "exemplars": (SolvedExemplars(tries=5, at_once=2), 5),
    "stored_success": (StoredSuccess(count=2), 2), "format_ladder": (FormatLadder(n=3), 3),
}
@pytest.fixture(autouse=True)
def nothing_said_yet():
    tries_module.say_once.cache_clear()


@pytest.fixture(params=OPERATORS)
def case(request):
    return OPERATORS[request.param]


# What all of them keep


def test_is_an_operator(case):
    operator, _ = case
    assert isinstance(operator, Operator) and operator.reads <= {"offsets", "stored", "critic", "solution", "worked", "hints"}


def test_nothing_hostile_is_accepted_and_every_talk_ends(case):
    operator, most = case
    rounds = endure(operator, full(), most)
    assert any(rounds.values())


def test_every_success_is_a_correction_of_an_answer_of_the_group(case):
    operator, _ = case
    many = full("47", truncated("4"), ungraded("?"), "48")
    _, corrections = play(operator, many, right)
    assert corrections
    for correction in corrections:
        request = correction.by.completion.request
        assert correction.of in many.attempts and correction.of.wrong and not correction.of.completion.truncated
        assert correction.help == request.help and correction.origin == request.origin
        assert correction.tries == request.key.attempt + 1 and request.judged and request.role == "answer"


def test_the_same_group_asks_the_same_requests_and_another_visit_other_draws(case):
    operator, _ = case
    assert play(operator, full(), never) == play(operator, full(), never)
    keys = {request.key for request in asked(operator, full())} & {request.key for request in asked(operator, full(visit=1))}
    assert not keys


def test_a_chat_keeps_all_but_its_last_user_message(case):
    operator, _ = case
    for request in asked(operator, full(prompt=replace(FULL, content=CHAT))):
        assert request.content[:3] == CHAT[:3] and len(request.content) == 4
        assert request.content[3].role == "user" and "12+34=" in request.content[3].content


def test_without_a_parent_nothing_is_drawn(case):
    operator, _ = case
    for attempts in ((), (truncated("long"),), (ungraded("?"),)):
        if isinstance(operator, Demonstration) and attempts == (truncated("long"),):
            continue  # its place may be taken: see the test of a group of truncated answers in tests/training/test_gather.py
        assert play(operator, replace(full(), attempts=attempts), never) == ([], ())


def test_without_a_reference_it_asks_nothing_or_what_needs_none(case, caplog):
    operator, _ = case
    needy = {"solution", "worked"} & operator.reads or getattr(operator, "source", "") == "data"
    with caplog.at_level(logging.WARNING):
        requests = asked(operator, stuck("3", prompt=BARE))
    if needy and not isinstance(operator, Splice):
        assert requests == [] and "'bare'" in caplog.text and len(caplog.records) == 1
    assert all("None" not in shown(request) for request in requests)


@pytest.mark.parametrize("make, field", [
    (lambda: RetryFromPivot(tries=0), "tries"), (lambda: RetryFromPivot(guidance="templat"), "did you mean 'template'"),
    (lambda: RetryFromPivot(keep="all"), "keep"),
    (lambda: RetryFromPivot(guidance="template", templates="student"), "no retry_from_pivot"),
    (lambda: Probe(probability=0.0), "probability"), (lambda: Probe(templates="student"), "no probe.txt"),
    (lambda: Splice(wait=1.0), "add up to 1"), (lambda: Splice(wait=1.5, answer=-0.5, solution=0), "answer"),
    (lambda: Splice(continuation=0), "continuation"), (lambda: Splice(templates="student"), "no splice"),
    (lambda: HintLadder(source="own"), "source"), (lambda: HintLadder(shares=(0.5, 0.25)), "shares"),
    (lambda: HintLadder(shares=()), "shares"), (lambda: HintLadder(n=0), "n is 0"),
    (lambda: HintLadder(unit="word"), "'words'"), (lambda: HintLadder(order="l"), "order"),
    (lambda: HintLadder(source="policy", templates="student"), "no hint_ladder_graded"),
    (lambda: ReferencePrefix(schedule="cosine"), "shares.*two"), (lambda: ReferencePrefix(shares=(1.5,)), "shares"),
    (lambda: ReferencePrefix(schedule="uniform", shares=(0.9, 0.1)), "lower bound"),
    (lambda: ReferencePrefix(until=0), "until"),
    (lambda: ReferencePrefix(schedule="bisect", shares=(), rounds=0), "rounds"), (lambda: ReferencePrefix(shares=()), "shares"),
    (lambda: ReferencePrefix(place="promt"), "did you mean 'prompt'"), (lambda: ReferencePrefix(chunks=-1), "chunks"),
    (lambda: ExplainAnswer(at_once=5), "at_once"), (lambda: ExplainAnswer(curriculum=3), "curriculum"),
    (lambda: Demonstration(choice="longest"), "choice"), (lambda: Demonstration(count=0), "count"),
    (lambda: SolvedExemplars(k=0), "k is 0"), (lambda: SolvedExemplars(choice="near"), "choice"),
    (lambda: StoredSuccess(choice="oldest"), "choice"), (lambda: StoredSuccess(count=0), "count"),
    (lambda: FormatLadder(choices=(10, 4)), "choices"), (lambda: FormatLadder(choices=(1,)), "choices"),
    (lambda: FormatLadder(promote_at=0), "promote_at"), (lambda: FormatLadder(n=0), "n is 0"),
])
def test_bad_fields_are_refused_in_one_line(make, field):
    with pytest.raises(UserError, match=field) as refused:
        make()
    assert "\n" not in str(refused.value)


# The reference


@pytest.mark.parametrize("text, steps", [
    ("7502;4813;132", ["7502;", "4813;", "132"]), (STEPS, ["2+4 is 6.\n", "1+3 is 4.\n", "Together 46"]),
    ("It is 4.5 at first. Then 6! So 9", ["It is 4.5 at first. ", "Then 6! ", "So 9"]), ("46", ["46"]), ("46\n", ["46\n"]),
    ("\n\na\n\n b\n\n", ["\n\na\n\n", " b\n\n"]), ("", []), (";;", [";;"]), ("\n", ["\n"]),
])
def test_steps_are_the_whole_text(text, steps):
    assert steps_of(text) == steps or (text == ";;" and "".join(steps_of(text)) == text)
    assert "".join(steps_of(text)) == text


def test_a_beginning_by_hand():
    text = "7502;4813;132"
    by_steps = {0: "", 0.01: "7502;", 1 / 3: "7502;", 0.5: "7502;4813;", 0.99: "7502;4813;", 1: text}
    assert {share: beginning(text, share) for share in by_steps} == by_steps
    assert beginning("46", 0.9) == "" and beginning("46", 1.0) == "46"
    assert [beginning("a bc d\ne", share, "words") for share in (0, 0.25, 0.5, 0.99)] == ["", "a", "a bc", "a bc d"]
    assert [beginning("abcd", share, "characters") for share in (0.25, 0.5, 0.74, 1)] == ["a", "ab", "ab", "abcd"]


def test_the_worked_reference_before_the_answer():
    assert worked(SUM) == STEPS and worked(replace(SUM, data={})) == "46" and worked(BARE) is None
    assert worked(replace(SUM, data={"worked": ""})) == "46" and worked(replace(BARE, data={"worked": 3})) is None


# Retry from a pivot


def test_retry_keeps_the_parents_tokens_up_to_the_error_and_tells_nothing_else():
    parent = wrong("12;99;0", Location(1, 3, 5, "column 1", places=3))
    (request,) = asked(RetryFromPivot(tries=1), stuck(parent))
    assert request.content == "12+34=" and request.opening == Opening(parent.completion.tokens, cut=3)
    assert (request.help, request.located, request.of) == ("place", True, parent)
    (through,) = asked(RetryFromPivot(tries=1, keep="through", bridge=" No: "), stuck(parent))
    assert through.opening == Opening(parent.completion.tokens, cut=5, text=" No: ")


def test_retry_takes_only_answers_with_a_place(caplog):
    with caplog.at_level(logging.WARNING):
        requests = asked(RetryFromPivot(tries=3), stuck(wrong("a"), wrong("b", PLACE)))
        assert asked(RetryFromPivot(tries=3), stuck(wrong("a"))) == []
    assert [request.of.completion.text for request in requests] == ["b"] * 3
    assert len(caplog.records) == 1 and "'sum' gave no place" in caplog.text


def test_retry_guided_names_the_place_and_not_the_answer():
    (request,) = asked(RetryFromPivot(tries=1, guidance="template"), stuck("47"))
    assert "column 2" in request.content and "46" not in request.content and "47" not in request.content
    assert request.opening.cut == 0


def test_retry_ends_with_the_first_round_that_has_a_success():
    rounds, corrections = play(RetryFromPivot(tries=5, at_once=2), stuck("a", "b"),
                               lambda r: right(r) if r.key.attempt in (2, 3) else never(r))
    assert [len(round_) for round_ in rounds] == [2, 2]
    assert [(c.tries, c.of.completion.text, c.operator) for c in corrections] == [(3, "a", "retry_from_pivot"),
                                                                                 (4, "b", "retry_from_pivot")]


# Probe and splice


@pytest.mark.parametrize("text, answer, start", [
    ("so\n<answer>47</answer>", "47", 3), ("so \\boxed{47}.", "47", 3), ("47 it is, or $47$", "47", 13),
    ("7502;4813;131", None, 13), ("7502;4813;131", "7502;4813;131", 10), ("47", "47", 0),
    ("half of it", "1/2", 10), ("so **47**", "47", 3), ("", "", 0),
])
def test_where_the_final_answer_begins(text, answer, start):
    assert before_answer(attempt(text, Verdict.wrong(answer))) == start


def test_probe_cuts_the_answer_and_inserts_a_sentence_of_its_file():
    parent = attempt("so <answer>47</answer>", Verdict.wrong("47"))
    (request,) = asked(Probe(probability=1.0, joint="\n\n"), stuck(parent))
    sentences = (SETS / "prose" / "probe.txt").read_text().splitlines()
    assert request.opening.tokens == parent.completion.tokens and request.opening.cut == 3
    assert request.opening.text.strip() in sentences and request.opening.text == f"\n\n{request.opening.text.strip()}\n\n"
    assert (request.content, request.help, request.located) == ("12+34=", "wrong", False)


def test_probe_takes_its_share_of_the_wrong_answers_and_all_sentences():
    many = stuck(*map(str, range(100, 600)))
    requests = asked(Probe(probability=0.2), many)
    assert 70 <= len(requests) <= 130
    assert {request.opening.text for request in requests} == {
        f"\n{line}\n" for line in (SETS / "prose" / "probe.txt").read_text().splitlines()}
    assert [request.of for request in requests] == sorted((r.of for r in requests), key=many.attempts.index)


def test_probe_needs_a_sentence(tmp_path):
    (tmp_path / "probe.txt").write_text("\n  \n")
    with pytest.raises(UserError, match="no sentence"):
        Probe(templates=str(tmp_path))


def test_splice_draws_its_three_ways_by_their_shares():
    requests = asked(Splice(), stuck(*map(str, range(100, 900))))
    ways = [request.help for request in requests]
    assert len(ways) == 800 and 340 <= ways.count("wrong") <= 460
    assert 140 <= ways.count("answer") <= 260 and 140 <= ways.count("solution") <= 260


def test_splice_by_hand():
    parent, few = wrong("47"), replace(stuck("47"), attempts=(wrong("47"),))
    (wait,) = asked(Splice(wait=1, answer=0, solution=0, continuation=3), few)
    assert wait.opening.tokens == parent.completion.tokens and not wait.opening.ends and wait.opening.cut is None
    assert "46" not in wait.opening.text and wait.opening.text.startswith("\nWait")
    assert wait.sampling.max_tokens == 2 + 3 and asked(Splice(wait=1, answer=0, solution=0), few)[0].sampling.max_tokens == 9
    (answer,) = asked(Splice(wait=0, answer=1, solution=0), few)
    assert answer.opening.tokens == parent.completion.tokens and answer.opening.ends
    assert answer.opening.text.endswith("\n46") and (answer.origin, answer.help) == ("corrected", "answer")
    (solution,) = asked(Splice(wait=0, answer=0, solution=1), few)
    assert solution.opening == Opening(text=STEPS, ends=True) and (solution.origin, solution.help) == ("given", "solution")
    assert {request.content for request in (wait, answer, solution)} == {"12+34="}


def test_splice_continues_where_there_is_no_reference():
    assert [r.help for r in asked(Splice(wait=0, answer=1, solution=0), stuck("3", prompt=BARE))] == ["wrong"]
    only_worked = replace(SUM, solution=None)
    assert [r.help for r in asked(Splice(wait=0, answer=1, solution=0), stuck("3", prompt=only_worked))] == ["wrong"]
    assert [r.help for r in asked(Splice(wait=0, answer=0, solution=1), stuck("3", prompt=only_worked))] == ["solution"]
    assert Splice(wait=1, answer=0, solution=0).reads == frozenset()
