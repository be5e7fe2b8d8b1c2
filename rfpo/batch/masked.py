"""Masked arithmetic. Every function ignores what stands where the mask is False, be it junk, infinite or NaN."""

import torch
from torch import Tensor

MAX_NATS = 80.0
"""exp overflows fp32 and bf16 above 88.7 nats, so nothing above this is ever exponentiated."""


def keep(x: Tensor, mask: Tensor) -> Tensor:
    """x where the mask is True, 0 elsewhere; no gradient flows to what was left out."""
    return torch.where(mask, x, torch.zeros((), dtype=x.dtype, device=x.device))


def row_sum(x_NT: Tensor, mask_NT: Tensor) -> Tensor:
    """[N,1]: the sum over a row's masked positions; 0 for a row without any."""
    return keep(x_NT, mask_NT).sum(-1, keepdim=True)


def row_mean(x_NT: Tensor, mask_NT: Tensor) -> Tensor:
    """[N,1]: the mean over a row's masked positions; 0 for a row without any."""
    return row_sum(x_NT, mask_NT) / mask_NT.sum(-1, keepdim=True).clamp(min=1).to(x_NT.dtype)


def exp(log_x: Tensor, limit: float = MAX_NATS) -> Tensor:
    """exp of log_x clamped to at most `limit` nats. exp(-inf) is 0. Above the limit the gradient is 0."""
    return log_x.clamp(max=limit).exp()
