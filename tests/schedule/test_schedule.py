"""Schedules by hand, and their resolution inside a tree of pieces."""

from dataclasses import dataclass, field

import pytest

from rfpo.checks import require
from rfpo.errors import UserError
from rfpo.schedule import Schedule
from rfpo.schedule._resolve import resolve
from rfpo.schedule.constant import Constant
from rfpo.schedule.cosine import Cosine
from rfpo.schedule.linear import Linear


@dataclass(frozen=True)
class Clip:
    high: float = 0.2

    def __post_init__(self):
        require(self, "high", lambda x: x > 0, "positive", 0.2)


@dataclass(frozen=True)
class Whole:
    clip: Clip = Clip()
    weights: tuple = ()
    streams: dict = field(default_factory=dict)


def test_they_are_schedules():
    assert all(isinstance(schedule, Schedule) for schedule in (Constant(1.0), Linear(0.0, 1.0), Cosine(0.0, 1.0)))


@pytest.mark.parametrize("progress, value", [(0.0, 2.0), (0.2, 2.0), (0.3, 3.0), (0.5, 5.0), (0.7, 6.0), (1.0, 6.0)])
def test_linear(progress, value):
    assert Linear(2.0, 6.0, from_=0.2, to=0.6).at(progress) == pytest.approx(value)


@pytest.mark.parametrize("progress, value", [(0.0, 4.0), (1 / 3, 3.0), (0.5, 2.0), (2 / 3, 1.0), (1.0, 0.0)])
def test_cosine(progress, value):
    assert Cosine(4.0, 0.0).at(progress) == pytest.approx(value)


def test_constant():
    assert Constant(0.3).at(0.0) == Constant(0.3).at(1.0) == 0.3


@pytest.mark.parametrize("cls", [Linear, Cosine])
@pytest.mark.parametrize("stretch, name", [((0.5, 0.5), "to"), ((0.6, 0.4), "to"), ((-0.1, 1.0), "from_"), ((0.0, 1.1), "to")])
def test_a_stretch_outside_the_run_is_refused(cls, stretch, name):
    with pytest.raises(UserError, match=rf"{cls.__name__}\.{name} is"):
        cls(0.0, 1.0, *stretch)


def test_resolve_reaches_dataclasses_tuples_and_dicts():
    whole = Whole(Clip(Linear(0.25, 0.75)), (Clip(), (Clip(Constant(0.5)),)), {"extra": Clip(Cosine(0.5, 0.25))})
    assert resolve(whole, 0.5) == Whole(Clip(0.5), (Clip(), (Clip(0.5),)), {"extra": Clip(0.375)})
    assert whole.clip.high == Linear(0.25, 0.75)  # the run itself keeps its schedule


def test_resolve_gives_back_what_holds_no_schedule():
    whole = Whole(weights=(Clip(),), streams={"extra": [1, "text", None, Clip]})
    assert resolve(whole, 0.5) is whole
    part = Whole(Clip(Constant(0.1)), weights=(Clip(),))
    assert resolve(part, 0.5).weights is part.weights


def test_a_resolved_piece_checks_its_number():
    with pytest.raises(UserError, match="Clip.high is 0.0"):
        resolve(Whole(Clip(Linear(0.1, 0.0))), 1.0)
