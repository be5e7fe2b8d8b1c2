"""Paired differences over seeds and prompts: how large, how sure, and how many seeds would tell. Numbers in, numbers out;
`contrasts.py` says what they are of.

A table of differences has a row a seed and a column a prompt. Seeds are what a claim generalises over, so a p-value and the
number of seeds needed are taken from the per-seed means; the interval resamples the prompts as well.
"""

from collections.abc import Sequence
from math import ceil, exp, log, sqrt

import numpy as np
from scipy.stats import permutation_test, t

LEVEL = 0.95
ALPHA = 0.05
DRAWS = 10_000
FLIPS = 9_999  # sign flips tried when there are more ways than this to flip: from 14 seeds on
ROUNDING = 1e-12  # differences of shares closer than this are the same


def crossed_interval(tables: Sequence[np.ndarray], draws: int = DRAWS, rng_seed: int = 0) -> tuple[float, float] | None:
    """95% percentile bootstrap interval of the mean difference, seeds and prompts both resampled with replacement.

    One table of shape [seeds, prompts] a task; the estimate is the mean over tasks of a table's mean. With counts n_s of the
    seeds and m_p of the prompts, multinomial and independent, a draw is mean over tasks of sum_sp n_s m_p D[s, p] / (S P). The
    drawn prompts are the same for all seeds, the drawn seeds the same for all tasks (rows of all tables are the same seeds),
    and each task has its own prompts (strata).

    Resampling both is what Owen (2007, The pigeonhole bootstrap) studies: its variance is right for differences between
    seeds and between prompts, and up to three times too large for noise of single entries. With few seeds a percentile
    interval is too narrow: its variance over S seeds is short of the factor S / (S - 1), and its quantiles are not Student's.

    Degenerate: None with fewer than two seeds, which say nothing of how seeds differ, and with no table or no prompt. Equal
    entries give an interval of width 0. Raises ValueError when tables differ in their number of seeds.
    """
    if len({len(table) for table in tables}) > 1:
        raise ValueError("tables of differences must have the same seeds as rows")
    if not tables or len(tables[0]) < 2 or any(table.shape[1] == 0 for table in tables):
        return None
    rng = np.random.default_rng(rng_seed)
    seeds = _counts(rng, len(tables[0]), draws)
    means = np.mean([((seeds @ table) * _counts(rng, table.shape[1], draws)).sum(1) / table.size for table in tables], axis=0)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _counts(rng: np.random.Generator, items: int, draws: int) -> np.ndarray:
    """How often each item is drawn when as many are drawn with replacement as there are: [draws, items]."""
    return rng.multinomial(items, np.full(items, 1 / items), size=draws).astype(float)


def sign_flip(differences: Sequence[float]) -> float | None:
    """Two-sided p of the sign-flip test (Fisher's randomization test) of per-seed differences, about their mean: the share of
    all 2^n assignments of signs with a mean at least as far from 0. It supposes that without an effect each seed's difference
    were as likely to have the other sign.

    Exact up to 13 seeds; beyond, 9,999 random assignments with a fixed generator, the one seen counted among them.
    Degenerate: None with fewer than two differences; 1 when all are 0. See `smallest_p` for what n seeds can reach.
    """
    if len(differences) < 2:
        return None
    flipped = permutation_test((np.asarray(differences, float),), np.mean, permutation_type="samples", vectorized=True,
                               n_resamples=FLIPS, rng=np.random.default_rng(0))
    return float(flipped.pvalue)


def smallest_p(seeds: int) -> float | None:
    """The smallest p that `sign_flip` can give: 2 / 2^n, and 2 / 10,000 where it tries random signs; None under two seeds."""
    return max(2 / 2**seeds, 0.0 if 2**seeds <= FLIPS else 2 / (FLIPS + 1)) if seeds >= 2 else None


def least_seeds(tests: int) -> int:
    """The fewest seeds with which any of so many tests can be significant: n with tests * 2 / 2^n below .05, because Holm
    multiplies the smallest p by the number of tests. 6 for one test, 8 for six, 9 for twelve. Degenerate: no test counts as
    one. Above 249 tests the random signs of `sign_flip` cannot reach it with any number of seeds; the number is still given.
    """
    seeds = 2
    while max(1, tests) * 2 / 2**seeds >= ALPHA:
        seeds += 1
    return seeds


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """P-values corrected for their number (Holm 1979): with p_(1) <= ... <= p_(m), the j-th is the largest of
    (m - i + 1) p_(i) over i <= j, at most 1. None stays None and is not counted in m."""
    order = sorted((p, index) for index, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - rank)))
        corrected[index] = largest
    return corrected


def spread(values: Sequence[float]) -> float | None:
    """Standard deviation, n - 1 in the denominator; None with fewer than two values, 0 when they differ by rounding alone."""
    if len(values) < 2:
        return None
    sd = float(np.std(values, ddof=1))
    return sd if sd > ROUNDING else 0.0


def standardized(differences: Sequence[float]) -> float | None:
    """Mean over standard deviation of the per-seed differences (Cohen's d_z). Degenerate: None when that is 0 or unknown."""
    sd = spread(differences)
    return float(np.mean(differences)) / sd if sd else None


def seeds_needed(differences: Sequence[float], half_width: float) -> int | None:
    """The fewest seeds n at which Student's 95% interval of the mean, t_{.975, n-1} sd / sqrt(n) to each side, is no wider than
    `half_width` to each side, if the standard deviation seen here holds; it is itself uncertain when few seeds gave it.

    Degenerate: None with fewer than two differences; 2 when they are all equal.
    """
    sd = spread(differences)
    if sd is None:
        return None
    seeds = max(2, ceil((1.959 * sd / half_width) ** 2))  # what the normal would ask for, and Student asks for more
    while t.ppf((1 + LEVEL) / 2, seeds - 1) * sd / sqrt(seeds) > half_width:
        seeds += 1
    return seeds


def geometric_ratio(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """Geometric mean of the paired ratios, exp(mean log(ours / theirs)). Degenerate: None when there is no pair, or a value is
    missing (never reached) or 0 (there from the start)."""
    if not ours or not all(ours) or not all(theirs):
        return None
    return exp(sum(log(a / b) for a, b in zip(ours, theirs, strict=True)) / len(ours))
