"""The gate's arithmetic by hand."""

import re

import pytest

from rfpo.engines.scripted import ScriptedEngine
from rfpo.records import Location, Prompt, Verdict
from rfpo.students.follow import TOLD, Followed, follow
from rfpo.students.gate import Corrected, GateReport, Line, _correct, _judge
from rfpo.students.plain import Plain, sampled
from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.tasks.column_addition import scratchpad


def judged(**changes) -> list[Line]:
    """Two hopeless prompts and two easy ones."""
    plain = dict(p=[0.0, 0.0, 1.0, 0.9], survives=[1.0, 1.0, 0.0, 0.0], attempts=[], sampled=0.475, computed=0.475)
    corrected = dict(located=0.8, elsewhere=0.1, tokens=1.0)
    plain |= {name: value for name, value in changes.items() if name in ("fresh", *plain)}
    plain.setdefault("fresh", [1 - share for share in plain["survives"]])
    corrected |= {name: value for name, value in changes.items() if name in corrected}
    return list(_judge(Plain(**plain), Corrected(**corrected), changes.get("graded", False)))


def test_a_good_student_passes_and_its_figures_are_these():
    assert all(line.passed for line in judged())
    assert [line.value for line in judged()] == pytest.approx([0.5, 0.0, 0.0, 0.8, 0.1, 0.0, 0.95, 0.475])


@pytest.mark.parametrize("failing, changes", [
    (0, dict(p=[0.0, 1.0, 1.0, 0.9], survives=[1.0, 0.0, 0.0, 0.0])),
    (1, dict(survives=[0.95, 1.0, 0.0, 0.0])),  # .95 x .05 / 1.95 = .024 of H would be solved by another 256 draws
    (1, dict(fresh=[0.0, 0.05, 1.0, 1.0])),  # .05 / 2 of H
    (1, dict(fresh=[1.0, 1.0, 1.0, 1.0], computed=None)),  # sampled: one of the two may, not both
    (2, dict(p=[0.01, 0.0, 1.0, 0.9])),
    (3, dict(located=0.1, elsewhere=0.0)),
    (4, dict(elsewhere=0.41)),
    (5, dict(p=[0.0008, 0.0008, 1.0, 0.9], tokens=13.0)),  # 1 - .9992^13 = .0103
    (6, dict(p=[0.0, 0.0, 0.9, 0.8])),
    (7, dict(sampled=0.55)),
])
def test_each_requirement_can_fail_alone(failing, changes):
    assert [index for index, line in enumerate(judged(**changes)) if not line.passed] == [failing]


def test_where_p_is_sampled_one_stuck_prompt_may_be_solved_afresh():
    assert all(line.passed for line in judged(fresh=[1.0, 0.0, 1.0, 1.0], computed=None))
    assert not judged(fresh=[1.0, 0.0, 1.0, 1.0])[1].passed


def test_a_graded_student_need_not_tell_stuck_prompts_from_easy_ones():
    changes = dict(p=[0.0, 0.0, 0.6, 0.5], survives=[0.9, 1.0, 0.0, 0.0])
    assert [index for index, line in enumerate(judged(**changes)) if not line.passed] == [1, 6]
    assert all(line.passed for line in judged(**changes, graded=True))


@pytest.mark.parametrize("located, said", [(0.14, "(no room)"), (0.15, "(room)"), (0.6, "(room)"), (0.61, "(no room)")])
def test_whether_there_is_room_is_said_and_not_required(located, said):
    line = judged(located=located, elsewhere=0.0)[3]
    assert line.text.endswith(said) and line.passed == (located >= 0.2)


# Several right answers: the same judge, fed by samples


class Digits:
    """Which digit is even? Any of five is right."""

    name = "digits"

    def training_prompts(self):
        return [Prompt(name, name, "digits", "0") for name in ("easy", "lucky", "stuck", "half")]

    def verify(self, prompt, text):
        return Verdict.solved(text) if text in "02468" else Verdict.wrong(text, location=Location(int(text), 0, 1, places=10))


def says(request, sample) -> str:
    """Stuck: wrong always. Lucky: right in 2 of the second 256 samples. Half: right in every other one. Corrected: right at
    every fourth try if the place is the one that was written."""
    name, purpose = request.prompt.id, request.key.purpose
    if purpose == "located":
        return "2" if sample == 0 else "3"
    if purpose == "elsewhere":
        return "5"
    if name == "half":
        return str(sample % 2)
    return {"easy": "48"[sample % 2], "lucky": "6" if purpose == "again" and sample < 2 else "7", "stuck": "1"}[name]


def test_sampled_p_is_taken_from_other_samples_than_the_stuck_set():
    engine, task = ScriptedEngine(says), Digits()
    plain = sampled(engine, task, task.training_prompts(), seed=0)
    assert plain.survives == [0.0, 1.0, 1.0, 0.0] and plain.stuck == [1, 2]
    assert plain.p == [1.0, 2 / 256, 0.0, 0.5] and plain.fresh == [1.0, 1.0, 0.0, 1.0]
    assert [(request.key.purpose, request.n) for request in engine.requests if request.prompt.id == "stuck"] == [
        ("rollout", 256), ("again", 256)]
    corrected = _correct(engine, task, task.training_prompts(), plain, seed=0)
    assert (corrected.located, corrected.elsewhere, corrected.tokens) == (0.25, 0.0, 1.0)
    lines = _judge(plain, corrected)
    assert [line.value for line in lines] == pytest.approx([0.5, 0.5, 1 / 256, 0.25, 0.0, 1 / 256, 0.75])  # no p to compare


def test_told_a_place_that_is_not_the_true_one_it_is_told_another_of_the_answers_own():
    engine, task = ScriptedEngine(says), Digits()
    plain = sampled(engine, task, task.training_prompts(), seed=0)
    _correct(engine, task, task.training_prompts(), plain, seed=0)
    asked = {request.key.purpose: request.content for request in engine.requests if request.prompt.id == "lucky"}
    told = re.fullmatch(r"lucky<wrong>7<at>(\d)<fix>", asked["elsewhere"])
    assert asked["located"] == "lucky<wrong>7<at>7<fix>" and told and told[1] != "7"


@pytest.mark.parametrize("kept, passed", [(0.5, True), (0.64, True), (0.36, True), (0.66, False), (0.3, False)])
def test_a_dialect_that_is_not_followed_fails_the_gate(kept, passed):
    row = Followed("to reflect", taught=0.5, kept=kept)
    assert row.passed == passed
    assert GateReport("x", 4, 2.0, tuple(judged()), (row,)).passed == passed


def test_follow_measures_what_an_engine_answers():
    """One that always gives the right answer keeps to every rate of 1, and fails where help was not to help."""
    subject = ColumnAddition()

    def right(request, sample):
        question = request.content.partition("=")[0] + "="
        a, b = map(int, question.strip("=").split("+"))
        solution = scratchpad(a, b, subject.digits)
        return solution if "<" in request.content else solution[len(request.content) - len(question):]

    kept = {row.told: row.kept for row in follow(ScriptedEngine(right), subject, Rates(), count=20)}
    assert set(kept) == set(TOLD) and kept.pop("to reflect") == 0.0
    assert set(kept.values()) == {1.0}
    failed = [row.told for row in follow(ScriptedEngine(right), subject, Rates(), count=20) if not row.passed]
    assert {"another place", "a hint that does not", "a false reflection", "that it is wrong"} <= set(failed)


def test_what_another_right_text_says_counts_as_kept():
    class Even:
        """One exercise, 0 to 9: the right answer was 0, the wrong one 1."""

        words, several_answers = (), True

        def task(self, size, seed=0):
            return Digits()

        def exercise(self, rng):
            return Exercise("?", "00", "1", range(10), place=1, known=2, error="odd", description="it")

    kept = {row.told: row.kept for row in follow(ScriptedEngine(lambda request, sample: "8"), Even(), Rates(), count=2)}
    assert kept["the true place"] == 1.0 and kept["to reflect"] == 0.0
    assert kept["the answer's beginning"] == 0.0  # with its beginning, 00, it reads 008
