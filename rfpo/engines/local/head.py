"""Log-probs and entropies from hidden states, a piece at a time: [tokens, vocabulary] is never there as a whole."""

import torch
from torch import Tensor

ELEMENTS = 1 << 24
"""Logits made at once: 64 MiB in fp32, 110 tokens of a vocabulary of 152,000. Fewer would starve the matrix product."""


SLAB = 1 << 14
"""Rows of the head's weights whose gradient is made at once where it cannot be added in place."""


class TokenLogProbs(torch.autograd.Function):
    """log p(target) and, when asked for, the entropy in nats, both [M] fp32, of softmax(hidden @ weight.T / temperature).

    hidden [M,d], weight [V,d], targets [M], or [M,J] for J tokens at each place, whose log-probs are [M,J]. The product is
    taken in `dtype`, the softmax in fp32. The logits are made again in the backward pass, from the log-normaliser that is
    kept of each token:

        d log p(y) / d logit_v = [v = y] - p_v          d H / d logit_v = -p_v (log p_v + H)
    """

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float, entropy: bool, dtype: torch.dtype):
        head = weight.to(dtype).t()
        wanted = targets if targets.dim() == 2 else targets[:, None]
        logp, norm = (hidden.new_empty(shape, dtype=torch.float32) for shape in (wanted.shape, len(hidden)))
        spread = torch.empty_like(norm) if entropy else None
        for part in pieces(hidden, weight):
            logits = scaled(hidden[part].to(dtype) @ head, temperature)
            norm[part] = logits.logsumexp(-1)
            logp[part] = logits.gather(-1, wanted[part]) - norm[part, None]
            if entropy:
                spread[part] = norm[part] - (logits.softmax(-1) * logits).sum(-1)
        ctx.save_for_backward(hidden, weight, wanted, norm, spread)
        ctx.temperature, ctx.dtype = temperature, dtype
        return logp.view(targets.shape), spread

    @staticmethod
    def backward(ctx, grad_logp: Tensor, grad_entropy: Tensor | None):
        hidden, weight, targets, norm, spread = ctx.saved_tensors
        head, grad_logp = weight.to(ctx.dtype), grad_logp.reshape(targets.shape)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros(weight.shape, device=weight.device) if ctx.needs_input_grad[1] else None
        for part in pieces(hidden, weight):
            states = hidden[part].to(ctx.dtype)
            logits = scaled(states @ head.t(), ctx.temperature).sub_(norm[part, None])
            grad = by_entropy(logits, spread[part], grad_entropy[part]) if spread is not None else None
            slope = logits.exp_().mul_(-grad_logp[part].sum(-1, keepdim=True))
            slope.scatter_add_(1, targets[part], grad_logp[part])
            slope = (slope if grad is None else slope.add_(grad)).div_(ctx.temperature).to(ctx.dtype)
            grad_hidden[part] = (slope @ head).to(hidden.dtype)
            if grad_weight is not None:
                add_product(grad_weight, slope, states)
        return grad_hidden, None if grad_weight is None else grad_weight.to(weight.dtype), None, None, None, None


@torch.no_grad()
def top_log_probs(hidden: Tensor, weight: Tensor, count: int, temperature: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """ids [M,K] and fp32 log-probs [M,K] of the `count` most likely tokens (all, of a smaller vocabulary), likeliest first."""
    count, head = min(count, len(weight)), weight.to(dtype).t()
    ids = torch.empty(len(hidden), count, dtype=torch.long, device=hidden.device)
    logp = torch.empty(len(hidden), count, dtype=torch.float32, device=hidden.device)
    for part in pieces(hidden, weight):
        logits = scaled(hidden[part].to(dtype) @ head, temperature)
        best, ids[part] = logits.topk(count, -1)
        logp[part] = best - logits.logsumexp(-1, keepdim=True)
    return ids, logp


def add_product(total: Tensor, slope: Tensor, states: Tensor) -> None:
    """total [V,d] += slope.T @ states, without a second tensor of the size of the weights: in place, or, where the product
    is narrower than the sum, a slab of the vocabulary at a time."""
    if slope.dtype == total.dtype:
        total.addmm_(slope.t(), states)
        return
    for start in range(0, len(total), SLAB):
        total[start: start + SLAB] += slope[:, start: start + SLAB].t() @ states


def scaled(logits: Tensor, temperature: float) -> Tensor:
    logits = logits.float()
    return logits if temperature == 1.0 else logits.div_(temperature)


def by_entropy(logp: Tensor, entropy: Tensor, grad: Tensor) -> Tensor:
    """grad * dH/dlogits, from log-probs [m,V]."""
    return logp.exp() * (logp + entropy[:, None]) * -grad[:, None]


def pieces(hidden: Tensor, weight: Tensor) -> list[slice]:
    """Slices of the tokens, each with at most ELEMENTS logits or 64 tokens."""
    step = max(64, ELEMENTS // len(weight))
    return [slice(start, start + step) for start in range(0, len(hidden), step)]
