"""Batches and policies written out as nested lists, float64; None marks padding."""

import torch

from rfpo.batch import Batch, TokenCounts
from rfpo.objective import Policy

MAX_LENGTH = 4


def tensor(rows, dtype=torch.float64):
    return torch.tensor(rows, dtype=dtype)


def batch(mask=((1, 1, 1), (1, 1, 0)), valid=None, dtype=torch.float64, counts=None, **columns) -> Batch:
    """A batch of len(mask) rows. Columns are given as lists; what is left out is that of plain sampled responses."""
    mask = tensor(mask, torch.bool)
    valid = mask if valid is None else tensor(valid, torch.bool)
    n = len(mask)
    typed = {"group": torch.long, "origin": torch.long, "common_prefix": torch.long, "baseline": torch.bool,
             "known": torch.bool, "parent_mask": torch.bool}
    given = {"reward": [0.0] * n, "group": [0] * n, "baseline": [True] * n, "origin": [0] * n} | columns
    counts = counts or TokenCounts(tokens=int(mask.sum()), rows=n, trained_rows=int(mask.any(-1).sum()), groups=1,
                                   max_length=MAX_LENGTH)
    return Batch(tokens=torch.zeros_like(mask, dtype=torch.long), valid=valid, mask=mask,
                 truncated=torch.zeros(n, dtype=torch.bool), unit=torch.arange(n), contexts=((1,),),
                 context=torch.zeros(n, dtype=torch.long), counts=counts,
                 **{name: tensor(rows, typed.get(name, dtype)) for name, rows in given.items()})


def policy(logp, **columns) -> Policy:
    return Policy(tensor(logp).requires_grad_(), **{name: tensor(rows).requires_grad_() for name, rows in columns.items()})


def gradient(scalar, leaf):
    """d scalar / d leaf, with 0 where nothing flows."""
    found = torch.autograd.grad(scalar, leaf, allow_unused=True, retain_graph=True)[0]
    return torch.zeros_like(leaf) if found is None else found


def close(actual, expected, rtol=1e-9):
    torch.testing.assert_close(actual.detach(), tensor(expected).to(actual.dtype), rtol=rtol, atol=1e-12)
