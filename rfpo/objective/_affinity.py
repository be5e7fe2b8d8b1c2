"""How much of a set of tokens lies within the trust region, and how evenly."""

import math

import torch
from torch import Tensor


def log_affinity(log_ratio: Tensor, share: Tensor, index: Tensor, band: float, temperature: float | None) -> Tensor:
    """[N]: the log affinity of each row's set of rows, HINT's EUR * exp(-UC / temperature).

        EUR = sum share [in band] / sum share        UC^2 = the variance of the log ratio in the band, weighted by share

    `log_ratio` and `share` (at least 0; 0 leaves a token out) are [N,T], `index` [N] numbers the sets from 0. The band is
    1 - band <= ratio <= 1 + band. The temperature is log(1 + band) / 2 where it is None. Sums in float64.

    Degenerate: 0 for a set without a counted token, -inf for one with none in the band.
    """
    x, share = log_ratio.double(), share.double()
    ratio = x.clamp(-50, 50).exp()
    inside = share * ((ratio >= 1 - band) & (ratio <= 1 + band))
    zeros = x.new_zeros(int(index.max()) + 1 if len(index) else 0)
    counted, in_band, first = (zeros.index_add(0, index, y.sum(-1)) for y in (share, inside, inside * x))
    some = torch.where(in_band > 0, in_band, 1.0)
    away = x - (first / some)[index][:, None]
    spread = (zeros.index_add(0, index, (inside * away.square()).sum(-1)) / some).sqrt()
    temperature = math.log1p(band) / 2 if temperature is None else temperature
    found = (in_band / torch.where(counted > 0, counted, 1.0)).log() - spread / temperature
    return torch.where(counted > 0, found, 0.0)[index]
