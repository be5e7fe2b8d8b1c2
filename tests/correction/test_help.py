"""When help is given and when it ends, by hand."""

from dataclasses import replace
from math import inf

import pytest

from rfpo.correction.help import Help
from rfpo.errors import UserError
from rfpo.records import History
from tests.correction.builders import group, wrong


def at(progress, visit=0, share=None, **history):
    known = History(visits=1, solved_share=share, **history)
    return replace(group(wrong("a"), wrong("b"), visit=visit), progress=progress, history=known)


@pytest.mark.parametrize("help, given", [
    (Help(), [True] * 6),
    (Help(after=0.25), [False, True, True, True, True, True]),
    (Help(until=0.75), [True, True, True, False, False, False]),
    (Help(after=0.25, until=0.5), [False, True, False, False, False, False]),
])
def test_between_two_shares_of_the_run(help, given):
    assert [help.given(at(progress)) for progress in (0.0, 0.25, 0.5, 0.75, 0.999, 1.0)] == given


@pytest.mark.parametrize("fading, shares", [
    ("none", [1.0, 1.0, 1.0, 1.0, 1.0]),
    ("linear", [1.0, 0.75, 0.5, 0.25, 0.0]),
    ("cosine", [1.0, 0.8535534, 0.5, 0.1464466, 0.0]),  # (1 + cos 45 degrees) / 2
])
def test_probability_falls_between_after_and_until(fading, shares):
    help = Help(after=0.2, until=0.6, fading=fading)
    assert [help.probability(progress) for progress in (0.2, 0.3, 0.4, 0.5, 0.6)] == pytest.approx(shares)
    assert help.probability(0.0) == 1.0 and help.probability(1.0) == shares[-1]


def test_help_is_given_as_often_as_its_probability_says_and_alike_each_time():
    help = Help(fading="linear")

    def drawn(progress):
        return [help.given(at(progress, visit)) for visit in range(2000)]

    assert 440 < sum(drawn(0.75)) < 560 and drawn(0.75) == drawn(0.75)  # three deviations of 58
    assert all(early for early, late in zip(drawn(0.25), drawn(0.75), strict=True) if late)  # it only ever withdraws
    assert all(drawn(0.0)) and not any(drawn(1.0))
    assert drawn(0.75) != [help.given(replace(at(0.75, visit), seed=12)) for visit in range(2000)]


@pytest.mark.parametrize("share, given", [(None, True), (0.0, True), (0.49, True), (0.5, False), (1.0, False)])
def test_a_prompt_that_is_solved_without_help_gets_none(share, given):
    assert Help(solved_at=0.5).given(at(0.5, share=share)) is given
    assert Help().given(at(0.5, share=share))


def test_only_the_last_visits_plain_answers_withdraw_help():
    """Not the best share ever, not the corrections, not this visit's own answers."""
    assert Help(solved_at=0.5).given(at(0.5, share=0.0, best_share=1.0, helped=9, level=1.0))


def test_most_rows():
    assert [Help(max_share=share).most_rows(100) for share in (0.08, 0.29, 0.999, 1.0)] == [8, 29, 99, 100]
    assert Help(max_share=0.08).most_rows(12) == 0 and Help().most_rows(12) == inf


def test_affordable():
    help = Help(token_share=0.5)
    assert help.affordable(0, 0) and help.affordable(50, 100) and not help.affordable(51, 100) and Help().affordable(100, 100)


@pytest.mark.parametrize("fields, said", [
    ({"after": 1.0}, "after is 1.0"), ({"after": -0.1}, "after is -0.1"), ({"after": 0.5, "until": 0.5}, "above after"),
    ({"until": 1.1}, "until is 1.1"), ({"fading": "linaer"}, "did you mean 'linear'"), ({"solved_at": 0.0}, "solved_at is 0.0"),
    ({"max_share": 1.5}, "max_share is 1.5"), ({"token_share": 0}, "token_share is 0"),
])
def test_bad_fields_are_refused(fields, said):
    with pytest.raises(UserError, match=said) as refused:
        Help(**fields)
    assert "\n" not in str(refused.value)
