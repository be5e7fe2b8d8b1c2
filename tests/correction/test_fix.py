"""The driver: several groups in lockstep, one call a round."""

from dataclasses import dataclass

import pytest

from rfpo.correction.fix import FixReport, fix
from rfpo.correction.leaks.meta_words import MetaWords
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly
from rfpo.records import Correction, Prompt, Verdict
from tests.correction.builders import PLACE, answered, group, truncated, wrong


def prompt(name):
    return Prompt(name, f"{name}=", task="sum", solution="46")


class Model:
    """Solves prompt p at its try number `solves_at[p]`; every answer has three tokens. Remembers the calls."""

    def __init__(self, **solves_at):
        self.solves_at, self.calls = solves_at, []

    def __call__(self, requests):
        self.calls.append([(request.prompt.id, request.key.attempt) for request in requests])
        return [(self.answer(request),) for request in requests]

    def answer(self, request):
        if request.key.attempt == self.solves_at.get(request.prompt.id):
            return answered(request, "046")
        return answered(request, "047", Verdict.wrong("047"))


def groups(*names):
    return [group(wrong("47", PLACE), prompt=prompt(name)) for name in names]


def test_groups_go_in_lockstep_until_each_is_done():
    model = Model(a=1, b=0)
    report = fix(groups("a", "b", "c"), FixWrongOnly(tries=3), model)
    assert model.calls == [[("a", 0), ("b", 0), ("c", 0)], [("a", 1), ("c", 1)], [("c", 2)]]
    assert list(report.corrections) == [("a", 0), ("b", 0), ("c", 0)]
    assert [len(corrections) for corrections in report.corrections.values()] == [1, 1, 0]
    assert [corrections[0].tries for corrections in report.corrections.values() if corrections] == [2, 1]
    assert (report.tries, report.successes, report.fixed, report.rounds) == (6, 2, 2, 3)


def test_every_token_of_every_try_is_counted():
    assert fix(groups("a"), FixWrongOnly(tries=4), Model(a=2)).tokens == 3 * 3
    assert fix(groups("a"), FixWrongOnly(tries=4), Model()).tokens == 4 * 3
    assert fix(groups("a"), FixWrongOnly(tries=4, at_once=4), Model(a=0)).tokens == 4 * 3


def test_tries_told_the_true_place_are_counted():
    stuck = [group(wrong("47", PLACE), wrong("48"), prompt=prompt("a"))]
    assert fix(stuck, FixLocated(tries=4), Model()).located == 2
    assert fix(stuck, FixLocated(tries=4, place="shuffled"), Model()).located == 0


def test_the_result_is_that_of_each_group_alone():
    together = fix(groups("a", "b", "c"), FixLocated(tries=4), Model(a=3, b=0))
    alone = [fix(groups(name), FixLocated(tries=4), Model(a=3, b=0)).corrections[name, 0] for name in "abc"]
    assert list(together.corrections.values()) == alone
    assert together == fix(groups("a", "b", "c"), FixLocated(tries=4), Model(a=3, b=0))


def test_nothing_to_fix_asks_nothing():
    model = Model()
    assert fix([], FixWrongOnly(), model) == FixReport() and model.calls == []
    report = fix([group(truncated("long"))], FixWrongOnly(), model)
    assert report.corrections == {("sum/1", 0): ()} and (report.tries, report.rounds) == (0, 0) and model.calls == []


def test_a_request_that_could_not_be_asked_is_no_try():
    report = fix(groups("a"), FixWrongOnly(tries=2), lambda requests: [() for _ in requests])
    assert (report.tries, report.successes, report.rounds) == (0, 0, 2)


def test_two_visits_are_two_groups_and_one_key_twice_is_refused():
    twice = [group(wrong("47"), visit=visit) for visit in (0, 1)]
    assert list(fix(twice, FixWrongOnly(tries=1), Model()).corrections) == [("sum/1", 0), ("sum/1", 1)]
    with pytest.raises(ValueError, match="same key"):
        fix([twice[0], twice[0]], FixWrongOnly(), Model())


def test_an_ask_that_loses_an_answer_is_refused():
    with pytest.raises(ValueError, match="1 answers to 2 requests"):
        fix(groups("a", "b"), FixWrongOnly(), lambda requests: [()])


def test_accepted_corrections_are_checked_for_leaks():
    def betray(requests):
        return [(answered(request, "my previous answer was wrong: 46"),) for request in requests]

    (correction,) = fix(groups("a"), FixWrongOnly(), betray, (MetaWords(),)).corrections["a", 0]
    assert correction.leaks == ("mentions_attempt",)
    assert fix(groups("a"), FixWrongOnly(), betray).corrections["a", 0][0].leaks == ()


@dataclass(frozen=True)
class Gullible:
    """Returns what it got, right or wrong."""

    def correct(self, stuck):
        requests = next(FixWrongOnly().correct(stuck))
        answers = yield requests
        return (Correction(stuck.attempts[0], answers[0][0], "gullible", 1, "wrong"),)


def test_a_failed_correction_is_refused():
    with pytest.raises(ValueError, match="Gullible.*not SOLVED"):
        fix(groups("a"), Gullible(), Model())
