"""Where the error is: from the verifier, the policy, a judge, the log-probs, or a better answer."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from rfpo.config.change import change
from rfpo.config.load import from_plain
from rfpo.config.save import to_plain
from rfpo.correction import Try
from rfpo.correction import _tries as tries_module
from rfpo.correction.locators import Locator
from rfpo.correction.locators._parts import SHOWN, is_true, parts_of, place_at
from rfpo.correction.locators.critique import Critique, numbered, understood
from rfpo.correction.locators.divergence import Divergence
from rfpo.correction.locators.judge import Judge
from rfpo.correction.locators.surprise import Surprise
from rfpo.correction.locators.verifier import Verifier
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.critics import Critic
from rfpo.errors import UserError
from rfpo.pieces import names
from rfpo.recipes import recipe
from rfpo.records import Finish, History, Location, RandomKey, Stored, Verdict
from tests.correction.builders import PLACE, answered, attempt, group, play, solved, truncated, ungraded, wrong
from tests.training.scripted import CARRY, RIGHT, bench, step

KEY = RandomKey(prompt="sum/1", purpose="fix_located", attempt=3)
LINES = "take 12\nadd 34\nthat is 47"
LOCATORS = (Critique(), Divergence(), Judge(), Surprise(), Verifier())


@pytest.fixture(autouse=True)
def nothing_said_yet():
    tries_module.say_once.cache_clear()


def with_ends(parent, logps=None):
    """A character is a token."""
    completion = parent.completion
    ends = tuple(range(1, len(completion.tokens) + 1))
    return replace(parent, completion=replace(completion, ends=ends, logps=logps or completion.logps))


def located(locator, stuck, parent=None, reply=None):
    """What it asked, and the place."""
    talk, asked = locator.locate(stuck, parent or stuck.attempts[0], KEY), []
    sent = None
    while True:
        try:
            asked.append(talk.send(sent))
        except StopIteration as end:
            return asked, end.value
        sent = tuple(() if reply is None else (answered(request, reply, Verdict.ungraded("not an answer")),)
                     for request in asked[-1])


def test_every_locator_is_one():
    assert names("rfpo.correction.locators") == ["critique", "divergence", "judge", "surprise", "verifier"]
    assert all(isinstance(locator, Locator) for locator in LOCATORS)
    assert [sorted(locator.reads) for locator in LOCATORS] == [[], ["offsets"], ["critic"], ["offsets"], []]
    assert [FixLocated(locator=locator).reads for locator in LOCATORS] == [locator.reads for locator in LOCATORS]


# parts and places


@pytest.mark.parametrize("text, separator, parts", [
    ("ab\ncd", "\n", [(0, 2), (3, 5)]), ("", "\n", [(0, 0)]), ("a;;b", ";", [(0, 1), (2, 2), (3, 4)]),
    ("a, b", ", ", [(0, 1), (3, 4)]), ("a\n", "\n", [(0, 1), (2, 2)]),
])
def test_parts(text, separator, parts):
    assert parts_of(text, separator) == parts


@pytest.mark.parametrize("start, number", [(0, 0), (6, 0), (7, 0), (8, 1), (14, 1), (15, 2), (24, 2), (25, 2), (99, 2)])
def test_a_place_is_in_the_part_in_which_it_begins(start, number):
    place = place_at(LINES, start, start + 2, "\n")
    assert (place.step, place.places) == (number, 3) and place.start == min(start, 25) and place.end <= 25
    assert place.description == f'line {number + 1}, which reads "{LINES.splitlines()[number]}"'


def test_places_in_other_words():
    assert place_at("ab;cd", 3, 4, ";").description == 'part 2, which reads "cd"'
    assert place_at("abcd", 2, 3, "\n").description == 'the place that reads "abcd"'


def test_a_long_part_is_quoted_around_the_place():
    text = "first line\n" + "x" * 300 + "WRONG" + "y" * 300
    quote = place_at(text, text.index("WRONG"), text.index("WRONG") + 5, "\n").description
    assert "WRONG" in quote and "..." in quote and len(quote) < SHOWN + 50
    assert "first line" not in quote
    assert place_at("z" * 300, 299, 300, "\n").description.endswith('zzz"')


@pytest.mark.parametrize("place, truth, right", [
    ((0, 25), (8, 14), True), ((8, 14), (0, 25), True), ((8, 9), (8, 14), True), ((13, 14), (8, 14), True),
    ((14, 15), (8, 14), False), ((7, 8), (8, 14), False), ((0, 8), (8, 14), False), ((8, 8), (8, 14), True),
    ((25, 25), (25, 25), True), ((24, 25), (25, 25), False), ((14, 14), (8, 14), False),
])
def test_a_place_is_true_when_it_overlaps_with_the_verifiers(place, truth, right):
    assert is_true(Location(9, *place), Location(0, *truth)) is right


def test_without_a_known_place_nothing_is_true():
    assert is_true(PLACE, None) is False


# the pieces


def test_the_verifiers_place_is_its_own():
    assert located(Verifier(), group(wrong("47", PLACE))) == ([], PLACE)
    assert located(Verifier(), group(wrong("47"))) == ([], None)


def test_surprise_is_the_drawn_token_with_the_lowest_log_prob():
    stuck = group(with_ends(wrong(LINES), logps=(-0.1,) * 10 + (-3.0, -2.9) + (-0.2,) * 13))
    asked, place = located(Surprise(), stuck)
    assert asked == [] and (place.step, place.start, place.end) == (1, 10, 11)
    assert place.description == 'line 2, which reads "add 34"'
    assert located(Surprise(separator=" "), stuck)[1].step == 1  # "12\nadd"


def test_the_first_of_equally_surprising_tokens():
    assert located(Surprise(), group(with_ends(wrong("abc"))))[1].start == 0


def test_put_tokens_and_tokens_without_a_text_do_not_surprise():
    parent = wrong("abc")
    odd = replace(parent, completion=replace(parent.completion, tokens=(1, 2, 3, 4), logps=(None, -1.0, -2.0, -9.0),
                                             ends=(1, 2, 3, 3)))
    assert located(Surprise(), group(odd))[1].start == 2
    none = replace(odd, completion=replace(odd.completion, logps=(None,) * 4))
    assert located(Surprise(), group(none))[1] is None and located(Surprise(), group(wrong("abc")))[1] is None
    assert located(Surprise(), group(with_ends(wrong(""))))[1] is None


def scored(text, score, **rest):
    return with_ends(attempt(text, Verdict.wrong(score=score), **rest))


def test_divergence_is_where_the_best_scoring_other_goes_another_way():
    stuck = group(scored("abxx", 0.2), scored("abcd", 0.5), scored("zzzz", 0.4), scored("axxx", 0.1))
    assert located(Divergence(), stuck)[1].start == 2
    assert located(Divergence(), stuck, parent=stuck.attempts[3])[1].start == 1
    assert located(Divergence(), stuck, parent=stuck.attempts[1])[1] is None  # nothing is better


def test_of_equally_good_ones_the_one_that_shares_the_most():
    assert located(Divergence(), group(scored("abxx", 0.0), with_ends(solved("b")), with_ends(solved("abc"))))[1].start == 2


def test_what_is_no_better_says_nothing():
    others = (scored("abcd", 0.5), with_ends(ungraded("abcx")), with_ends(solved("abcy", finish=Finish.LENGTH)),
              with_ends(truncated("abcz")))
    assert located(Divergence(), group(scored("abxx", 0.5), *others))[1] is None
    cut = attempt("abcd", Verdict.wrong(score=0.9), finish=Finish.LENGTH)
    assert located(Divergence(), group(scored("abxx", 0.5), cut))[1] is None


def kept(text):
    return Stored("12+34=", text, tuple(map(ord, text)), (-1.0,) * len(text), step=1)


def test_a_kept_right_answer_counts_with_full_marks():
    stuck = group(scored("abxx", 0.0), scored("abxz", 0.9))
    history = History(stored=(kept("q"), kept("abc")))
    assert located(Divergence(), replace(stuck, history=history))[1].start == 2
    assert located(Divergence(), group(scored("abxx", 0.0)))[1] is None
    assert located(Divergence(), replace(group(wrong("abxx")), history=history))[1] is None  # the offsets were not asked for


def test_an_answer_that_the_better_one_continues_goes_wrong_at_its_end():
    stuck = replace(group(scored("ab\nc", 0.0)), history=History(stored=(kept("ab\ncde"),)))
    place = located(Divergence(), stuck)[1]
    assert (place.step, place.start, place.end) == (1, 4, 4)


def test_the_critique_is_asked_for_once_and_not_judged():
    stuck = group(wrong(LINES, PLACE))
    (((request,),), place) = located(Critique(max_tokens=99), stuck, reply="It adds.\nStep: 3\nQuote: 47")
    assert isinstance(request, Try) and (request.to, request.judged, request.role) == ("policy", False, "critique")
    assert (request.help, request.located, request.of, request.key) == ("wrong", False, stuck.attempts[0], KEY)
    assert (request.sampling.max_tokens, request.sampling.stop, request.sampling.temperature) == (99, (), 0.7)
    assert "12+34=" in request.content and "\n1: take 12\n2: add 34\n3: that is 47\n" in request.content
    assert "46" not in request.content and "column 2" not in request.content
    assert (place.step, LINES[place.start : place.end]) == (2, "47")


def test_the_judge_asks_the_critic_the_same():
    stuck = group(wrong(LINES))
    (((judged,),), place) = located(Judge(), stuck, reply="Step: 2")
    (((own,),), _) = located(Critique(), stuck, reply="Step: 2")
    assert judged.to == "critic" and replace(judged, to="policy") == own and place.step == 1


def test_steps_are_numbered_and_blank_ones_left_out():
    assert numbered("a\n\n b \nc", "\n") == "1: a\n3: b\n4: c" and numbered("ab;cd", ";") == "1: ab\n2: cd"


@pytest.mark.parametrize("reply, start, end", [
    ("Step: 3\nQuote: 47", 23, 25), ("Step: 2", 8, 14), ("**Step:** 2\n**Quote:** `add`", 8, 11), ("step 2.", 8, 14),
    ("Step: 2\nQuote: 47", 8, 14),  # the number counts
    ("Step 1 holds.\nStep 2 holds.\nStep: 3\nQuote: \"47\"", 23, 25),
    ("Step:\n3\nQuote: “47”", 23, 25),
    ("Quote: 34", 12, 14), ("Step: 9\nQuote: 34", 12, 14), ("Quote: 2: add 34", 8, 14),
    ("The first error is in line 3.", 15, 25), ("See step 3; yes, step 3.", 15, 25),
    ("- Step: 3\n- Quote: nothing such", 15, 25), ("Step: 3\nQuote:", 15, 25), ("Step: 1\nStep: 2", 8, 14),
    ("Step: 2 (the sum)", 8, 14), ("Step 2: that is wrong.", 8, 14),
])
def test_replies_that_name_a_place(reply, start, end):
    place = understood(reply, LINES, "\n")
    assert (place.start, place.end) == (start, end)


@pytest.mark.parametrize("reply", [
    "", "   \n", "I see no error.", "Step: none", "Step: 0", "Step: 4", "Step: -", "Step: 99999999999999999999",
    "Quote: nothing such", "Quote:", "Quote: a", "It is between step 1 and step 3.", "Line 7 is wrong.", LINES, "46",
    "Step 1 holds, and step 3 does not.", "Step 1: right.\nStep 2: wrong.", "Step" * 20_000, "\n" * 40_000, "* " * 40_000,
    "step 1 step 2 " * 5_000,
])
def test_replies_that_name_none(reply):
    assert understood(reply, LINES, "\n") is None


def test_in_an_answer_of_one_step_only_a_quote_is_a_place():
    assert understood("Step: 1", "12+34=47", "\n") is None
    place = understood("Step: 1\nQuote: 47", "12+34=47", "\n")
    assert (place.step, place.start, place.end, place.description) == (0, 6, 8, 'the place that reads "12+34=47"')


def test_without_a_reply_or_a_text_there_is_no_place():
    assert located(Critique(), group(wrong(LINES)))[1] is None
    assert located(Critique(), group(wrong(" \n"))) == ([], None)


# in fix_located


def plays(operator, stuck, replies, answer=lambda request: (answered(request, "47", Verdict.wrong("47")),)):
    """As play; the n-th critique is `replies[n]`."""
    left = list(replies)

    def say(request):
        return (answered(request, left.pop(0), Verdict.ungraded("not an answer")),) if not request.judged else answer(request)

    return play(operator, stuck, say)


def told(rounds):
    return [(request.role, request.help, request.located, request.key.attempt) for asked in rounds for request in asked]


SEMI = Critique(separator=";")
FIRST, SECOND = Location(1, 3, 5), Location(0, 0, 2)


def test_each_answer_is_asked_about_once_when_its_first_try_comes():
    stuck = group(wrong("ab;cd", FIRST), wrong("ef;gh", SECOND))
    rounds, _ = plays(FixLocated(templates="student", tries=3, locator=SEMI), stuck, ["Step: 2", "Step: 2"])
    assert told(rounds) == [("critique", "wrong", False, 0), ("answer", "place", True, 0), ("critique", "wrong", False, 1),
                            ("answer", "place", False, 1), ("answer", "place", True, 2)]
    fixes = [asked[0] for asked in rounds if asked[0].judged]
    assert [request.content for request in fixes] == [
        "12+34=<wrong>ab;cd<at>1<fix>", "12+34=<wrong>ef;gh<at>1<fix>", "12+34=<wrong>ab;cd<at>1<fix>"]
    assert [request.after[0].completion.text for request in fixes] == ["Step: 2"] * 3
    keys = [request.key for asked in rounds for request in asked]
    assert len(set(keys)) == len(keys) and {key.purpose for key in keys} == {"fix_located"}
    assert [key.sample for key in keys] == [tries_module.TURN, 0, tries_module.TURN, 0, 0]


def test_answers_tried_at_once_are_asked_about_at_once():
    stuck = group(wrong("ab;cd", FIRST), wrong("ef;gh", SECOND))
    rounds, corrections = plays(FixLocated(tries=4, at_once=4, locator=SEMI), stuck, ["Step: 2", "Step: 1"],
                                lambda request: (answered(request, "46"),))
    assert [len(asked) for asked in rounds] == [2, 4]
    assert [(c.tries, c.help, c.located, c.of) for c in corrections] == [
        (number + 1, "place", True, stuck.attempts[number % 2]) for number in range(4)]


def test_a_success_ends_the_asking():
    stuck = group(wrong("ab;cd", FIRST), wrong("ef;gh", SECOND))
    rounds, corrections = plays(FixLocated(tries=4, locator=SEMI), stuck, ["Step: 2"], lambda r: (answered(r, "46"),))
    assert [asked[0].role for asked in rounds] == ["critique", "answer"] and len(corrections) == 1


def test_no_place_falls_back_or_leaves_the_try_out(caplog):
    stuck = group(wrong("ab;cd", FIRST), wrong("ef;gh", SECOND))
    rounds, _ = plays(FixLocated(templates="student", tries=2, locator=SEMI), stuck, ["none", "Step: 1"])
    assert told(rounds)[1::2] == [("answer", "wrong", False, 0), ("answer", "place", True, 1)]
    assert rounds[1][0].content == "12+34=<wrong>ab;cd<fix>" and "the critique of task 'sum' gave no place" in caplog.text
    rounds, _ = plays(FixLocated(tries=3, locator=SEMI, otherwise="skip"), stuck, ["none", "Step: 1"])
    assert told(rounds) == [("critique", "wrong", False, 0), ("critique", "wrong", False, 1), ("answer", "place", True, 1)]


@pytest.mark.parametrize("locator", LOCATORS)
def test_without_a_wrong_answer_nothing_is_asked(locator):
    assert play(FixLocated(locator=locator), group(solved(), truncated("x")), lambda request: ()) == ([], ())


@pytest.mark.parametrize("reply", ["", LINES, "Step: 99", "x" * 50_000, '{"step": 1}'])
def test_hostile_critiques_are_no_place(reply):
    rounds, corrections = plays(FixLocated(tries=1, locator=Critique()), group(wrong("ab;cd", FIRST)), [reply])
    assert told(rounds)[-1] == ("answer", "wrong", False, 0) and corrections == ()


def test_a_critique_that_does_not_come_is_no_place():
    rounds, _ = play(FixLocated(tries=1, locator=Judge()), group(wrong("ab;cd", FIRST)), lambda request: ())
    assert told(rounds) == [("critique", "wrong", False, 0), ("answer", "wrong", False, 0)] and rounds[1][0].after == ()


def test_a_guess_is_located_only_when_what_it_tells_is_true(tmp_path):
    def one(truth, templates):
        parent = with_ends(wrong("ab;cd", truth), logps=(-0.1, -0.1, -0.1, -0.1, -5.0))
        rounds, _ = play(FixLocated(tries=1, templates=templates, locator=Surprise(separator=";")), group(parent), lambda r: ())
        return rounds[0][0]

    assert one(Location(1, 3, 5), "prose").located and one(Location(1, 3, 5), "student").located
    assert not one(Location(0, 0, 2), "prose").located and not one(None, "prose").located
    assert one(Location(7, 3, 5), "prose").located and not one(Location(7, 3, 5), "student").located  # told step 1, true is 7
    assert one(None, "prose").help == "place" and 'part 2, which reads "cd"' in one(None, "prose").content


def test_the_control_needs_true_places():
    with pytest.raises(UserError, match="'shuffled' and locator is 'surprise'.*Set locator=verifier"):
        FixLocated(place="shuffled", locator=Surprise())


@dataclass(frozen=True)
class Own(Locator):
    """A user's: knows the second answer's place and asks about the others."""

    def locate(self, group, parent, key):
        if parent is group.attempts[1]:
            return PLACE
        yield (replace(group.sampling_request, key=key, judged=False),)
        return None


def test_known_places_come_before_those_to_be_asked_for():
    stuck = group(wrong("a"), wrong("b"), wrong("c"))
    rounds, _ = plays(FixLocated(templates="student", tries=2, locator=Own()), stuck, ["?"])
    contents = [request.content for asked in rounds for request in asked if request.judged]
    assert contents == ["12+34=<wrong>b<at>2<fix>", "12+34=<wrong>a<fix>"]
    keys = [request.key for asked in rounds for request in asked]
    assert len(set(keys)) == 3


# in a run


def test_a_run_file_holds_the_locator():
    run = change(recipe("rfpo"), ["fixing.operator.locator=critique", "fixing.operator.locator.separator=;"])
    assert run.fixing.operator.locator == Critique(separator=";") and from_plain(to_plain(run)) == run
    table = to_plain(recipe("rfpo"))
    del table["fixing"]["operator"]["locator"]  # an older run file
    assert from_plain(table) == recipe("rfpo")


@pytest.mark.parametrize("make, says", [
    (lambda: Surprise(separator=""), "separator"), (lambda: Critique(max_tokens=0), "max_tokens"),
    (lambda: Divergence(separator=3), "separator"), (lambda: Critique(templates="student"), "no locate_error.txt"),
    (lambda: Judge(templates="pros"), "did you mean 'prose'"),
])
def test_bad_fields_are_refused(make, says):
    with pytest.raises(UserError, match=says) as error:
        make()
    assert "\n" not in str(error.value)


CRITIC_ASKED = []


@dataclass(frozen=True)
class Sage(Critic):
    """Knows."""

    room: ClassVar[str] = "rfpo.critics"

    def answer(self, requests):
        CRITIC_ASKED.extend(requests)
        return [("Step: 2\nQuote: 4803",)] * len(requests)


def script(critique):
    def say(request, j):
        if request.key.purpose == "rollout":
            return CARRY
        return critique if not request.judged else RIGHT

    return say


def run_with(locator, critique="", critic=None):
    made = bench(script(critique), fixing__operator__locator=locator)
    made = replace(made, run=replace(made.run, fixing=replace(made.run.fixing, critic=critic)))
    _, metrics, rows = step(made)
    return made.engine, metrics, [row for row in rows if row["origin"] == "corrected"]


@pytest.mark.parametrize("critique, told_step, true", [("Step: 2", "1", True), ("Step: 1", "0", False)])
def test_a_critique_in_a_run(critique, told_step, true):
    engine, metrics, rows = run_with({"kind": "critique", "separator": ";"}, critique)
    fixes = [request for request in engine.requests if isinstance(request, Try) and request.judged]
    assert [request.content for request in fixes] == [f"47+85=<wrong>{CARRY}<at>{told_step}<fix>"]
    by_outcome = {row["outcome"]: row for row in rows}
    assert by_outcome["solved"]["located"] is true and by_outcome["ungraded"]["text"] == critique
    assert metrics["fix_rate"] == 1.0


def test_a_judge_in_a_run():
    CRITIC_ASKED.clear()
    engine, metrics, rows = run_with({"kind": "judge", "separator": ";"}, critic=Sage())
    assert [request.to for request in CRITIC_ASKED] == ["critic"] and CRITIC_ASKED[0].prompt.text == "47+85="
    assert all(request.to == "policy" for request in engine.requests) and metrics["fix_rate"] == 1.0
    assert {row["outcome"]: row["located"] for row in rows} == {"solved": True, "ungraded": False}


def test_offsets_reach_the_locator_in_a_run():
    engine, _, rows = run_with({"kind": "surprise", "separator": ";"})  # all log-probs are equal: the first token
    fixes = [request for request in engine.requests if isinstance(request, Try)]
    assert [request.content for request in fixes] == [f"47+85=<wrong>{CARRY}<at>0<fix>"]
    assert [row["located"] for row in rows] == [False]
