import pytest

from rfpo.reporting.metrics import Max, Mean, Min, Share, Sum, reduce


def test_each_metric_is_combined_in_its_own_way():
    first = {"reward": Mean(1.0, 3), "stuck": Share(2, 3), "tokens": Sum(10), "norm": Max(0.5), "margin": Min(0.5)}
    second = {"reward": Mean(0.0, 1), "stuck": Share(0, 5), "tokens": Sum(7), "norm": Max(2.0), "margin": Min(-1.0)}
    assert reduce([first, second]) == {"reward": 0.75, "stuck": 0.25, "tokens": 17, "norm": 2.0, "margin": -1.0}


def test_nothing_counted_is_none_and_not_zero():
    assert reduce([{"fix_rate": Share(0, 0), "r_off": Mean(float("nan"), 0)}]) == {"fix_rate": None, "r_off": None}


def test_the_order_of_the_records_does_not_matter():
    records = [{"loss": Sum(value)} for value in (1e16, 1.0, -1e16, 0.1)]
    assert reduce(records) == reduce(records[::-1]) == {"loss": 1.1}


def test_a_key_combined_in_two_ways_is_refused():
    with pytest.raises(ValueError, match="'tokens' is combined as Mean and Sum"):
        reduce([{"tokens": Sum(1)}, {"tokens": Mean(1.0)}])
