"""Operators that tell the model something of its wrong answers: without a model, answers are sent into the generator."""

import logging
import random
import shutil
from dataclasses import replace

import pytest

from rfpo.correction import Operator
from rfpo.correction import _tries as tries_module
from rfpo.correction._templates import SETS
from rfpo.correction.operators.avoid_answers import AvoidAnswers
from rfpo.correction.operators.critique_then_revise import CritiqueThenRevise
from rfpo.correction.operators.draft_and_refine import DraftAndRefine
from rfpo.correction.operators.group_feedback import GroupFeedback
from rfpo.correction.operators.minimal_edit import MinimalEdit
from rfpo.correction.operators.reflect_then_retry import ReflectThenRetry
from rfpo.correction.operators.rewrite_plain import RewritePlain
from rfpo.correction.operators.rewrite_with_error import RewriteWithError
from rfpo.correction.operators.rewrite_with_reward import RewriteWithReward
from rfpo.correction.operators.text_feedback import TextFeedback
from rfpo.errors import UserError
from rfpo.pieces import kind_of
from rfpo.records import Message, Opening, Prompt, Verdict, edit_distance
from tests.correction.builders import PLACE, SAMPLING, attempt, group, play, solved, truncated, ungraded, wrong
from tests.correction.hostile import HOSTILE, draws_are_distinct, endure, parent_text, reply, shown, tells

SOLUTION, WORKED = "4646", "units first, then tens"
SECRETIVE = Prompt("sum/1", "12+34=", task="sum", solution=SOLUTION, data={"worked": WORKED})
CHAT = (Message("system", "Use tags."), Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "12+34=?"))


def said(text, error="", feedback="", score=0.0):
    return attempt(text, Verdict.wrong(text, score, feedback, error, PLACE))


STUCK = group(said("47", error="the carry is lost"), said("48", feedback="a digit is off"), truncated("4444"), ungraded("?"),
              prompt=SECRETIVE)
OPERATORS = {
    "rewrite_plain": (RewritePlain(tries=3), 3, "nothing"),
    "rewrite_with_reward": (RewriteWithReward(tries=3), 3, "wrong"),
    "rewrite_with_error": (RewriteWithError(tries=3), 3, "error"),
    "reflect_then_retry": (ReflectThenRetry(tries=3), 6, "wrong"),
    "critique": (CritiqueThenRevise(tries=3), 5, "wrong"),
    "critique of a critic": (CritiqueThenRevise(tries=3, at_once=3, critic="critic"), 5, "error"),
    "indicative": (CritiqueThenRevise(tries=3, critique_type="indicative"), 3, "wrong"),
    "group_feedback": (GroupFeedback(tries=3), 3, "error"),
    "group_feedback of a critic": (GroupFeedback(tries=3, at_once=2, source="critic"), 5, "error"),
    "group_feedback of the policy": (GroupFeedback(tries=3, source="policy"), 5, "wrong"),
    "text_feedback": (TextFeedback(tries=3), 5, "error"),
    "text_feedback of the verifier": (TextFeedback(tries=3, source="error"), 3, "error"),
    "text_feedback of the policy": (TextFeedback(tries=3, source="policy"), 5, "wrong"),
    "avoid_answers": (AvoidAnswers(tries=3, at_once=3), 3, "wrong"),
    "avoid_answers, concise": (AvoidAnswers(tries=3, concise=True), 3, "wrong"),
    "draft_and_refine": (DraftAndRefine(refinements=2), 4, "nothing"),
    "draft_and_refine the best": (DraftAndRefine(draft="best", refinements=3), 3, "nothing"),
    "minimal_edit": (MinimalEdit(tries=3, most_edited=1.0), 3, "wrong"),
}
"""By name: the operator, the most requests it may make for STUCK, and what its answers are helped by."""
every = pytest.mark.parametrize("operator, most, help", OPERATORS.values(), ids=OPERATORS)
WITH_ANSWER = CritiqueThenRevise(tries=3, critique_type="indicative_with_answer")


@pytest.fixture(autouse=True)
def nothing_said_yet():
    tries_module.say_once.cache_clear()


@pytest.fixture
def own(tmp_path):
    """Templates of the test's own: a folder with NAME.txt for each name."""
    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        return str(tmp_path)

    return write


def never(request):
    """Wrong for what is judged, and words for what is not."""
    return reply(request, "no", Verdict.wrong("no"))


def right(request):
    return reply(request, "46" if request.judged else "think of the carry")


def contents(rounds):
    return [[request.content for request in asked] for asked in rounds]


@every
def test_is_an_operator(operator, most, help):
    assert isinstance(operator, Operator) and operator.reads <= {"critic"}


@every
def test_nothing_is_told_of_the_solution_nor_of_the_place(operator, most, help):
    rounds, corrections = play(operator, STUCK, never)
    assert rounds and corrections == ()
    for secret in (SOLUTION, WORKED, PLACE.description):
        assert tells(rounds, secret) == []
    assert all(shown(request).startswith("12+34=\n") for asked in rounds for request in asked)


def test_only_the_critique_that_has_the_answer_tells_it(caplog):
    rounds, (correction,) = play(WITH_ANSWER, STUCK, right)
    assert len(tells(rounds, SOLUTION)) == 1 and tells(rounds, WORKED) == []
    assert correction.help == "answer" and WITH_ANSWER.reads == {"solution"}
    with caplog.at_level(logging.WARNING):
        assert play(WITH_ANSWER, group(wrong("3"), prompt=Prompt("p", "1+1=", task="bare")), never) == ([], ())
    assert "no reference answer" in caplog.text and "'bare'" in caplog.text


@every
def test_what_is_asked_is_bounded_and_drawn_apart(operator, most, help):
    rounds, _ = play(operator, STUCK, never)
    assert sum(map(len, rounds)) <= most
    draws_are_distinct(rounds)
    for request in (request for asked in rounds for request in asked):
        assert request.key.purpose == kind_of(operator) and (request.key.seed, request.key.step) == (11, 3)
        assert request.of in STUCK.attempts and request.of.wrong and not request.of.completion.truncated
        if request.judged:
            assert (request.sampling, request.role, request.to) == (SAMPLING, "answer", "policy")
        else:
            assert request.role in ("reflection", "critique") and request.sampling.temperature == SAMPLING.temperature
            assert request.sampling.max_tokens in (256, 512) and request.sampling.stop == ()


@every
def test_a_right_answer_is_a_correction_that_says_what_it_was_told(operator, most, help):
    rounds, corrections = play(operator, STUCK, right)
    assert corrections[0].of is rounds[-1][0].of and corrections[0].by.completion.text == "46"
    told = corrections[0]
    assert (told.operator, told.tries, told.help, told.located) == (kind_of(operator), 1, help, False)
    assert len(corrections) == sum(request.n for request in rounds[-1])


@every
def test_every_answer_that_is_judged_is_asked_to_stand_alone_in_the_exercises_form(operator, most, help):
    rounds, _ = play(operator, STUCK, never)
    for text in (shown(request) for asked in rounds for request in asked if request.judged):
        assert "stand alone" in text and "in exactly the form that the exercise asks for" in text
        assert "no more than the exercise needs" in text and "say nothing about the" in text


@every
def test_hostile_answers_are_never_accepted(operator, most, help):
    endure(operator, STUCK, most)


@pytest.mark.parametrize("name", ["reflect_then_retry", "critique", "text_feedback", "group_feedback of the policy"])
def test_hostile_advice_breaks_nothing(name):
    operator, most, _ = OPERATORS[name]
    for hostile, answer in HOSTILE.items():
        rounds, corrections = play(operator, STUCK, lambda r, answer=answer: right(r) if r.judged else answer(r))
        assert sum(map(len, rounds)) <= most and all(rounds)
        unheard = hostile in ("not asked", "empty", "blank") and name != "group_feedback of the policy"
        assert len(corrections) == (0 if unheard else 1), hostile
        assert all(correction.by.completion.request.role == "answer" for correction in corrections)
        assert unheard == all(not request.judged for asked in rounds for request in asked)


@every
def test_a_chat_keeps_its_other_messages(operator, most, help):
    chat = Prompt("sum/1", CHAT, task="sum", solution=SOLUTION)
    rounds, _ = play(operator, group(*STUCK.attempts, prompt=chat), never)
    for request in (request for asked in rounds for request in asked):
        assert request.content[:3] == CHAT[:3] and len(request.content) == 4 and request.content[3].role == "user"
        assert request.content[3].content.startswith("12+34=?\n")


@pytest.mark.parametrize("stuck", [group(), group(truncated("long")), group(ungraded("?"), solved())], ids=range(3))
@every
def test_without_a_wrong_answer_nothing_is_asked(operator, most, help, stuck):
    if isinstance(operator, DraftAndRefine) or getattr(operator, "concise", False):
        return
    assert play(operator, stuck, never) == ([], ())


@pytest.mark.parametrize("operator", [operator for operator, _, _ in OPERATORS.values()] + [WITH_ANSWER], ids=repr)
def test_a_template_that_tells_more_or_is_not_there_is_refused_at_once(operator, tmp_path):
    used = []
    for file in sorted((SETS / "prose").iterdir()):
        copy = shutil.copytree(SETS / "prose", tmp_path / file.stem)
        with open(copy / file.name, "a") as text:
            text.write("${worked}")
        try:
            _with_templates(operator, copy)
        except UserError as refused:
            assert "${worked}" in str(refused) and "does not fill in" in str(refused)
            used.append(file.name)
            (copy / file.name).unlink()
            with pytest.raises(UserError, match=f"has no {file.name}"):
                _with_templates(operator, copy)
    assert used


def _with_templates(operator, folder):
    fields = {name: getattr(operator, name) for name in operator.__dataclass_fields__}
    return type(operator)(**fields | {"templates": f"{folder}"})


NOTHING_TOLD = ("wrong", "right", "correct", "mistake", "error", "false", "fail", "score", "verif")


@pytest.mark.parametrize("operator", [RewritePlain(tries=1), DraftAndRefine(), DraftAndRefine(draft="best")], ids=repr)
def test_the_placebo_and_the_second_turn_say_nothing_of_right_and_wrong(operator):
    rounds, _ = play(operator, STUCK, never)
    text = shown(rounds[0][0]).lower()
    assert "\n47\n" in text and not [word for word in NOTHING_TOLD if word in text]


def test_the_placebo_says_the_same_of_a_right_answer_as_of_a_wrong_one():
    tell = DraftAndRefine(draft="each")
    (first, second), = contents(play(tell, group(wrong("47"), solved("46")), never)[0])
    assert first.replace("\n47\n", "\n46\n") == second


def test_the_score_and_the_groups_count_are_told(own):
    stuck = group(said("47", score=0.25), solved(), ungraded("?"), said("48"))
    folder = own(rewrite_with_reward="${question}|${attempt}|${score}|${passed}/${total}")
    rounds, _ = play(RewriteWithReward(tries=2, templates=folder), stuck, never)
    assert contents(rounds) == [["12+34=|47|0.25|1/3"], ["12+34=|48|0|1/3"]]
    prose = contents(play(RewriteWithReward(tries=1), stuck, never)[0])[0][0]
    assert "Its score is 0.25" in prose and "handed in: 3; with full marks: 1." in prose


def test_the_error_is_told_in_the_verifiers_words(own, caplog):
    stuck = group(wrong("1"), said("2", feedback=" test 3 failed\n"), said("3", "carry", feedback="no"))
    folder = own(rewrite_with_error="${question}|${attempt}|${error}", fix_wrong_only="${question}|${attempt}|wrong")
    with caplog.at_level(logging.WARNING):
        rounds, _ = play(RewriteWithError(tries=3, templates=folder), stuck, never)
    assert contents(rounds) == [["12+34=|2|test 3 failed"], ["12+34=|3|carry"], ["12+34=|1|wrong"]]
    assert [asked[0].help for asked in rounds] == ["error", "error", "wrong"]
    assert len(caplog.records) == 1 and "said nothing" in caplog.text
    skipping = RewriteWithError(tries=3, templates=folder, otherwise="skip")
    assert contents(play(skipping, stuck, never)[0]) == [["12+34=|2|test 3 failed"], ["12+34=|3|carry"],
                                                         ["12+34=|2|test 3 failed"]]
    assert play(skipping, group(wrong("1")), never) == ([], ())


def test_a_reflection_comes_before_its_retry_and_is_named_by_it(own):
    folder = own(reflect_then_retry="${question}|${attempt}|why?", retry="${question}|${attempt}|${reflection}")
    operator = ReflectThenRetry(tries=3, at_once=2, retries=2, reflection_tokens=17, templates=folder)
    rounds, corrections = play(operator, STUCK, lambda r: never(r) if r.judged else reply(r, f"carry {r.key.attempt}"))
    assert corrections == () and contents(rounds) == [
        ["12+34=|47|why?", "12+34=|48|why?"], ["12+34=|47|carry 0", "12+34=|48|carry 1"],
        ["12+34=|47|why?"], ["12+34=|47|carry 2"]]
    reflection, retry = rounds[0][1], rounds[1][1]
    assert (reflection.role, reflection.judged, reflection.sampling.max_tokens, reflection.n) == ("reflection", False, 17, 1)
    assert retry.after[0].completion.request is reflection and retry.of is reflection.of and retry.n == 2
    assert retry.key.attempt == reflection.key.attempt == 1
    draws_are_distinct(rounds)


def test_a_retry_may_begin_with_the_wrong_answer_up_to_its_error():
    located, unlocated = wrong("4739", location=replace(PLACE, start=2, end=3)), wrong("48")
    rounds, corrections = play(ReflectThenRetry(tries=2, at_once=2, keep="before"), group(located, unlocated),
                               lambda r: right(r) if r.judged else reply(r, "carry"))
    assert [request.opening for request in rounds[0]] == [None, None]
    kept, whole = rounds[1]
    assert kept.opening == Opening(tokens=located.completion.tokens, cut=2) and whole.opening is None
    assert [(c.help, c.located) for c in corrections] == [("place", True), ("wrong", False)]
    assert play(ReflectThenRetry(), group(located), lambda r: right(r) if r.judged else reply(r, "x"))[0][1][0].opening is None


def test_all_right_retries_of_a_round_are_returned_and_end_the_tries():
    operator = ReflectThenRetry(tries=4, at_once=2, retries=2)
    rounds, corrections = play(operator, STUCK, lambda r: right(r) if r.key.attempt or not r.judged else never(r))
    assert len(rounds) == 2 and [(c.tries, c.of.completion.text) for c in corrections] == [(2, "48")] * 2


def test_a_reflection_without_a_word_fails_its_try_alone():
    rounds, _ = play(ReflectThenRetry(tries=2, at_once=2), STUCK,
                     lambda r: reply(r, " " if r.key.attempt == 0 else "carry") if not r.judged else never(r))
    assert [len(asked) for asked in rounds] == [2, 1] and parent_text(rounds[1][0]) == "48"


def test_each_wrong_answer_is_criticised_once(own):
    folder = own(critique_then_revise_critique="${question}|${attempt}|?",
                 critique_then_revise="${question}|${attempt}|${critique}")
    operator = CritiqueThenRevise(tries=5, critic="critic", templates=folder)
    rounds, _ = play(operator, STUCK, lambda r: never(r) if r.judged else reply(r, f" c{r.key.attempt}\n"))
    assert contents(rounds) == [["12+34=|47|?"], ["12+34=|47|c0"], ["12+34=|48|?"], ["12+34=|48|c1"],
                                ["12+34=|47|c0"], ["12+34=|48|c1"], ["12+34=|47|c0"]]
    assert [(r.to, r.role) for r in (rounds[0][0], rounds[1][0])] == [("critic", "critique"), ("policy", "answer")]
    assert rounds[4][0].after == rounds[1][0].after and rounds[4][0].key != rounds[1][0].key


def test_who_is_asked_and_what_is_needed():
    def asked(operator):
        return play(operator, STUCK, never)[0][0][0].to

    for cls, field in ((CritiqueThenRevise, "critic"), (TextFeedback, "source"), (GroupFeedback, "source")):
        for who in ("policy", "critic"):
            operator = cls(**{field: who})
            assert asked(operator) == who and operator.reads == ({"critic"} if who == "critic" else set())
    assert TextFeedback().source == "critic" and GroupFeedback().reads == TextFeedback(source="error").reads == set()
    assert CritiqueThenRevise(critique_type="indicative", critic="critic").reads == set()


def test_indicative_says_that_it_is_wrong_and_no_more(own):
    folder = own(critique_then_revise_indicative="${question}|${attempt}",
                 critique_then_revise_answer="${attempt}|${question}|${solution}")
    for kind, content in (("indicative", "12+34=|47"), ("indicative_with_answer", f"47|12+34=|{SOLUTION}")):
        operator = CritiqueThenRevise(tries=1, critique_type=kind, templates=folder)
        assert contents(play(operator, STUCK, never)[0]) == [[content]]
    assert "carry" not in contents(play(CritiqueThenRevise(tries=1, critique_type="indicative"), STUCK, never)[0])[0][0]


def test_the_judges_feedback_is_told_or_the_verifiers(own, caplog):
    folder = own(text_feedback_judge="${question}|${attempt}|judge", text_feedback="${question}|${attempt}|${feedback}")
    rounds, _ = play(TextFeedback(tries=1, templates=folder), STUCK, right)
    assert contents(rounds) == [["12+34=|47|judge"], ["12+34=|47|think of the carry"]]
    assert rounds[1][0].after[0].completion.text == "think of the carry"
    rounds, _ = play(TextFeedback(tries=3, source="error", templates=folder), group(wrong("1"), *STUCK.attempts), never)
    assert contents(rounds) == [["12+34=|47|the carry is lost"], ["12+34=|48|a digit is off"], ["12+34=|47|the carry is lost"]]
    with caplog.at_level(logging.WARNING):
        assert play(TextFeedback(source="error"), group(wrong("1")), never) == ([], ())
    assert "said nothing" in caplog.text


def test_one_prompt_holds_all_wrong_answers_and_their_words(own):
    folder = own(group_feedback="${question}|${total}|${attempts}", group_feedback_each="${number}:${attempt}:${feedback}",
                 group_feedback_bare="${number}:${attempt}", group_feedback_critique="${question}?${attempt}")
    stuck = group(*STUCK.attempts, wrong("47"), wrong("49"), prompt=SECRETIVE)
    rounds, _ = play(GroupFeedback(tries=4, at_once=2, templates=folder), stuck, never)
    together = "12+34=|3|1:47:the carry is lost\n2:48:a digit is off\n3:49"
    assert contents(rounds) == [[together] * 2] * 2
    assert [parent_text(request) for asked in rounds for request in asked] == ["47", "48", "49", "47"]
    rounds, _ = play(GroupFeedback(tries=1, most=2, templates=folder), stuck, never)
    assert contents(rounds) == [["12+34=|2|1:47:the carry is lost\n2:48:a digit is off"]]
    rounds, _ = play(GroupFeedback(tries=1, source="critic", templates=folder), stuck,
                     lambda r: () if parent_text(r) == "48" else reply(r, f"c{r.key.attempt}"))
    assert contents(rounds) == [["12+34=?47", "12+34=?48", "12+34=?49"], ["12+34=|3|1:47:c0\n2:48\n3:49:c2"]]
    assert [turn.completion.text for turn in rounds[1][0].after] == ["c0", "c2"]


def test_without_words_the_group_is_told_that_it_is_wrong():
    rounds, _ = play(GroupFeedback(tries=1), group(wrong("47")), never)
    assert rounds[0][0].help == "wrong" and "[Said of" not in rounds[0][0].content


def answering(text, answer, **rest):
    return attempt(text, Verdict.wrong(answer), **rest)


def test_the_wrong_final_answers_are_listed_once_and_right_ones_never(own):
    stuck = group(answering("a: 47", "47"), answering("b: 47", " 47"), answering("no answer", None), truncated("444"),
                  answering("c: 48", "48"), answering("in bad form: 46", "46"), answering("4646!", SOLUTION), solved("46"),
                  ungraded("49"), prompt=SECRETIVE)
    rounds, corrections = play(AvoidAnswers(tries=2, templates=own(avoid_answers="${question}|${answers}")), stuck, right)
    assert contents(rounds) == [["12+34=|47\n48"]] and corrections[0].help == "wrong"
    assert play(AvoidAnswers(), group(answering("no answer", None)), never) == ([], ())


def test_truncated_groups_are_asked_to_be_concise(own):
    folder = own(avoid_answers="${question}|${answers}", avoid_answers_both="${question}|${answers}|brief",
                 avoid_answers_concise="${question}|brief")
    operator = AvoidAnswers(tries=1, concise=True, templates=folder)
    for stuck, content, help in (
            (group(wrong("47")), "12+34=|47", "wrong"), (group(truncated("4"), wrong("47")), "12+34=|47|brief", "wrong"),
            (group(truncated("4"), ungraded("?")), "12+34=|brief", "nothing")):
        rounds, (correction,) = play(operator, stuck, right)
        assert contents(rounds) == [[content]] and correction.help == help
        assert correction.of.completion.truncated == (help == "nothing")
    assert play(operator, group(ungraded("?"), solved()), never) == ([], ())
    endure(operator, group(truncated("4")), 1)


def test_every_answer_is_a_draft_and_all_are_refined_in_one_round():
    stuck = group(wrong("47"), solved("46"), truncated("4"), wrong("47"), ungraded("?"))
    rounds, corrections = play(DraftAndRefine(refinements=2), stuck, lambda r: never(r) if r.key.attempt == 1 else right(r))
    assert [[parent_text(r) for r in asked] for asked in rounds] == [["47", "47", "46", "46", "47", "47"]]
    assert [c.tries for c in corrections] == [1, 3, 4, 5, 6]
    assert [c.of for c in corrections] == [stuck.attempts[n] for n in (0, 1, 1, 3, 3)]
    assert play(DraftAndRefine(), group(truncated("4"), ungraded("?")), never) == ([], ())


@pytest.mark.parametrize("attempts, best", [
    ((said("1"), said("2", score=0.5), said("3", score=0.5)), "2"), ((said("1", score=2.0), solved("46"), solved("046")), "46"),
    ((said("1"), said("2")), "1"), ((truncated("9"), said("2")), "2"),
])
def test_the_best_draft_is_the_first_with_the_best_score(attempts, best):
    rounds, _ = play(DraftAndRefine(draft="best", refinements=3), group(*attempts), never)
    assert [[parent_text(r) for r in asked] for asked in rounds] == [[best] * 3]
    assert play(DraftAndRefine(draft="best"), group(truncated("4")), never) == ([], ())


@pytest.mark.parametrize("text, accepted", [("0123456789", True), ("012345678x", True), ("01234567xx", False),
                                            ("123456789", True), ("x0123456789", True), ("23456789", False), ("46", False)])
def test_an_edit_is_accepted_up_to_its_share_of_the_longer_answer(text, accepted):
    operator = MinimalEdit(tries=2, most_edited=0.1)
    rounds, corrections = play(operator, group(wrong("0123456789")), lambda r: reply(r, text))
    assert (len(corrections), len(rounds)) == ((1, 1) if accepted else (0, 2))


def test_the_edit_distance_is_that_of_the_table():
    def table(first, second):
        row = list(range(len(second) + 1))
        for i, a in enumerate(first, 1):
            above, row = row, [i]
            for j, b in enumerate(second, 1):
                row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
        return row[-1]

    rng = random.Random(0)
    for _ in range(300):
        first, second = ([rng.randrange(4) for _ in range(rng.randrange(12))] for _ in range(2))
        assert edit_distance(first, second) == table(first, second)
    long = [rng.randrange(50) for _ in range(4000)]
    assert edit_distance(long, [1, *long[:2000], *long[2001:]]) == 2
    assert edit_distance([], long) == edit_distance(long, []) == 4000


@pytest.mark.parametrize("make, field", [
    (lambda: RewritePlain(tries=0), "tries"), (lambda: RewriteWithReward(at_once=9), "at_once"),
    (lambda: RewriteWithError(otherwise="skipp"), "did you mean 'skip'"), (lambda: ReflectThenRetry(retries=0), "retries"),
    (lambda: ReflectThenRetry(reflection_tokens=1.5), "reflection_tokens"), (lambda: ReflectThenRetry(keep="after"), "keep"),
    (lambda: CritiqueThenRevise(critique_type="indicativ"), "did you mean 'indicative'"),
    (lambda: CritiqueThenRevise(critic="judge"), "critic"), (lambda: CritiqueThenRevise(critique_tokens=0), "critique_tokens"),
    (lambda: GroupFeedback(most=0), "most"), (lambda: GroupFeedback(source="errors"), "did you mean 'error'"),
    (lambda: TextFeedback(source="critics"), "did you mean 'critic'"),
    (lambda: TextFeedback(feedback_tokens=0), "feedback_tokens"), (lambda: AvoidAnswers(at_once=0), "at_once"),
    (lambda: CritiqueThenRevise(critique_type="indicative", templates="student"), "no critique_then_revise_indicative.txt"),
    (lambda: DraftAndRefine(draft="bets"), "did you mean 'best'"), (lambda: DraftAndRefine(refinements=0), "refinements"),
    (lambda: MinimalEdit(most_edited=0), "most_edited"), (lambda: MinimalEdit(most_edited=1.1), "most_edited"),
    (lambda: RewriteWithReward(templates="student"), "no rewrite_with_reward.txt"),
])
def test_bad_fields_are_refused(make, field):
    with pytest.raises(UserError, match=field) as refused:
        make()
    assert "\n" not in str(refused.value)
