"""What is measured of corrections, by hand."""

import pytest

from rfpo.correction import Try
from rfpo.records import Correction, Location, RandomKey, Verdict
from rfpo.training.measures import (
    by_operator,
    locator_accuracy,
    net_fix_rate,
    of_corrections,
    of_weights,
    recovery,
)
from tests.correction.builders import PLACE, PROMPT, attempt, solved, wrong


def correction(of, by, operator="fix_located", tries=1, leaks=()):
    return Correction(wrong(of), solved(by), operator, tries, "place", leaks=leaks)


def test_of_corrections_by_hand():
    # abcd -> abxx: 2 of 4 edited, 2 of 4 shared. ab -> abcd: 2 inserted of 4, 2 of 4 shared, twice as long
    measured = of_corrections([correction("abcd", "abxx", tries=1), correction("ab", "abcd", tries=3)])
    assert measured == pytest.approx({"edit_distance": 0.5, "shared_prefix": 0.5, "length_ratio": 1.5, "tries_to_fix": 2.0})
    assert set(of_corrections([]).values()) == {None}


def test_the_distribution_of_r_off():
    even = of_weights([0.0, 0.0, 0.0])
    assert even["r_off/effective_share"] == pytest.approx(1.0) and even["r_off/above_1"] == 0.0
    # weights 2 and 1/2: (2.5)^2 / (2 * 4.25)
    two = of_weights([0.6931471805599453, -0.6931471805599453])
    assert two["r_off/effective_share"] == pytest.approx(6.25 / 8.5) and two["r_off/above_1"] == 0.5
    assert two["log_r_off"] == pytest.approx(0.0) and two["r_off/p50"] == pytest.approx(1.25)
    assert of_weights([]) == {"log_r_off": None}


def asked(text, verdict, operator, number=0, **told):
    request = Try(PROMPT, PROMPT.content, RandomKey(purpose=operator, attempt=number), of=told.pop("of", wrong("x")),
                  help=told.pop("help", "wrong"), **told)
    return attempt(text, verdict, request=request)


def test_each_operator_has_its_own_numbers():
    tries = [asked("46", Verdict.solved("46"), "one"), asked("47", Verdict.wrong("47"), "one", 1),
             asked("because", Verdict.ungraded("not an answer"), "two", judged=False, role="reflection"),
             asked("4", Verdict.wrong("4"), "two", 1)]
    found = by_operator(tries, [correction("x", "46", "one", leaks=("mentions_attempt",))])
    assert (found["operator/one/tries"], found["operator/one/try_success"], found["operator/one/tokens"]) == (2, 0.5, 4)
    assert (found["operator/one/leak_rate"], found["operator/one/leak/mentions_attempt"]) == (1.0, 1.0)
    assert (found["operator/two/tries"], found["operator/two/try_success"], found["operator/two/tokens"]) == (1, 0.0, 8)
    assert found["operator/two/leak_rate"] is None


def test_the_locators_accuracy_counts_only_tries_told_a_place_whose_truth_is_known():
    known, unknown = wrong("x", location=PLACE), wrong("y")
    tries = [asked("1", Verdict.wrong(), "f", of=known, help="place", located=True),
             asked("2", Verdict.wrong(), "f", 1, of=known, help="place", located=False),
             asked("3", Verdict.wrong(), "f", 2, of=known, help="place", located=False),
             asked("4", Verdict.wrong(), "f", 3, of=unknown, help="place", located=False),
             asked("5", Verdict.wrong(), "f", 4, of=known, help="wrong")]
    assert locator_accuracy(tries) == pytest.approx(1 / 3)
    assert locator_accuracy([]) is None and isinstance(PLACE, Location)


def test_recovery_and_retention():
    memory = {"prompts": {"never stuck": {"stuck": 0, "recovered": False, "solved_share": 1.0},
                          "still stuck": {"stuck": 3, "recovered": False, "solved_share": 0.0},
                          "recovered": {"stuck": 1, "recovered": True, "solved_share": 0.25},
                          "lost again": {"stuck": 2, "recovered": True, "solved_share": 0.0}}}
    assert recovery(memory) == {"ever_stuck": 3, "recovered": pytest.approx(2 / 3), "retained": 0.5}
    assert recovery({}) == {"ever_stuck": 0, "recovered": None, "retained": None}


def test_the_net_fix_rate_is_what_correcting_gains_over_drawing_again():
    controls = [(wrong("a"), solved("46")), (wrong("b"), wrong("c")), (wrong("d"),), (solved("46"),)]
    assert net_fix_rate(3, 4, controls) == {"resample_fix_rate": 0.5, "net_fix_rate": 0.25}
    assert net_fix_rate(3, 4, ()) == {}
