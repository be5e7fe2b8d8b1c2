"""The gate's arithmetic by hand."""

from dataclasses import replace

import pytest

from rfpo.engines.scripted import ScriptedEngine
from rfpo.students.follow import TOLD, Followed, follow
from rfpo.students.gate import GateReport, _judge, _Measured
from rfpo.students.rates import Rates
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.tasks.column_addition import scratchpad


def measured(**changes) -> _Measured:
    """Two hopeless prompts and two easy ones."""
    figures = dict(p=[0.0, 0.0, 1.0, 0.9], survives=[1.0, 1.0, 0.0, 0.0], stuck=[0, 1], located=0.8, elsewhere=0.1, tokens=1.0,
                   sampled=0.475, computed=0.475)
    return _Measured(**figures | changes)


def report(m: _Measured) -> GateReport:
    return GateReport("x", 4, sum(m.survives), _judge(m))


def test_a_good_student_passes_and_its_figures_are_these():
    assert report(measured()).passed
    assert [line.value for line in _judge(measured())] == pytest.approx([0.5, 0.0, 0.0, 0.8, 0.1, 0.0, 0.95, 0.475])


@pytest.mark.parametrize("failing, changes", [
    (0, dict(p=[0.0, 1.0, 1.0, 0.9], survives=[1.0, 0.0, 0.0, 0.0])),
    (1, dict(survives=[0.95, 1.0, 0.0, 0.0])),  # .95 x .05 / 1.95 = .024 of H would be solved by another 256 draws
    (2, dict(p=[0.01, 0.0, 1.0, 0.9])),
    (3, dict(located=0.1, elsewhere=0.0)),
    (4, dict(elsewhere=0.41)),
    (5, dict(p=[0.0008, 0.0008, 1.0, 0.9], tokens=13.0)),  # 1 - .9992^13 = .0103
    (6, dict(p=[0.0, 0.0, 0.9, 0.8])),
    (7, dict(sampled=0.55)),
])
def test_each_requirement_can_fail_alone(failing, changes):
    failed = [index for index, line in enumerate(_judge(measured(**changes))) if not line.passed]
    assert failed == [failing]


@pytest.mark.parametrize("kept, passed", [(0.5, True), (0.64, True), (0.36, True), (0.66, False), (0.3, False)])
def test_a_dialect_that_is_not_followed_fails_the_gate(kept, passed):
    row = Followed("to reflect", taught=0.5, kept=kept)
    assert row.passed == passed
    assert replace(report(measured()), followed=(row,)).passed == passed


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
