"""First and second attempts, by hand."""

import json

import pytest

from rfpo.correction._templates import load
from rfpo.engines.scripted import ScriptedEngine
from rfpo.engines.settings import Model
from rfpo.errors import UserError
from rfpo.records import Prompt, RandomKey, Sampling, Verdict
from rfpo.tasks.column_addition import ColumnAddition
from rfpo.training.evaluate import evaluate_two_turns
from rfpo.training.two_turns import MAY, NEEDS, Pairs, TwoTurns, two_turns

TEMPLATE = load("student", "rewrite_plain", NEEDS, MAY)
PROMPTS = (Prompt("a", "1+1=", "sum", "2"), Prompt("b", "2+2=", "sum", "4"))


def judge(items):
    return [Verdict.ungraded("?") if "?" in text else Verdict.solved(text) if text == prompt.solution else Verdict.wrong(text)
            for prompt, text in items]


def talk(first: dict, second: dict, samples=2, context=4096, prompts=PROMPTS):
    """Answers by prompt id: the first ones by their number, the second ones by the first one's number."""
    def script(request, j):
        turn = first if request.key.purpose == "evaluation" else second
        return turn[request.prompt.id][request.key.sample + j]

    engine = ScriptedEngine(script, context_length=context)
    return engine, two_turns(engine, judge, prompts, TEMPLATE, Sampling(), samples, RandomKey(purpose="evaluation"))


def test_every_kind_of_pair_by_hand():
    # a: right-right, right-wrong. b: wrong-right, wrong-wrong. p = 1, 0; Acc2 = 1/2, 1/2
    _, turns = talk({"a": ["2", "2"], "b": ["5", "6"]}, {"a": ["2", "3"], "b": ["4", "6"]})
    assert turns.prompts == (Pairs("sum", "a", kept=1, lost=1), Pairs("sum", "b", mended=1, missed=1))
    assert turns.scores() == pytest.approx({
        "first": 0.5, "second": 0.5, "right_to_wrong": 0.25, "wrong_to_right": 0.25, "CL": 0.5, "CS": 0.5, "RSS": 0.5})


def test_cl_and_cs_weigh_a_prompt_by_its_own_share():
    # p = .75 and .25, b = 1/3 and 1, c = 1 and 1/3: CL = (.25 + .25) / 1, CS = (.25 + .25) / 1
    turns = TwoTurns((Pairs("t", "a", kept=1, lost=2, mended=1), Pairs("t", "b", kept=1, mended=1, missed=2)))
    scores = turns.scores()
    assert (scores["CL"], scores["CS"], scores["first"], scores["second"]) == pytest.approx((0.5, 0.5, 0.5, 0.5))
    assert scores["second"] == pytest.approx(scores["first"] * scores["CL"] + (1 - scores["first"]) * scores["CS"])


@pytest.mark.parametrize(("kept", "lost", "mended", "missed", "rss"), [(4, 0, 0, 4, 0.5), (2, 2, 0, 4, 0.0), (4, 0, 2, 2, 1.0)])
def test_the_reference_points_of_rss(kept, lost, mended, missed, rss):
    # Acc1 = 1/2. The lower reference has CL = Acc1 and CS = 0, the upper one CL = 1 and CS = Acc1
    assert TwoTurns((Pairs("t", "a", kept, lost, mended, missed),)).scores()["RSS"] == pytest.approx(rss)


def test_what_is_undefined_is_none():
    never, always = TwoTurns((Pairs("t", "a", missed=3),)).scores(), TwoTurns((Pairs("t", "a", kept=3),)).scores()
    assert never["CL"] is None and never["RSS"] is None and never["CS"] == 0.0
    assert always["CS"] is None and always["RSS"] is None and always["CL"] == 1.0


def test_the_second_turn_shows_the_first_answer_and_not_its_verdict():
    engine, _ = talk({"a": ["2", "3"], "b": ["4", "5"]}, {"a": ["2", "2"], "b": ["4", "4"]})
    shown = [request.content for request in engine.requests if request.key.purpose != "evaluation"]
    assert shown == ["1+1=<draft>2<fix>", "1+1=<draft>3<fix>", "2+2=<draft>4<fix>", "2+2=<draft>5<fix>"]
    keys = {request.key.for_sample(0) for request in engine.requests}
    assert len({request.key for request in engine.requests}) == 6 and len(keys) == 4


def test_pairs_that_cannot_be_judged_are_left_out():
    _, turns = talk({"a": ["?", "2"], "b": ["5", "6"]}, {"a": ["2", "2"], "b": ["?", "4"]})
    assert turns.prompts == (Pairs("sum", "a", kept=1), Pairs("sum", "b", mended=1))
    assert turns.tokens == 16  # all that was drawn: eight answers of a character and the end


def test_a_second_turn_without_room_is_counted():
    _, turns = talk({"a": ["2", "2"], "b": ["5" * 20, "6"]}, {"a": ["2", "2"], "b": ["4", "4"]}, context=30)
    assert turns.unasked == 1 and turns.prompts[1] == Pairs("sum", "b", mended=1)
    with pytest.raises(UserError, match="no pair of a first and a second answer could be judged"):
        talk({"a": ["?", "?"], "b": ["?", "?"]}, {"a": ["2", "2"], "b": ["4", "4"]})


def test_the_table_and_the_json_hold_the_same_numbers():
    _, turns = talk({"a": ["2", "2"], "b": ["5", "6"]}, {"a": ["2", "3"], "b": ["4", "6"]})
    assert "0.5000" in turns.table() and "4 pairs" in turns.table()
    stored = json.loads(turns.to_json())
    assert stored["all"] == turns.scores() and stored["prompts"][0]["right_wrong"] == 1


def test_a_template_that_is_not_there_is_refused_before_the_model_is_loaded():
    with pytest.raises(UserError, match="templates 'student' has no nothing.txt"):
        evaluate_two_turns(Model(path="no such model"), (ColumnAddition(size=2, evaluation_size=2),), samples=1,
                           sampling=Sampling(), templates="student", second="nothing")
