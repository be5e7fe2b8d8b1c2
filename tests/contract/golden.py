"""Numbers worked by hand. Each function takes a piece at the settings that it names and asserts."""

from dataclasses import replace
from math import e, exp, log, sqrt

import torch
from torch import Tensor
from torch.testing import assert_close

from rfpo.batch import Batch, collate
from rfpo.objective import Policy
from rfpo.objective.objective import masked
from rfpo.records import Origin, Outcome, Parent, Sample


def row(*numbers: float) -> Tensor:
    return torch.tensor([numbers], dtype=torch.float64)


def losses(surrogate, ratios, advantage: float) -> tuple[list[float], list[float]]:
    """The loss at each ratio, and its derivative by the ratio."""
    ratio = row(*ratios).requires_grad_()
    log_ratio = ratio.log()
    batch = batch_of(tokens=len(ratios), advantage=row(*[advantage] * len(ratios)))
    loss = surrogate(log_ratio, Policy(logp=log_ratio), batch)
    slope, = torch.autograd.grad(loss.sum(), ratio)
    return loss[0].tolist(), slope[0].tolist()


def batch_of(tokens: int, parent_tokens: int = 0, **columns) -> Batch:
    """One row of so many tokens, corrected from a response of `parent_tokens`."""
    sample = Sample(context=(1,), tokens=(1,) * tokens, trained=(True,) * tokens, outcome=Outcome.SOLVED, reward=1.0,
                    group=("p", 0), origin=Origin.CORRECTED if parent_tokens else Origin.SAMPLED,
                    parent=Parent((2,) * parent_tokens, 0) if parent_tokens else None)
    return replace(collate([sample], max_length=tokens), **columns)


def clips_each_side(clip):
    """low .2, high .28. A = +2: -min(r, 1.28) 2. A = -2: max(r, .8) 2. Slopes are 0 beyond the bound that A favours."""
    value, slope = losses(clip, (0.5, 0.9, 1.25, 2.0), 2.0)
    assert_close(value, [-1.0, -1.8, -2.5, -2.56])
    assert_close(slope, [-2.0, -2.0, -2.0, 0.0])
    value, slope = losses(clip, (0.5, 0.9, 1.25, 2.0), -2.0)
    assert_close(value, [1.6, 1.8, 2.5, 4.0])
    assert_close(slope, [0.0, 2.0, 2.0, 2.0])


def dual_clip_bounds_punishment_only(clip):
    """dual 3. A = -2: no more than 6, flat beyond r = 3. A = +2, r = .1: still -.2, never lifted to dual A."""
    value, slope = losses(clip, (2.0, 4.0, 50.0), -2.0)
    assert_close(value, [4.0, 6.0, 6.0])
    assert_close(slope, [2.0, 0.0, 0.0])
    value, slope = losses(clip, (0.1, 1.0, 50.0), 2.0)
    assert_close(value, [-0.2, -2.0, -2.56])
    assert_close(slope, [-2.0, -2.0, 0.0])


def cap_is_the_weight_of_the_log_prob(surrogate):
    """cap 2, no floor, A = 3: the derivative by log pi is -3 min(r, 2), so by r = exp(log pi) it is that over r."""
    _, slope = losses(surrogate, (0.5, 1.0, 4.0), 3.0)
    assert_close(slope, [-1.5 / 0.5, -3.0 / 1.0, -6.0 / 4.0])


def printed_form_has_its_table(clip_times):
    """low = high = .2; `clip_times(R)` is the surrogate with the constant weight R. d J / d r at r = 1, A = +1 and A = -1."""
    table = {0.5: (0.0, -0.5), 0.9: (0.81, -0.9), 1.1: (1.1, -1.21), 2.0: (2.0, 0.0)}
    for weight, (up, down) in table.items():
        assert_close(-losses(clip_times(weight), (1.0,), 1.0)[1][0], up)
        assert_close(-losses(clip_times(weight), (1.0,), -1.0)[1][0], down)


def off_policy_ratio_is_of_means(weight):
    """gamma 1, cap 2, mean form. Parent mean -.5 over 2 tokens, own mean -.9 over 3: log R = .4. With own -1.5: log 2."""
    batch = batch_of(3, parent_tokens=2, old=row(-0.3, -0.9, -1.5), parent=row(-0.2, -0.8))
    assert_close(weight.log(Policy(logp=batch.old), batch).item(), 0.4)
    capped = batch_of(3, parent_tokens=2, old=row(-1.5, -1.5, -1.5), parent=row(-0.2, -0.8))
    assert_close(weight.log(Policy(logp=capped.old), capped).item(), log(2))


def k3_is_positive_and_points_home(kl):
    """beta .1, x = log pi - log ref. x = 1: .1 (1/e + 1 - 1). x = -1: .1 (e - 1 - 1). Slopes .1 (1 - exp(-x))."""
    logp = row(-1.0, -3.0, -2.0).requires_grad_()
    batch = batch_of(3, reference=row(-2.0, -2.0, -2.0))
    loss = kl(Policy(logp=logp), batch)
    slope, = torch.autograd.grad(loss.sum(), logp)
    assert_close(loss[0].tolist(), [0.1 / e, 0.1 * (e - 2), 0.0])
    assert_close(slope[0].tolist(), [0.1 * (1 - exp(-1)), 0.1 * (1 - e), 0.0])


def entropy_is_rewarded(bonus):
    """coefficient .01: more entropy is less loss."""
    assert_close(bonus(Policy(logp=row(0, 0), entropy=row(1.5, 0.5)), batch_of(2))[0].tolist(), [-0.015, -0.005])


def rewarded(rewards, groups) -> Batch:
    return collate([Sample(context=(1,), tokens=(1,), trained=(True,), outcome=Outcome.WRONG, reward=r, group=(g, 0))
                    for r, g in zip(rewards, groups, strict=True)], max_length=1)


def one_success_in_four(zscore, std: float) -> None:
    result = zscore(masked(rewarded((1.0, 0.0, 0.0, 0.0, 1.0, 1.0), "aaaabb")))[:, 0]
    assert_close(result.tolist(), [0.75 / std] + [-0.25 / std] * 3 + [0.0, 0.0], rtol=1e-3, atol=1e-6)


def population_std_of_the_group(zscore):
    """Rewards 1 0 0 0: mean .25, squared distances .5625 + 3 (.0625) = .75, over 4."""
    one_success_in_four(zscore, sqrt(0.75 / 4))


def unbiased_std_of_the_group(zscore):
    """The same over 3."""
    one_success_in_four(zscore, sqrt(0.75 / 3))


def centred_on_the_group(advantage):
    """Rewards 1 0 0 0 | 1 .5: less .25, less .75."""
    result = advantage(masked(rewarded((1.0, 0.0, 0.0, 0.0, 1.0, 0.5), "aaaabb")))[:, 0]
    assert_close(result.tolist(), [0.75, -0.25, -0.25, -0.25, 0.25, -0.25])


def others_are_the_baseline(advantage):
    """Rewards 1 0 0 0 | 1 .5: the mean of the others is 0, 1/3, 1/3, 1/3 | .5, 1."""
    result = advantage(masked(rewarded((1.0, 0.0, 0.0, 0.0, 1.0, 0.5), "aaaabb")))[:, 0]
    assert_close(result.tolist(), [1.0, -1 / 3, -1 / 3, -1 / 3, 0.5, -0.5])


def sequence_ratio_is_the_geometric_mean(ratio):
    """Differences .3 and -.1: mean .1 on both tokens."""
    batch = batch_of(2, old=row(-1.0, -2.0))
    assert_close(ratio(Policy(logp=row(-0.7, -2.1)), batch)[0].tolist(), [0.1, 0.1])


def two_rows(aggregation) -> float:
    """Losses 1 2 3 and 5 (trained tokens), with T_max 10."""
    samples = [Sample(context=(1,), tokens=(1,) * n, trained=(True,) * n, outcome=Outcome.WRONG, reward=0.0, group=("p", 0))
               for n in (3, 1)]
    return aggregation(torch.tensor([[1.0, 2.0, 3.0], [5.0, 9.0, 9.0]]), collate(samples, max_length=10)).item()


def token_mean_number(aggregation):
    assert_close(two_rows(aggregation), 11 / 4)


def sequence_mean_number(aggregation):
    assert_close(two_rows(aggregation), (2 + 5) / 2)


def sequence_sum_number(aggregation):
    assert_close(two_rows(aggregation), 11 / 2)


def constant_length_number(aggregation):
    assert_close(two_rows(aggregation), 11 / (2 * 10))


def weights_multiply_and_regularizers_add(objective):
    """-A r with A = 2, r = 1; weight exp(.4), parent over own; k3 with beta .1 at x = 1. One of two tokens is trained, and
    the weight is over both: (-2 exp(.4) + .1 / e) / 1."""
    batch = batch_of(2, parent_tokens=1, old=row(-0.9, -0.9), parent=row(-0.5), reference=row(-1.9, -1.9),
                     advantage=row(2.0, 2.0), mask=torch.tensor([[True, False]]))
    batch = replace(batch, counts=replace(batch.counts, tokens=1))
    assert_close(objective(Policy(logp=row(-0.9, -0.9)), batch).item(), -2 * exp(0.4) + 0.1 / e)
