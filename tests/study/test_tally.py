"""What is read off a run directory."""

from math import exp, log

import pytest

from rfpo.study.results import BINS, OperatorTally
from rfpo.study.tally import histogram, measured_gamma, operators

PLACE = {"step": 1, "prompt_id": "p", "visit": 0}


def pair(name: str, parent: float, own: float, log_weight: float) -> tuple[dict, dict]:
    """A corrected row and the plain row of its parent."""
    corrected = PLACE | {"prompt_id": name, "text": "right", "parent_text": "wrong", "mean_logp_old": own,
                         "weight": exp(log_weight)}
    return corrected, PLACE | {"prompt_id": name, "text": "wrong", "mean_logp_behaviour": parent}


@pytest.mark.parametrize("gamma", [1.0, -1.0, 0.0, 0.5])
def test_the_measured_gamma_is_the_one_that_the_weights_follow(gamma):
    told = [pair("a", -0.1, -0.8, gamma * 0.7), pair("b", -0.4, -0.6, gamma * 0.2)]
    slope, rows = measured_gamma([c for c, _ in told], [p for _, p in told])
    assert slope == pytest.approx(gamma) and rows == 2


def test_a_weight_of_the_wrong_sign_has_the_wrong_slope():
    corrected, plain = pair("a", -0.1, -0.8, -0.7)
    assert measured_gamma([corrected], [plain])[0] == pytest.approx(-1.0)


def test_the_slope_goes_through_the_origin():
    told = [pair("a", 0.0, -1.0, 1.0), pair("b", 0.0, -2.0, 0.0)]  # sum d w / sum d d = 1 / 5
    assert measured_gamma([c for c, _ in told], [p for _, p in told])[0] == pytest.approx(0.2)


def test_nothing_is_measured_without_a_weight_or_a_parent():
    corrected, plain = pair("a", -0.1, -0.8, 0.7)
    assert measured_gamma([corrected | {"weight": None}], [plain]) == (None, 0)
    assert measured_gamma([corrected], [plain | {"text": "another"}]) == (None, 0)
    assert measured_gamma([corrected], [plain | {"step": 2}]) == (None, 0)


def test_the_histogram_has_tenths_and_open_ends():
    counts = histogram([log(2.0), 0.0, -0.001, 99.0, -99.0])
    assert len(counts) == BINS and sum(counts) == 5
    assert counts[30 + 6] == counts[30] == counts[29] == counts[-1] == counts[0] == 1
    assert histogram([]) == ()


def test_operators_add_up_over_steps():
    steps = [{"operator/fix/tries": 4, "operator/fix/try_success": 0.5, "operator/fix/tokens": 40,
              "operator/fix/leak_rate": 0.5},
             {"operator/fix/tries": 2, "operator/fix/try_success": None, "operator/fix/tokens": 20},
             {"reward": 1.0}]
    assert operators(steps) == {"fix": OperatorTally(tries=6, right=2, tokens=60, leaked=1)}
