import subprocess
import sys

import numpy as np
import pytest

from rfpo.study.statistics import (
    crossed_interval,
    geometric_ratio,
    holm,
    least_seeds,
    seeds_needed,
    sign_flip,
    smallest_p,
    spread,
    standardized,
)


def enumerated(table, levels=(0.025, 0.975)):
    """Quantiles of the mean over every draw of rows and columns of a small table, each as likely: the bootstrap by hand."""
    rows, columns = table.shape
    means = [table[np.ix_(np.unravel_index(r, [rows] * rows), np.unravel_index(c, [columns] * columns))].mean()
             for r in range(rows**rows) for c in range(columns**columns)]
    return np.quantile(means, levels)


def test_a_two_by_three_interval_is_that_of_all_its_draws():
    table = np.array([[0.0, 0.5, 1.0], [0.25, 0.75, -0.5]])
    assert crossed_interval([table], draws=40_000) == pytest.approx(enumerated(table), abs=0.01)


def test_the_drawn_prompts_are_the_same_for_all_seeds():
    """Seeds that agree leave the prompts' noise whole: with independent prompts a seed it would be halved."""
    row = np.linspace(-1, 1, 64)
    low, high = crossed_interval([np.tile(row, (16, 1))])
    assert (high - low) / 2 == pytest.approx(1.96 * row.std() / 8, rel=0.06)


def test_noise_of_seeds_alone_is_not_averaged_out_by_prompts():
    by_seed = np.random.default_rng(1).normal(0, 0.2, 8)
    table = np.repeat(by_seed[:, None], 128, axis=1)
    low, high = crossed_interval([table])
    ignoring_seeds = crossed_interval([np.tile(table.mean(0), (2, 1))])
    assert ignoring_seeds[1] - ignoring_seeds[0] < 1e-9
    assert (high - low) / 2 == pytest.approx(1.96 * by_seed.std() / 8**0.5, rel=0.1)


def test_tasks_are_strata_of_equal_weight_that_share_their_seeds():
    by_seed = np.random.default_rng(2).normal(0, 0.2, (8, 1))
    narrow, wide = np.repeat(by_seed, 4, axis=1), np.repeat(by_seed, 64, axis=1)
    alone = crossed_interval([wide])
    assert crossed_interval([narrow, wide]) == pytest.approx(alone, abs=0.012), "independent seeds a task would be narrower"
    low, high = crossed_interval([narrow + 1, wide])
    assert (low, high) == pytest.approx((alone[0] + 0.5, alone[1] + 0.5), abs=0.012)
    prompts = np.tile(np.linspace(-1, 1, 32), (4, 1))
    one, two = crossed_interval([prompts]), crossed_interval([prompts, prompts])
    assert (two[1] - two[0]) / (one[1] - one[0]) == pytest.approx(2**-0.5, rel=0.06), "each task has prompts of its own"


def test_the_interval_covers_about_as_often_as_it_says():
    """Seeds, prompts and entries all vary. The interval is a little narrow for 12 seeds, and a little wide for entries."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(300):
        table = rng.normal(0, 0.1, (12, 1)) + rng.normal(0, 0.2, (1, 24)) + rng.normal(0, 0.2, (12, 24))
        low, high = crossed_interval([table], draws=400)
        covered += low <= 0 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_the_interval_is_the_same_each_time_and_turns_with_the_sign():
    table = np.random.default_rng(4).normal(0.1, 0.3, (5, 20))
    low, high = crossed_interval([table])
    assert (low, high) == crossed_interval([table])
    assert crossed_interval([-table]) == pytest.approx((-high, -low))


def test_degenerate_intervals():
    assert crossed_interval([np.ones((1, 8))]) is None, "one seed does not say how seeds differ"
    assert crossed_interval([]) is None and crossed_interval([np.ones((4, 0))]) is None
    assert crossed_interval([np.full((3, 4), 0.25)]) == (0.25, 0.25)
    with pytest.raises(ValueError, match="same seeds"):
        crossed_interval([np.ones((2, 4)), np.ones((3, 4))])


def test_sign_flips_by_hand():
    """Of the 8 sign patterns of 1, 2, 4 those with |sum| of at least 5 are +++, -++ and their opposites: 1 - 2 + 4 is 3."""
    assert sign_flip([-1, 2, 4]) == pytest.approx(4 / 8)
    assert sign_flip([1, 2, 4]) == pytest.approx(2 / 8)
    assert sign_flip([1, -2, -4]) == pytest.approx(4 / 8)
    assert sign_flip([0.1 + 0.2, 0.3, 0.3]) == pytest.approx(2 / 8), "ties within rounding are ties"


@pytest.mark.parametrize("seeds", [2, 5, 8, 12])
def test_equal_signs_reach_the_smallest_p(seeds):
    differences = np.random.default_rng(5).uniform(0.1, 0.9, seeds)
    assert sign_flip(differences) == pytest.approx(2 / 2**seeds) == pytest.approx(smallest_p(seeds))
    assert sign_flip(-differences) == pytest.approx(2 / 2**seeds)


def test_eight_equal_signs():
    assert sign_flip([0.1] * 8) == pytest.approx(2 / 256)


def test_many_seeds_are_flipped_at_random_and_repeatably():
    differences = np.random.default_rng(6).uniform(0.1, 0.9, 16)
    assert sign_flip(differences) == pytest.approx(2 / 10_000) == pytest.approx(smallest_p(16))
    mixed = np.random.default_rng(7).normal(0, 1, 16)
    exact = np.mean([abs((1 - 2 * (bits >> np.arange(16) & 1)) @ mixed) >= abs(mixed.sum()) for bits in range(2**16)])
    assert sign_flip(mixed) == sign_flip(mixed) == pytest.approx(exact, abs=0.03)


def test_degenerate_flips():
    assert sign_flip([]) is None and sign_flip([0.4]) is None and smallest_p(1) is None
    assert sign_flip([0.0] * 6) == 1


def test_flips_of_noise_are_rarely_small():
    rng = np.random.default_rng(8)
    assert np.mean([sign_flip(rng.normal(0, 1, 6)) < 0.05 for _ in range(300)]) < 0.08


def test_holm_by_hand():
    """.01 * 4, .02 * 3, then .03 * 2 is no smaller than what came before, and .9."""
    assert holm([0.03, 0.01, None, 0.9, 0.02]) == pytest.approx([0.06, 0.04, None, 0.9, 0.06])
    assert holm([0.04, 0.045]) == pytest.approx([0.08, 0.08]), "a larger p is never corrected to less"
    assert holm([0.5, 0.8]) == [1.0, 1.0] and holm([0.03]) == [0.03] and holm([None]) == [None] and holm([]) == []


@pytest.mark.parametrize(("tests", "seeds"), [(0, 6), (1, 6), (2, 7), (6, 8), (7, 9), (12, 9), (13, 10)])
def test_fewer_seeds_cannot_survive_holm(tests, seeds):
    assert least_seeds(tests) == seeds
    if tests:
        assert max(holm([smallest_p(seeds)] * tests)) < 0.05 <= min(holm([smallest_p(seeds - 1)] * tests))


def test_spread_and_standardized_difference_by_hand():
    assert spread([0.1, 0.2, 0.3]) == pytest.approx(0.1)
    assert standardized([0.1, 0.2, 0.3]) == pytest.approx(2.0) and standardized([-0.1, -0.2, -0.3]) == pytest.approx(-2.0)
    assert spread([0.1]) is None and standardized([0.1]) is None
    assert spread([0.1 + 0.2, 0.3]) == 0 and standardized([0.1 + 0.2, 0.3]) is None


def test_seeds_needed_by_hand():
    """sd .1, half-width .05: t is 2.110 with 18 seeds, 2.110 * .1 / sqrt(18) = .0497, and 2.120 * .1 / sqrt(17) = .0514."""
    assert seeds_needed([0.1, 0.2, 0.3], 0.05) == 18
    assert seeds_needed([0.1, 0.2, 0.3], 2.0) == 2, "12.7 * .1 / sqrt(2) = .9"
    assert seeds_needed([0.1, 0.2, 0.3], 0.5) == 3, "4.30 * .1 / sqrt(3) = .25"
    assert seeds_needed([0.2, 0.2, 0.2], 0.05) == 2
    assert seeds_needed([0.2], 0.05) is None and seeds_needed([], 0.05) is None


def test_a_ratio_is_the_geometric_mean_of_pairs():
    assert geometric_ratio([100.0, 400.0], [200.0, 200.0]) == pytest.approx(1.0)
    assert geometric_ratio([50.0, 200.0], [200.0, 200.0]) == pytest.approx(0.5)
    assert geometric_ratio([50.0, None], [200.0, 200.0]) is None and geometric_ratio([], []) is None
    assert geometric_ratio([50.0, 1.0], [200.0, 0.0]) is None, "solved from the start: no ratio"


def test_comparing_needs_no_torch():
    code = "import sys, rfpo.study.contrasts, rfpo.study.summary; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
