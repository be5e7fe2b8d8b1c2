"""Attention as this engine runs it: one function, registered with transformers, that knows about shared prompts.

Measured on 2 cores (docs/performance.md): on a CPU plain matrix products beat the fused kernel's forward and backward up to
about SHORT keys; and G answers that read their prompt's keys together read them once and not G times.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

NAME = "rfpo"
SHORT = 320
"""Keys up to which a CPU is faster without the fused kernel."""
SKIP_MASK = torch.zeros(1, 1, 1, 1)
"""Given to a model in place of its attention mask where a view knows better: transformers passes a mask of four dimensions
through as it is and makes none of its own."""


class View(Protocol):
    """What the tokens of one forward pass attend to, beside themselves."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[N,T,H,D] from scaled queries [N,H,T,D] and the pass's own keys and values [N,K,T,D]; H is a multiple of K."""
        ...


def attention(module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float | None = None,
              dropout: float = 0.0, view: View | None = None, **more) -> tuple[Tensor, None]:
    """The function that transformers calls in every layer. Dropout is never on (loading.without_dropout). Raises ValueError
    for a layer that caps its scores or has attention sinks."""
    if any(more.get(name) is not None for name in ("softcap", "s_aux")):
        raise ValueError("this attention neither caps its scores nor has sinks")
    query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if view is None:
        return attend(query, key, value, attention_mask), None
    return view.attend(module.layer_idx, query, key, value), None


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """[N,T,H,D]: plain attention with an additive bias that broadcasts to [N,1,T,S]. Queries are scaled already."""
    if is_long(key.shape[2], key.device):
        return fused(query, key, value, bias)
    rows, heads, length, _ = query.shape
    folded = query.reshape(rows, key.shape[1], -1, query.shape[-1])  # the queries that share a head's keys, together
    scores = (folded @ key.transpose(2, 3)).view(rows, key.shape[1], -1, length, key.shape[2])
    shares = softmax(scores if bias is None else scores + bias[:, :, None], value.dtype)
    return (shares.flatten(2, 3) @ value).view(rows, heads, length, -1).transpose(1, 2)


def attend_causally(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """[N,T,H,D]: every token to itself and those before it."""
    if is_long(key.shape[2], key.device):
        return fused(query, key, value, causal=True)
    return attend(query, key, value, causal_bias(key.shape[2], key.device))


def fused(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None, causal: bool = False) -> Tensor:
    """[N,T,H,D] by torch's fused kernels."""
    query, key = query.to(value.dtype), key.to(value.dtype)
    grouped = query.shape[1] != key.shape[1]
    bias = None if bias is None else bias.to(value.dtype)
    mixed = scaled_dot_product_attention(query, key, value, bias, is_causal=causal, scale=1.0, enable_gqa=grouped)
    return mixed.transpose(1, 2)


def is_long(keys: int, device: torch.device) -> bool:
    return device.type != "cpu" or keys > SHORT


def softmax(scores: Tensor, dtype: torch.dtype) -> Tensor:
    """Summed in fp32 whatever the scores are in. Where there is a backward pass to come, fp32 shares are not kept for it if
    bf16 ones are what is used; where there is none, a CPU is faster with a second pass that rounds them."""
    if scores.requires_grad and scores.dtype == dtype:
        return torch.softmax(scores, -1)
    return torch.softmax(scores, -1, dtype=torch.float32).to(dtype)


def causal_bias(length: int, device) -> Tensor:
    """[1,1,T,T]: 0 at and before a token, -inf after it."""
    return torch.full((length, length), -torch.inf, device=device).triu(1)[None, None]


def padding_bias(lengths: Tensor, width: int) -> Tensor | None:
    """[N,width]: 0 on the first `lengths` tokens, -inf on the padding behind them; None when there is none."""
    if int(lengths.min()) == width:
        return None
    padding = torch.arange(width, device=lengths.device) >= lengths[:, None]
    return torch.zeros(padding.shape, device=lengths.device).masked_fill(padding, -torch.inf)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, eager_mask)
