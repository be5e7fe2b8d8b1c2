"""Drawing completions in batches with a key-value cache."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from rfpo.engines.local.forward import Forward, left_pad, positions_of
from rfpo.engines.local.text import Text
from rfpo.records import Finish, RandomKey, Request

COMPACT_AT = 0.125
"""Share of finished rows at which they are cut out of the batch. Cutting copies the cache once, as every step does."""


@dataclass(frozen=True)
class Row:
    """One completion to draw: the sample-th of the index-th request, of at most `limit` tokens."""

    index: int
    sample: int
    request: Request
    context: tuple[int, ...]
    limit: int

    def uniforms(self) -> np.ndarray:
        """[limit] in [0,1): one number a token, from a counter-based generator keyed by the sample, so that neither the
        layout of the batch nor the order of the work changes a draw."""
        return uniforms(self.request.key.for_sample(self.request.key.sample + self.sample), self.limit)


@dataclass(frozen=True)
class Drawn:
    """A finished row."""

    row: Row
    tokens: tuple[int, ...]
    logps: tuple[float, ...]
    finish: Finish


def uniforms(key: RandomKey, count: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=key.number())).random(count, dtype=np.float32)


def draw(logits: Tensor, temperature: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens [R] and their log-probs [R], from logits [R,V] fp32, temperatures [R] and uniforms [R].

    Inverse CDF: the first token at which the cumulative probability, divided by its last element, exceeds the uniform; a
    token of probability 0 is never drawn. Temperature 0 takes the likeliest token, with its log-prob at temperature 1.
    """
    greedy = temperature == 0
    logp = torch.log_softmax(logits / torch.where(greedy, 1.0, temperature)[:, None], -1)
    cumulative = logp.exp().cumsum(-1)
    tokens = torch.searchsorted(cumulative / cumulative[:, -1:], uniform[:, None], right=True).squeeze(-1)
    tokens = torch.where(greedy, logp.argmax(-1), tokens.clamp(max=logits.shape[-1] - 1))
    return tokens, logp.gather(-1, tokens[:, None]).squeeze(-1)


class Running:
    """The rows that are still being drawn: their cache, and the logits [R,V] of each one's next token."""

    def __init__(self, network: nn.Module, rows: Sequence[Row], forward: Forward):
        self.network, self.rows, self.step = network, list(rows), 0
        device, longest = forward.device, max(row.limit for row in rows)
        self.temperature = torch.tensor([row.request.sampling.temperature for row in rows], device=device)
        self.limit = torch.tensor([row.limit for row in rows], device=device)
        drawn = np.stack([np.pad(row.uniforms(), (0, longest - row.limit)) for row in rows], axis=1)
        self.uniforms = torch.from_numpy(drawn).to(device)
        self.tokens = torch.zeros(len(rows), longest, dtype=torch.long, device=device)
        self.logps = torch.zeros(len(rows), longest, device=device)
        self.unfinished = torch.ones(len(rows), dtype=torch.bool, device=device)
        self._prefill(longest, forward)

    def _prefill(self, longest: int, forward: Forward) -> None:
        """Each distinct context is run once and its cache handed to all of its rows. A cache that cannot be indexed by row
        (linear attention, say) is filled by every row for itself, and its rows stay to the end."""
        contexts = list(dict.fromkeys(row.context for row in self.rows))
        owner = {context: i for i, context in enumerate(contexts)}
        index = torch.tensor([owner[row.context] for row in self.rows], device=forward.device)
        output, attention = self._run_contexts(contexts, forward)
        self.compacts = can_select(output.past_key_values)
        if self.compacts and len(contexts) < len(self.rows):
            output.past_key_values.batch_select_indices(index)
        elif not self.compacts and len(contexts) < len(self.rows):
            output, attention = self._run_contexts([row.context for row in self.rows], forward)
            index = torch.arange(len(self.rows), device=forward.device)
        self.cache, self.logits = output.past_key_values, output.logits[:, -1][index].float()
        attention = attention[index]
        self.next_position = attention.sum(-1)
        self.width = attention.shape[1]
        self.attention = torch.cat([attention, attention.new_ones(len(self.rows), longest)], 1)

    def _run_contexts(self, contexts: Sequence[Sequence[int]], forward: Forward):
        ids, attention = left_pad(contexts, forward.pad, forward.device)
        return self.network(input_ids=ids, attention_mask=attention, position_ids=positions_of(attention), use_cache=True,
                            logits_to_keep=1), attention

    def draw(self) -> None:
        """One more token for every row."""
        tokens, logps = draw(self.logits, self.temperature, self.uniforms[self.step])
        self.tokens[:, self.step], self.logps[:, self.step] = tokens, logps
        self.step += 1

    def forward(self) -> None:
        """The logits after the last drawn token."""
        self.width += 1
        output = self.network(input_ids=self.tokens[:, self.step - 1, None], attention_mask=self.attention[:, : self.width],
                              position_ids=self.next_position[:, None], past_key_values=self.cache, use_cache=True)
        self.next_position = self.next_position + 1
        self.cache, self.logits = output.past_key_values, output.logits[:, -1].float()

    def finish(self, text: Text, ends: Tensor) -> Iterator[Drawn]:
        """The rows that end with the token just drawn."""
        ended = torch.isin(self.tokens[:, self.step - 1], ends) & self.unfinished
        for i, row in enumerate(self.rows):
            if row.request.sampling.stop and self.unfinished[i] and not ended[i]:
                ended[i] = text.stopped(self.tokens[i, : self.step].tolist(), row.request.sampling.stop)
        done = (ended | (self.limit <= self.step)) & self.unfinished
        self.unfinished = self.unfinished & ~done
        stopped = ended.tolist()
        for i in done.nonzero().squeeze(-1).tolist():
            yield Drawn(self.rows[i], tuple(self.tokens[i, : self.step].tolist()), tuple(self.logps[i, : self.step].tolist()),
                        Finish.STOP if stopped[i] else Finish.LENGTH)

    def compact(self) -> None:
        """Finished rows leave the batch, once there are enough of them to be worth the copy."""
        finished = len(self.rows) - int(self.unfinished.sum())
        if not self.compacts or finished < max(1, COMPACT_AT * len(self.rows)):
            return
        index = self.unfinished.nonzero().squeeze(-1)
        self.rows = [self.rows[i] for i in index.tolist()]
        self.cache.batch_select_indices(index)
        self.uniforms = self.uniforms[:, index]
        for name in ("temperature", "limit", "tokens", "logps", "unfinished", "next_position", "attention"):
            setattr(self, name, getattr(self, name)[index])


def can_select(cache) -> bool:
    return isinstance(cache, DynamicCache) and all(isinstance(layer, DynamicLayer) for layer in cache.layers)


@torch.inference_mode()
def sample_rows(network: nn.Module, rows: Sequence[Row], forward: Forward, text: Text,
                finished: Callable[[Drawn], None]) -> None:
    """Draws every row to its end; `finished` gets each as it ends."""
    ends = torch.tensor(sorted(text.eos), dtype=torch.long, device=forward.device)
    with forward.autocast():  # around the whole loop: it keeps its bf16 copies of the weights until it ends
        running = Running(network, rows, forward)
        while True:
            running.draw()
            for drawn in running.finish(text, ends):
                finished(drawn)
            if not running.unfinished.any():
                return
            running.compact()
            running.forward()
