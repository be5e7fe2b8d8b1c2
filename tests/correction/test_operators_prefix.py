"""Operators that begin the answer, give one, or tell something of the reference."""

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
from rfpo.correction.operators.format_ladder import FormatLadder, shape
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.correction.operators.probe import Probe
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.correction.operators.retry_from_pivot import RetryFromPivot
from rfpo.correction.operators.solved_exemplars import SolvedExemplars
from rfpo.correction.operators.splice import Splice
from rfpo.correction.operators.stored_success import StoredSuccess
from rfpo.errors import UserError
from rfpo.records import History, Location, Message, Opening, Prompt, Stored, Verdict
from tests.correction.builders import PLACE, attempt, group, play, solved, truncated, ungraded, wrong
from tests.correction.hostile import endure, reply, shown

STEPS = "2+4 is 6.\n1+3 is 4.\nTogether 46"
SUM = Prompt("sum/1", "12+34=", task="sum", solution="46", data={"worked": STEPS})
CHAT = (Message("system", "Use tags."), Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "12+34="))
BARE = Prompt("sum/2", "1+1=", task="bare")


def kept(text, question="12+35=", logps=None, origin="sampled", step=1):
    tokens = tuple(map(ord, text))
    return Stored(question, text, tokens, logps or (-0.5,) * len(tokens), step, origin)


def stuck(*texts, prompt=SUM, level=0.0, stored=(), exemplars=(), progress=0.0, **rest):
    wrongs = [wrong(text, PLACE) if isinstance(text, str) else text for text in texts or ("47",)]
    return replace(group(*wrongs, prompt=prompt, **rest), progress=progress, exemplars=tuple(exemplars),
                   history=History(visits=1, level=level, stored=tuple(stored)))


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
FULL = replace(SUM, data={"worked": STEPS, "hints": ["units", "units first"], "demonstrations": [STEPS, "so 46"]})


@pytest.fixture(autouse=True)
def nothing_said_yet():
    tries_module.say_once.cache_clear()


@pytest.fixture(params=OPERATORS)
def case(request):
    return OPERATORS[request.param]


def never(request):
    return reply(request, "no", Verdict.wrong("no"))


def right(request):
    return reply(request, "46")


def asked(operator, group_, answer=never):
    """All requests, in order."""
    return [request for round_ in play(operator, group_, answer)[0] for request in round_]


def full(*texts, **rest):
    stored = (kept("a 46", SUM.text, origin="corrected"), kept("b 46", SUM.text))
    return stuck(*texts or ("47", "48", "a\n49"), prompt=rest.pop("prompt", FULL), stored=stored, level=rest.pop("level", 1.0),
                 exemplars=(kept("47", "12+35="), kept("9", "4+5=")), **rest)


# What all of them keep


def test_is_an_operator(case):
    operator, _ = case
    assert isinstance(operator, Operator) and operator.reads <= {"offsets", "stored", "critic", "solution", "worked"}


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


# The hint ladder


def helped(request, word):
    return right(request) if word in shown(request) else never(request)


def test_hints_grow_until_one_helps():
    rounds, corrections = play(HintLadder(), stuck("47"), lambda request: helped(request, "1+3"))
    told = [request.content for (request,) in rounds]
    assert len(told) == 2 and "2+4 is" in told[0] and "1+3" not in told[0] and "Together" not in told[1]
    (correction,) = corrections
    assert (correction.level, correction.help, correction.tries, correction.located) == (0.5, "hint", 2, False)
    assert [r.opening for (r,) in rounds] == [None, None]


def test_the_student_is_hinted_at_in_its_own_words():
    prompt = replace(SUM, solution="7502;4813;132", data={})
    requests = asked(HintLadder(templates="student", shares=(0.3, 0.6, 1.0), unit="steps"), stuck("47", prompt=prompt))
    assert [r.content for r in requests] == [f"12+34=<hint>{hint}<fix>" for hint in ("7502;", "7502;4813;", "7502;4813;132")]


def test_all_levels_at_once_use_the_least_that_helps():
    ladder = HintLadder(order="all", n=2, shares=(0.2, 0.5, 0.8))
    rounds, corrections = play(ladder, stuck("47", "48", "49"), lambda r: helped(r, "1+3") if r.key.attempt != 2
                               else never(r))
    assert [[request.level for request in round_] for round_ in rounds] == [[0.2, 0.2, 0.5, 0.5, 0.8, 0.8]]
    assert [(c.level, c.tries) for c in corrections] == [(0.5, 4)]
    assert [request.of.completion.text for request in rounds[0]] == ["47", "48", "49"] * 2


def test_a_whole_level_is_returned():
    _, corrections = play(HintLadder(n=3), stuck("47", "48"), right)
    assert [(c.level, c.of.completion.text) for c in corrections] == [(0.25, "47"), (0.25, "48"), (0.25, "47")]


@pytest.mark.parametrize("level, first", [(0.0, 0.25), (0.25, 0.25), (0.5, 0.5), (0.6, 0.75), (1.0, 0.75)])
def test_the_history_says_where_to_begin(level, first):
    assert asked(HintLadder(start="history"), stuck(level=level))[0].level == first
    assert asked(HintLadder(), stuck(level=level))[0].level == 0.25


def test_levels_without_a_hint_of_their_own_are_left_out():
    short = replace(SUM, data={}, solution="46")
    assert [r.level for r in asked(HintLadder(shares=(0.1, 0.5, 0.7, 1.0)), stuck(prompt=short))] == [0.5, 1.0]
    assert asked(HintLadder(unit="steps"), stuck(prompt=short)) == []


def test_the_policy_writes_the_hints_itself():
    def answer(request):
        if request.role == "hint":
            return reply(request, f"hint {request.level:g}  ")
        return helped(request, "hint 2")

    rounds, corrections = play(HintLadder(source="policy", n=2, hint_tokens=20), stuck("47", "48"), answer)
    assert [[request.role for request in round_] for round_ in rounds] == [["hint"], ["answer"] * 2] * 2
    written = rounds[2][0]
    assert STEPS in written.content and "strength 2" in written.content.lower() and written.to == "policy"
    assert (written.judged, written.help, written.sampling.max_tokens, written.sampling.stop) == (False, "solution", 20, ())
    assert all(STEPS not in r.content and "\nhint 2\n" in r.content for r in rounds[3])
    assert [c.level for c in corrections] == [2.0, 2.0]
    assert [c.by.completion.request.after[0].completion.text for c in corrections] == ["hint 2  "] * 2


def test_a_critic_writes_all_hints_in_one_round_and_a_blank_one_is_skipped():
    def answer(request):
        return reply(request, " " if request.level == 1 else "look") if request.to == "critic" else never(request)

    rounds, _ = play(HintLadder(source="critic", order="all", levels=2), stuck("47"), answer)
    assert [[(r.to, r.level) for r in round_] for round_ in rounds] == [[("critic", 1.0), ("critic", 2.0)], [("policy", 2.0)]]
    assert HintLadder(source="critic").reads == {"worked", "critic"}


def test_hints_of_the_data_count_their_levels():
    prompt = replace(SUM, data={"hints": ["units", "", 7, "units, then tens"]})
    requests = asked(HintLadder(source="data"), stuck(prompt=prompt))
    assert [(r.level, "\nunits\n" in r.content) for r in requests] == [(1.0, True), (4.0, False)]
    assert HintLadder(source="data").reads == frozenset()


# A prefix of the reference


def shares(operator, **rest):
    return [request.level for request in asked(operator, stuck(**rest))]


def test_the_prefix_begins_the_answer_and_is_continued():
    (request,) = asked(ReferencePrefix(), stuck("47"))
    assert request.opening == Opening(text="2+4 is 6.\n1+3 is 4.\n") and request.content == "12+34="
    assert (request.help, request.level, request.origin) == ("hint", 0.5, "corrected")
    (whole,) = asked(ReferencePrefix(shares=(1.0,)), stuck("47"))
    assert whole.opening.text == STEPS and whole.help == "solution" and not whole.opening.ends


def test_in_the_prompt_it_is_no_part_of_the_answer():
    (request,) = asked(ReferencePrefix(place="prompt"), stuck("47"))
    assert request.opening is None and "\n2+4 is 6.\n1+3 is 4.\n" in request.content and "Together" not in request.content


def test_nothing_shown_is_a_plain_draw():
    for place in ("answer", "prompt"):
        (request,) = asked(ReferencePrefix(shares=(0.0,), place=place), stuck("47"))
        assert (request.opening, request.content, request.help, request.level) == (None, "12+34=", "nothing", 0.0)


def test_fixed_shares_divide_the_run():
    stages = ReferencePrefix(shares=(0.5, 0.25), unit="characters", n=2)
    assert [shares(stages, progress=done) for done in (0.0, 0.49, 0.5, 1.0)] == [[0.5] * 2] * 2 + [[0.25] * 2] * 2


def test_levels_are_asked_side_by_side():
    levels = ReferencePrefix(schedule="levels", shares=(0.3, 0.6), n=2)
    rounds, corrections = play(levels, stuck("47"), right)
    assert len(rounds) == 1 and [c.level for c in corrections] == [0.3, 0.3, 0.6, 0.6]


def test_a_cosine_falls_and_stays_down():
    falling = ReferencePrefix(schedule="cosine", shares=(0.95, 0.05), until=0.6, unit="characters")
    assert [round(shares(falling, progress=done)[0], 6) for done in (0.0, 0.3, 0.6, 1.0)] == [0.95, 0.5, 0.05, 0.05]


def test_chunks_are_binomial():
    chunked = ReferencePrefix(schedule="cosine", shares=(0.6, 0.6), chunks=5, n=600, unit="characters")
    drawn = shares(chunked)
    assert set(drawn) <= {k / 5 for k in range(6)} and len(set(drawn)) >= 5
    assert abs(sum(drawn) / 600 - 0.6) < 0.04
    variance = sum((share - 0.6) ** 2 for share in drawn) / 600
    assert abs(variance - 0.6 * 0.4 / 5) < 0.008


def test_uniform_lies_between_a_falling_bound_and_a_fixed_one():
    drawing = ReferencePrefix(schedule="uniform", shares=(0.5, 0.9), n=300, unit="characters")
    early, late = shares(drawing, progress=0.0), shares(drawing, progress=1.0)
    assert 0.5 <= min(early) < 0.53 and 0.87 < max(early) <= 0.9 and abs(sum(early) / 300 - 0.7) < 0.03
    assert min(late) < 0.05 and 0.85 < max(late) <= 0.9 and abs(sum(late) / 300 - 0.45) < 0.06


TEN = replace(SUM, data={"worked": "".join(f"{n};" for n in range(10))})


def bisect(needed, mixed_at=None, n=4, rounds=6):
    """A model that is right with at least `needed` characters of the reference, and half right at `mixed_at`."""
    def answer(request):
        length = len(request.opening.text) if request.opening else 0
        return right(request) if length >= needed and (length != mixed_at or request.key.attempt % 2) else never(request)

    operator = ReferencePrefix(schedule="bisect", shares=(), n=n, rounds=rounds)
    rounds, corrections = play(operator, stuck("47", prompt=TEN), answer)
    return [round_[0].level for round_ in rounds], corrections


def test_bisection_halves_towards_the_shortest_that_helps():
    levels, corrections = bisect(needed=12)  # six of ten steps
    assert levels == [0.5, 0.75, 0.625, 0.5625] and [c.level for c in corrections] == [0.5625] * 4
    levels, corrections = bisect(needed=14, n=1)
    assert levels[:3] == [0.5, 0.75, 0.625] and {len(c.by.completion.request.opening.text) for c in corrections} == {14}


def test_bisection_stops_at_a_mixed_group():
    levels, corrections = bisect(needed=10, mixed_at=16)
    assert levels[:1] == [0.5] and len(corrections) == 4
    levels, corrections = bisect(needed=12, mixed_at=16)
    assert levels == [0.5, 0.75] and [(c.level, c.tries) for c in corrections] == [(0.75, 6), (0.75, 8)]


def test_bisection_without_a_success_ends():
    levels, corrections = bisect(needed=99, rounds=3)
    assert levels == [0.5, 0.75, 0.875] and corrections == ()


# Explaining the answer


def test_the_answer_is_told_and_nothing_of_the_wrong_one():
    requests = asked(ExplainAnswer(tries=2), stuck("478", "499"))
    assert all("it is: 46\n" in r.content and "478" not in r.content and STEPS not in r.content for r in requests)
    assert [(r.help, r.level, r.of.completion.text) for r in requests] == [("answer", 1.0, "478"), ("answer", 1.0, "499")]


def explained(level, text="1;2;3;4", **rest):
    return stuck("47", level=level, stored=(kept(text, SUM.text, origin="corrected"), kept("x", SUM.text)), **rest)


@pytest.mark.parametrize("level, left", [(1.0, 3), (0.75, 2), (0.5, 1), (0.25, 1), (0.1, 1)])
def test_the_curriculum_takes_the_last_step_away(level, left):
    (request,) = asked(ExplainAnswer(tries=1, curriculum=True), explained(level))
    assert request.content == "12+34=" and request.level == left / 4 and request.help == "hint"
    assert request.opening == Opening(tuple(map(ord, "1;2;3;4")), cut=2 * left)


def test_the_curriculum_begins_with_an_explanation():
    for known in (stuck("47"), explained(0.0), explained(1.0, "1"), stuck("47", level=1.0, stored=(kept("1;2", SUM.text),))):
        (request,) = asked(ExplainAnswer(tries=1, curriculum=True), known)
        assert request.opening is None and "46" in request.content
    assert "46" in asked(ExplainAnswer(tries=1), explained(1.0))[0].content
    assert ExplainAnswer().reads == {"solution"} and ExplainAnswer(curriculum=True).reads == {"solution", "stored"}


# Given answers


def teachers(*texts):
    return replace(SUM, data={"worked": STEPS, "demonstrations": list(texts)})


def test_a_demonstration_is_the_reference_as_it_stands():
    (request,), = play(Demonstration(), stuck("47", "48"), never)[0]
    assert request.opening == Opening(text=STEPS, ends=True) and request.content == "12+34="
    assert (request.origin, request.help, request.level) == ("given", "solution", 1.0)


def test_several_teachers_in_the_order_of_the_choice():
    prompt = teachers("ccc 46", "a46", "bb46", "a46", 7, " ")
    texts = {choice: [r.opening.text for r in asked(Demonstration(choice=choice), stuck(prompt=prompt))]
             for choice in ("first", "shortest", "random")}
    assert texts["first"] == ["ccc 46", "a46", "bb46"] and texts["shortest"] == ["a46", "bb46", "ccc 46"]
    assert sorted(texts["random"]) == sorted(texts["first"])
    orders = {tuple(r.opening.text for r in asked(Demonstration(choice="random"), stuck(prompt=prompt, visit=visit)))
              for visit in range(30)}
    assert len(orders) > 3


def test_the_first_that_the_verifier_accepts_are_taken_each_in_a_place_of_its_own():
    many = stuck("47", "48", "49", prompt=teachers("no", "a46", "b46", "c46"))

    def answer(request):
        return reply(request, request.opening.text) if "46" in request.opening.text else never(request)

    _, corrections = play(Demonstration(count=2), many, answer)
    assert [(c.by.completion.text, c.of.completion.text, c.origin) for c in corrections] == [("a46", "47", "given"),
                                                                                           ("b46", "48", "given")]
    _, corrections = play(Demonstration(count=9), replace(many, attempts=many.attempts[:2]), answer)
    assert [c.of.completion.text for c in corrections] == ["47", "48", "47"]


@pytest.mark.parametrize("operator", [Demonstration(), ReferencePrefix(), ExplainAnswer(),
                                      StoredSuccess()], ids=lambda o: type(o).__name__)
def test_with_nothing_wrong_the_last_graded_answer_gives_its_place(operator):
    easy = replace(full(), attempts=(solved("46"), solved("046"), truncated("4"), ungraded("?")))
    _, corrections = play(operator, easy, right)
    assert corrections[0].of is easy.attempts[1]


def test_stored_answers_come_back_token_by_token():
    first, second = kept("a46", SUM.text, logps=(-1.0, None, -0.1)), kept("b46", SUM.text, origin="corrected")
    (request,) = asked(StoredSuccess(corrected=False), stuck("47", stored=(first, second)))
    assert request.opening == Opening(tokens=first.tokens, ends=True) and request.content == "12+34="
    assert (request.origin, request.help, request.level) == ("replayed", "nothing", 0.0)
    assert asked(StoredSuccess(), stuck("47")) == []


def test_stored_answers_in_the_order_of_the_choice():
    answers = (kept("a", logps=(-0.3,)), kept("bb", logps=(-0.1, None)), kept("c", logps=(None,)), kept("d", logps=(-0.2,)))
    known = stuck("47", stored=(*answers, answers[0]))

    def order(choice, group_=known):
        return "".join(chr(r.opening.tokens[0]) for r in asked(StoredSuccess(choice=choice), group_))

    assert (order("newest"), order("likeliest")) == ("adcb", "bdac")
    assert len({order("random", replace(known, visit=visit)) for visit in range(20)}) > 3
    _, corrections = play(StoredSuccess(choice="newest", count=2), known, right)
    assert [c.origin for c in corrections] == ["replayed"] * 2


# Exemplars and formats


def test_the_most_similar_exercises_are_shown_the_best_last():
    prompt = replace(SUM, content="What is the sum of 12 and 34?")
    others = [kept("AAA", "What is the sum of 12 and 35?"), kept("BBB", "Name a colour."),
              kept("CCC", "What is the sum of 1 and 2?"), kept("OLD", "What is the sum of 12 and 35?"),
              kept("OWN", prompt.content)]
    known = stuck("478", prompt=prompt, exemplars=others)
    (request,) = asked(SolvedExemplars(tries=1), known)
    assert request.content.index("CCC") < request.content.index("AAA") < request.content.index(prompt.content)
    assert not [text for text in ("BBB", "OLD", "OWN", "478", "46") if text in request.content]
    assert (request.help, request.level) == ("hint", 2.0)
    (newest,) = asked(SolvedExemplars(tries=1, k=1, choice="newest"), known)
    assert "AAA" in newest.content and "CCC" not in newest.content
    assert asked(SolvedExemplars(), stuck("47", exemplars=others[-1:], prompt=prompt)) == []


def test_a_choice_offers_texts_and_no_letters():
    many = stuck("47", "48", "49", "50", "47")
    (request,) = asked(FormatLadder(n=1), many)
    offered = [line[2:] for line in request.content.splitlines() if line.startswith("- ")]
    assert len(offered) == 4 and "46" in offered and set(offered) < {"46", "47", "48", "49", "50"}
    assert (request.help, request.level) == ("answer", 1.0)
    places = {asked(FormatLadder(n=1), replace(many, visit=visit))[0].content.index("- 46") for visit in range(40)}
    assert len(places) == 4  # the right one stands everywhere
    (ten,) = asked(FormatLadder(n=1), replace(many, history=History(level=2.0)))
    assert len([line for line in ten.content.splitlines() if line.startswith("- ")]) == 5 and ten.level == 2.0


def test_distractors_of_the_data_fill_up():
    prompt = replace(SUM, data={"distractors": ["46", " 99 ", "47", 5]})
    (request,) = asked(FormatLadder(n=1), stuck(wrong("47"), prompt=prompt))
    assert sorted(line for line in request.content.splitlines() if line.startswith("- ")) == ["- 46", "- 47", "- 99"]


@pytest.mark.parametrize("level", [3.0, 4.0])
def test_the_gap_shows_the_shape(level):
    (request,) = asked(FormatLadder(n=1), stuck("47", level=level))
    assert "4_" in request.content and "46" not in request.content and (request.help, request.level) == ("hint", 3.0)


def test_without_options_the_gap_is_asked():
    nothing = attempt("??", Verdict.wrong(None))
    assert [r.level for r in asked(FormatLadder(n=1), stuck(nothing))] == [3.0]
    assert [shape(text) for text in ("46", "x + 12", "7", "-3/4", "")] == ["4_", "x + __", "_", "-3/_", ""]


@pytest.mark.parametrize("solved_of_four, reached", [(1, 1.0), (2, 2.0), (4, 2.0)])
def test_half_of_them_right_is_a_form_higher(solved_of_four, reached):
    _, corrections = play(FormatLadder(), stuck("47"), lambda r: right(r) if r.key.attempt < solved_of_four else never(r))
    assert [c.level for c in corrections] == [reached] * solved_of_four


def test_what_could_not_be_judged_does_not_count_against_it():
    def answer(request):
        return right(request) if request.key.attempt == 0 else reply(request, "?", Verdict.ungraded("hung"))

    (correction,) = play(FormatLadder(), stuck("47"), answer)[1]
    assert correction.level == 2.0
