"""What a network can do is found out by doing it: a few tokens the fast way and the plain way, which must agree."""

import torch
from torch import nn

from rfpo.engines.local import attention
from rfpo.engines.local.forward import (
    Abilities,
    causal_model,
    completion_logits,
    hidden_after_own_prompts,
    hidden_after_shared_prompts,
    padded,
)

CONTEXTS = ((1, 2, 3), (1, 2, 3), (4,))
ANSWERS = ((2, 1, 3), (3, 3, 1), (1, 2, 4))
TOLERANCE = 1e-3
"""Relative to the largest number compared; what is wrong is wrong by far more."""


@torch.no_grad()
def abilities(network: nn.Module) -> Abilities:
    """Tried on a few tokens; a network that does not get the same is left to the slower ways."""
    device = next(network.parameters()).device
    size = causal_model(network).get_input_embeddings().num_embeddings
    tokens = torch.tensor(ANSWERS, device=device) % size
    contexts = [tuple(token % size for token in context) for context in CONTEXTS]
    valid = torch.ones_like(tokens, dtype=torch.bool)
    rows = padded(contexts, tokens, valid, 0)
    plain = attempt(lambda: hidden_after_own_prompts(network, rows))
    head = causal_model(network).get_output_embeddings()
    if plain is None or type(head) is not nn.Linear or head.bias is not None:
        return Abilities()
    capped = getattr(causal_model(network).config.get_text_config(), "final_logit_softcapping", None)
    linear = not capped and agree(attempt(lambda: plain.float() @ head.weight.float().t()), completion_logits(network, rows))
    shared = linear and full_attention(network) and agree(
        attempt(lambda: hidden_after_shared_prompts(network, contexts, tokens, valid)), plain.flatten(0, 1))
    return Abilities(linear_head=linear, shared_prompts=shared)


@torch.no_grad()
def settle_attention(network: nn.Module, otherwise: str) -> None:
    """Leaves a network with this engine's attention if it then gives what it gives with transformers' own plain one, and
    else puts `otherwise` in its place."""
    if causal_model(network).config._attn_implementation != attention.NAME:
        return
    ids = torch.tensor([ANSWERS[0]], device=next(network.parameters()).device)
    ids = ids % causal_model(network).get_input_embeddings().num_embeddings
    ours = attempt(lambda: network(input_ids=ids, use_cache=False).logits)
    network.set_attn_implementation("eager")
    if agree(ours, network(input_ids=ids, use_cache=False).logits):
        otherwise = attention.NAME
    network.set_attn_implementation(otherwise)


def full_attention(network: nn.Module) -> bool:
    """Every layer sees every token before it, by this engine's attention, and activations are kept: those that are made
    again in the backward pass would not be the ones that the completions read."""
    config = causal_model(network).config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    kept = not any(getattr(module, "gradient_checkpointing", False) for module in network.modules())
    return config._attn_implementation == attention.NAME and kinds == {"full_attention"} and window is None and kept


def attempt(way):
    """What it gives, or None if the network is not made for it."""
    try:
        return way()
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return None


def agree(one: torch.Tensor | None, other: torch.Tensor) -> bool:
    return one is not None and one.shape == other.shape and bool(
        (one.float() - other.float()).abs().max() <= TOLERANCE * other.float().abs().max())
