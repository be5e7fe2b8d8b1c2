from dataclasses import dataclass
from math import nan

import pytest

from rfpo.checks import one_of, require, scheduled
from rfpo.errors import UserError, near_miss


@dataclass(frozen=True)
class Thing:
    size: object = 1.0
    mode: str = "fast"


class Halving:
    def at(self, progress: float) -> float:
        return 1.0 - progress / 2


def refused(check, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        check(*arguments)
    return str(caught.value)


def positive(x) -> bool:
    return x > 0


def test_a_good_value_passes():
    require(Thing(2.0), "size", positive, "positive", 1.0)


@pytest.mark.parametrize("value", [0.0, -1, nan, "two", None, []])
def test_a_bad_value_is_named_with_what_is_expected_and_what_to_try(value):
    line = refused(require, Thing(value), "size", positive, "positive", 1.0)
    assert line == f"Thing.size is {value!r}; it must be positive. Try 1.0."


def test_an_error_that_is_not_about_the_type_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        require(Thing(), "size", lambda x: 1 / 0, "positive", 1.0)


def test_a_schedule_is_let_through():
    require(Thing(Halving()), "size", positive, "positive", 1.0)
    assert scheduled(Halving()) and not scheduled(3.0) and not scheduled("at")


def test_a_word_that_is_not_known_is_met_with_the_nearest():
    line = refused(one_of, Thing(mode="fats"), "mode", ("fast", "slow"))
    assert line == "Thing.mode is 'fats'; it must be one of fast, slow; did you mean 'fast'?"


def test_one_of_takes_an_iterator_and_lets_known_words_pass():
    one_of(Thing(mode="slow"), "mode", iter(("fast", "slow")))


def test_a_near_miss_or_the_whole_list():
    assert near_miss("grop", ["grpo", "dapo"]) == "did you mean 'grpo'?"
    assert near_miss("zzzz", ["grpo", "dapo"]) == "known are: dapo, grpo."
