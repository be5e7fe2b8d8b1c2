"""Rows to log-probs: one forward pass over [context, completion], logits at the completion's positions only."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rfpo.batch import Batch


@dataclass(frozen=True)
class Padded:
    """Contexts padded on the left and completions on the right, so that every completion begins at the same column.

    ids [N,C+T-1] (the last token predicts nothing), attention and positions likewise; targets [N,T].
    """

    ids: Tensor
    attention: Tensor
    positions: Tensor
    targets: Tensor


def left_pad(contexts: Sequence[Sequence[int]], pad: int, device) -> tuple[Tensor, Tensor]:
    """[N,C] ids and attention mask."""
    width = max(len(context) for context in contexts)
    ids = torch.tensor([[pad] * (width - len(c)) + list(c) for c in contexts], device=device)
    attention = torch.tensor([[0] * (width - len(c)) + [1] * len(c) for c in contexts], device=device)
    return ids, attention


def positions_of(attention: Tensor) -> Tensor:
    """[N,L]: a token's place in its own row; 0 on the padding in front."""
    return (attention.cumsum(-1) - 1).clamp(min=0)


def padded(contexts: Sequence[Sequence[int]], tokens: Tensor, valid: Tensor, pad: int) -> Padded:
    ids, attention = left_pad(contexts, pad, tokens.device)
    targets = torch.where(valid, tokens, pad)
    attention = torch.cat([attention, valid.long()], 1)[:, :-1]
    return Padded(ids=torch.cat([ids, targets], 1)[:, :-1], attention=attention, positions=positions_of(attention),
                  targets=targets)


def completion_logits(network: nn.Module, rows: Padded) -> Tensor:
    """[N,T,V] fp32: the logits that predict the completion's tokens. The prompt's are never made: with a vocabulary of
    150,000 they would be the largest tensor of the step."""
    keep = rows.targets.shape[1]
    arguments = dict(input_ids=rows.ids, attention_mask=rows.attention, position_ids=rows.positions, use_cache=False)
    if takes_logits_to_keep(network):
        arguments["logits_to_keep"] = keep
    return network(**arguments).logits[:, -keep:].float()


def takes_logits_to_keep(network: nn.Module) -> bool:
    inner = network.get_base_model() if hasattr(network, "get_base_model") else network
    return "logits_to_keep" in inspect.signature(inner.forward).parameters


def log_probs(logits: Tensor, targets: Tensor) -> Tensor:
    """[N,T]: log softmax at the targets, without a second [N,T,V] tensor to keep for the backward pass."""
    return logits.gather(-1, targets[..., None]).squeeze(-1) - logits.logsumexp(-1)


def entropies(logits: Tensor) -> Tensor:
    """[N,T] nats: H = log Z - sum_v p_v logit_v."""
    return logits.logsumexp(-1) - (logits.softmax(-1) * logits).sum(-1)


@dataclass(frozen=True)
class Forward:
    """How the log-probs of a policy are taken: fp32, or bf16 autocast over fp32 weights; always an fp32 softmax."""

    pad: int
    temperature: float
    device: str
    bf16: bool = False

    def autocast(self):
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16)

    def __call__(self, network: nn.Module, contexts: Sequence[Sequence[int]], tokens: Tensor, valid: Tensor,
                 entropy: bool = False) -> tuple[Tensor, Tensor | None]:
        """log-probs [N,T] and, when asked for, entropies [N,T], in nats; junk where `valid` is False."""
        rows = padded(contexts, tokens, valid, self.pad)
        with self.autocast():
            logits = completion_logits(network, rows)
        logits = logits / self.temperature
        return log_probs(logits, rows.targets), entropies(logits) if entropy else None


def contexts_of(batch: Batch) -> list[tuple[int, ...]]:
    """Each row's train context."""
    return [batch.contexts[index] for index in batch.context.tolist()]


def row_lengths(batch: Batch, valid: Tensor) -> list[tuple[int, int]]:
    """Tokens of each row's context and completion."""
    return list(zip((len(context) for context in contexts_of(batch)), valid.sum(-1).tolist(), strict=True))
