"""Log-probs of more than the drawn token: what a teacher thinks likely at each place, and what the policy thinks of that."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rfpo.engines.local.forward import Forward, causal_model, entropies, padded
from rfpo.engines.local.head import TokenLogProbs, top_log_probs

Contexts = Sequence[tuple[int, ...]]


def with_candidates(forward: Forward, network: nn.Module, contexts: Contexts, tokens: Tensor, valid: Tensor, ids: Tensor,
                    entropy: bool = False) -> tuple[Tensor, Tensor | None, Tensor]:
    """What `forward` gives, log-probs [N,T] and entropies, and the log-probs [N,T,K] of the tokens `ids` [N,T,K] at the same
    places, from the same pass and with gradients."""
    targets = torch.cat([tokens[..., None], ids], -1)
    if forward.abilities.linear_head:
        hidden = forward.states(network, contexts, tokens, valid)[: int(valid.sum())]
        logp, spread = TokenLogProbs.apply(hidden, head_of(network), targets[valid], forward.temperature, entropy,
                                           forward.dtype)
        logp, spread = spread_out(logp, valid), spread_out(spread, valid) if entropy else None
    else:
        logits = forward.logits(network, padded(contexts, tokens, valid, forward.pad))
        logp = logits.gather(-1, targets) - logits.logsumexp(-1, keepdim=True)
        spread = entropies(logits) if entropy else None
    return logp[..., 0], spread, logp[..., 1:]


@torch.no_grad()
def likeliest(forward: Forward, network: nn.Module, contexts: Contexts, tokens: Tensor, valid: Tensor, count: int
              ) -> tuple[Tensor, Tensor]:
    """ids and log-probs, both [N,T,K], of the `count` likeliest tokens at each valid place; 0 elsewhere."""
    if forward.abilities.linear_head:
        hidden = forward.states(network, contexts, tokens, valid)[: int(valid.sum())]
        ids, logp = top_log_probs(hidden, head_of(network), count, forward.temperature, forward.dtype)
    else:
        logits = forward.logits(network, padded(contexts, tokens, valid, forward.pad))[valid]
        logp, ids = logits.log_softmax(-1).topk(min(count, logits.shape[-1]), -1)
    return spread_out(ids, valid), spread_out(logp, valid)


def head_of(network: nn.Module) -> Tensor:
    """[V,d]: the weights that make logits of states."""
    return causal_model(network).get_output_embeddings().weight


def spread_out(values: Tensor, valid: Tensor) -> Tensor:
    """[N,T] or [N,T,K] from values [M] or [M,K] at the valid places; 0 elsewhere."""
    mask = valid.view(*valid.shape, *(1,) * (values.dim() - 1))
    return values.new_zeros((*valid.shape, *values.shape[1:])).masked_scatter(mask, values)
