"""Advantages that read log-probs: these are scored before the advantages are there."""

from dataclasses import replace
from math import exp

import pytest

from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.advantage.over_entropy import OverEntropy
from rfpo.objective.advantage.times_affinity import TimesAffinity
from rfpo.objective.advantage.times_weight import TimesWeight
from rfpo.objective.weight.certainty import Certainty
from rfpo.recipes import recipe
from tests.training.scripted import RESULT, RIGHT, bench, says, step


def corrected_rows(advantage, **changes):
    """Advantages of the corrected row, by rfpo with this advantage and without a weight."""
    run = recipe("rfpo")
    run = replace(run, objective=replace(run.objective, weights=(), advantage=advantage))
    rows = step(bench(says([RESULT] * 4, [RIGHT]), run=run, **changes))[2]
    return [row["advantage"] for row in rows if row["origin"] == "corrected" and "advantage" in row]


@pytest.mark.parametrize("changes", [{}, {"epochs": 2}])
def test_an_advantage_may_read_the_parents_log_probs(changes):
    (plain,), (own,) = corrected_rows(GroupZscore(), **changes), corrected_rows(TimesWeight(pairing="own"), **changes)
    assert own == pytest.approx(plain * exp(-0.4), rel=1e-5)  # a parent's tokens are at -0.9 nats, the correction's at -0.5
    assert corrected_rows(TimesWeight(), **changes) == pytest.approx([own])  # one weight alone stays where it is


@pytest.mark.parametrize("advantage", [TimesAffinity(), OverEntropy(source="old")])
def test_an_advantage_may_read_old_log_probs(advantage):
    assert len(corrected_rows(advantage)) == 1


def test_a_weight_that_reads_the_entropy_stands_beside_r_off():
    run = recipe("rfpo")
    run = replace(run, objective=replace(run.objective, weights=(*run.objective.weights, Certainty())))
    rows = [row for row in step(bench(says([RESULT] * 4, [RIGHT]), run=run))[2] if row.get("log_r_off") is not None]
    assert rows and rows[0]["weight"] == pytest.approx(exp(rows[0]["log_r_off"]))
