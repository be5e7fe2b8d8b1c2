from math import e, inf, nan

import pytest
import torch
from torch.testing import assert_close

from rfpo.batch import MAX_NATS, exp, keep, row_mean, row_sum

MASK = torch.tensor([[True, False, True], [False, False, False]])


def junk(value: float) -> torch.Tensor:
    return torch.tensor([[1.0, value, 4.0], [value, value, value]], requires_grad=True)


@pytest.mark.parametrize("value", [nan, inf, -inf, 1e38])
@pytest.mark.parametrize(("function", "expected", "slope"), [
    (keep, [[1.0, 0.0, 4.0], [0.0, 0.0, 0.0]], 1.0), (row_sum, [[5.0], [0.0]], 1.0), (row_mean, [[2.5], [0.0]], 0.5)])
def test_what_is_masked_has_neither_value_nor_gradient(function, expected, slope, value):
    x = junk(value)
    result = function(x, MASK)
    result.sum().backward()
    assert result.tolist() == expected
    assert x.grad.tolist() == [[slope, 0.0, slope], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype):
    x = torch.ones(2, 3, dtype=dtype)
    assert {f(x, MASK).dtype for f in (keep, row_sum, row_mean)} | {exp(x).dtype} == {dtype}


def test_exp_is_exp():
    assert_close(exp(torch.tensor([0.0, 1.0, -2.0])).tolist(), [1.0, e, e ** -2], rtol=1e-6, atol=0)


def test_exp_is_finite_far_out_and_flat_beyond_the_limit():
    x = torch.tensor([MAX_NATS + 1, 1e30, inf, 1.0], requires_grad=True)
    y = exp(x)
    y.sum().backward()
    assert y.isfinite().all() and x.grad[:3].tolist() == [0.0, 0.0, 0.0] and x.grad[3] > 2.7


def test_exp_of_minus_infinity_is_zero_with_gradient_zero():
    x = torch.tensor([-inf], requires_grad=True)
    exp(x).sum().backward()
    assert exp(x).item() == 0.0 and x.grad.item() == 0.0


def test_exp_takes_a_limit_of_its_own():
    assert_close(exp(torch.tensor([5.0]), limit=1.0).item(), e, rtol=1e-6, atol=0)


def test_a_row_of_one_token_is_its_own_mean():
    assert row_mean(torch.tensor([[3.0, 9.0]]), torch.tensor([[True, False]])).tolist() == [[3.0]]


def test_80_nats_times_a_big_batch_still_fit_fp32_and_bf16():
    """exp(80) is 5.5e34: room for a sum of thousands. 88.7 nats is where fp32 ends."""
    assert MAX_NATS == 80.0
    for dtype in (torch.float32, torch.bfloat16):
        assert (4096 * exp(torch.tensor([100.0], dtype=dtype))).isfinite().all()
