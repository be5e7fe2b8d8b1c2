"""Explanations, demonstrations, stored answers, exemplars and easier formats."""

from dataclasses import replace

import pytest

from rfpo.correction import _tries as tries_module
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.correction.operators.explain_answer import ExplainAnswer
from rfpo.correction.operators.format_ladder import FormatLadder, shape
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.correction.operators.solved_exemplars import SolvedExemplars
from rfpo.correction.operators.stored_success import StoredSuccess
from rfpo.records import History, Opening, Verdict
from tests.correction.begun import STEPS, SUM, asked, full, kept, never, right, stuck
from tests.correction.builders import attempt, play, solved, truncated, ungraded, wrong
from tests.correction.hostile import reply


@pytest.fixture(autouse=True)
def nothing_said_yet():
    tries_module.say_once.cache_clear()


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
