"""Rows to log-probs: the hidden states at the completions' tokens, and from them what the tokens cost.

Three ways to the same numbers, the first that the network can go (abilities.py): each distinct prompt run once; every row
with its own prompt in front; the network's own logits.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from rfpo.batch import Batch
from rfpo.engines.local.attention import SKIP_MASK
from rfpo.engines.local.head import TokenLogProbs
from rfpo.engines.local.memory import split
from rfpo.engines.local.prefix import Packed


@dataclass(frozen=True)
class Abilities:
    """What a network was found to be able to do. `linear_head`: its logits are its last hidden states times one matrix.
    `shared_prompts`: it runs with the attention of this engine, so that rows can share the run of their prompt."""

    linear_head: bool = False
    shared_prompts: bool = False


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


def causal_model(network: nn.Module) -> nn.Module:
    """Without the wrapping of adapters, which sit inside its layers anyway."""
    return network.get_base_model() if hasattr(network, "get_base_model") else network


def completion_logits(network: nn.Module, rows: Padded) -> Tensor:
    """[N,T,V] fp32: the logits that predict the completion's tokens; the prompt's are never made."""
    keep = rows.targets.shape[1]
    arguments = dict(input_ids=rows.ids, attention_mask=rows.attention, position_ids=rows.positions, use_cache=False)
    if "logits_to_keep" in inspect.signature(causal_model(network).forward).parameters:
        arguments["logits_to_keep"] = keep
    return network(**arguments).logits[:, -keep:].float()


def hidden_after_own_prompts(network: nn.Module, rows: Padded) -> Tensor:
    """[N,T,d]: the states that predict the completion's tokens, every row run with its prompt in front."""
    output = causal_model(network).get_decoder()(input_ids=rows.ids, attention_mask=rows.attention,
                                                 position_ids=rows.positions, use_cache=False)
    return output.last_hidden_state[:, -rows.targets.shape[1]:]


def hidden_after_shared_prompts(network: nn.Module, contexts: Sequence[tuple[int, ...]], tokens: Tensor, valid: Tensor
                                ) -> Tensor:
    """[M,d]: the same at the M valid tokens, row by row, from one pass in which each distinct context is run once; some
    states of other tokens may follow, which make the number of all one of few (prefix.rounded)."""
    lengths = valid.sum(-1).tolist()
    packed = Packed(contexts, [row[:n] for row, n in zip(tokens.tolist(), lengths, strict=True)], tokens.device)
    return run(network, packed.ids, packed.positions, packed)[0].index_select(0, packed.predicts)


def run(network: nn.Module, ids: Tensor, positions: Tensor, view) -> Tensor:
    """[N,L,d]: last hidden states of a pass whose attention is `view`'s."""
    return causal_model(network).get_decoder()(
        input_ids=ids, attention_mask=SKIP_MASK.to(ids.device), position_ids=positions, use_cache=False, view=view
    ).last_hidden_state


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
    abilities: Abilities = Abilities()

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.bf16 else torch.float32

    def autocast(self):
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16)

    def __call__(self, network: nn.Module, contexts: Sequence[tuple[int, ...]], tokens: Tensor, valid: Tensor,
                 entropy: bool = False) -> tuple[Tensor, Tensor | None]:
        """log-probs [N,T] and, when asked for, entropies [N,T], in nats; nothing to rely on where `valid` is False."""
        if not self.abilities.linear_head:
            return self._from_logits(network, padded(contexts, tokens, valid, self.pad), entropy)
        hidden = self.states(network, contexts, tokens, valid)
        return self._from_hidden(causal_model(network).get_output_embeddings().weight, hidden, tokens, valid, entropy)

    def states(self, network: nn.Module, contexts: Sequence[tuple[int, ...]], tokens: Tensor, valid: Tensor) -> Tensor:
        """[.,d]: the states that predict the M valid tokens, row by row, and any behind them."""
        with self.autocast():
            if self.abilities.shared_prompts:
                return hidden_after_shared_prompts(network, contexts, tokens, valid)
            return hidden_after_own_prompts(network, padded(contexts, tokens, valid, self.pad))[valid]

    def logits(self, network: nn.Module, rows: Padded) -> Tensor:
        """[N,T,V] fp32 at the sampling temperature, from the network's own head."""
        with self.autocast():
            logits = completion_logits(network, rows)
        return logits / self.temperature

    def micro_batches(self, batch: Batch, valid: Tensor, rows: Sequence[int], budget: int, units: bool = True
                      ) -> list[list[int]]:
        """The row numbers `rows` in micro-batches of at most `budget` tokens as this forward runs them."""
        lengths, unit, owner = row_lengths(batch, valid), batch.unit.tolist(), batch.context.tolist()
        found = split([lengths[row] for row in rows], [unit[row] if units else row for row in rows], budget,
                      [owner[row] for row in rows] if self.abilities.shared_prompts else None)
        return [[rows[i] for i in micro_batch] for micro_batch in found]

    def _from_logits(self, network: nn.Module, rows: Padded, entropy: bool) -> tuple[Tensor, Tensor | None]:
        logits = self.logits(network, rows)
        return log_probs(logits, rows.targets), entropies(logits) if entropy else None

    def _from_hidden(self, weight: Tensor, hidden: Tensor, tokens: Tensor, valid: Tensor, entropy: bool):
        """From states at the M valid tokens, and any behind them; padding gets 0."""
        targets = tokens[valid]
        targets = pad(targets, (0, len(hidden) - len(targets)))
        logp, spread = TokenLogProbs.apply(hidden, weight, targets, self.temperature, entropy, self.dtype)
        empty = logp.new_zeros(valid.shape)
        return empty.masked_scatter(valid, logp), empty.masked_scatter(valid, spread) if entropy else None


def contexts_of(batch: Batch) -> list[tuple[int, ...]]:
    """Each row's train context."""
    return [batch.contexts[index] for index in batch.context.tolist()]


def row_lengths(batch: Batch, valid: Tensor) -> list[tuple[int, int]]:
    """Tokens of each row's context and completion."""
    return list(zip((len(context) for context in contexts_of(batch)), valid.sum(-1).tolist(), strict=True))
