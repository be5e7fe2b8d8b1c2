"""Keys and values in the network's own cache, for networks that do not run with this engine's attention."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from rfpo.engines.local.forward import left_pad, positions_of


class PaddedCache:
    """Rows in step, padded in front. They start together; they leave where the cache can be indexed by row."""

    grows = False

    def __init__(self, network: nn.Module, device, pad: int):
        self.network, self.device, self.pad = network, device, pad

    @torch.inference_mode()
    def start(self, contexts: Sequence[tuple[int, ...]]) -> Tensor:
        """The logits [R,V] of the first tokens. Each distinct context is run once and its cache handed to all of its rows.
        A cache that cannot be indexed by row (linear attention, say) is filled by every row for itself, and its rows stay
        to the end."""
        distinct = list(dict.fromkeys(contexts))
        owner = {context: i for i, context in enumerate(distinct)}
        index = torch.tensor([owner[context] for context in contexts], device=self.device)
        output, attention = self._run(distinct)
        self.compacts = can_select(output.past_key_values)
        if self.compacts and len(distinct) < len(contexts):
            output.past_key_values.batch_select_indices(index)
        elif not self.compacts and len(distinct) < len(contexts):
            output, attention = self._run(contexts)
            index = torch.arange(len(contexts), device=self.device)
        self.cache, self.attention = output.past_key_values, attention[index]
        self.next_position = self.attention.sum(-1)
        return output.logits[:, -1][index].float()

    def _run(self, contexts: Sequence[tuple[int, ...]]):
        ids, attention = left_pad(contexts, self.pad, self.device)
        return self.network(input_ids=ids, attention_mask=attention, position_ids=positions_of(attention), use_cache=True,
                            logits_to_keep=1), attention

    @torch.inference_mode()
    def step(self, tokens: Tensor) -> Tensor:
        """The logits [R,V] that follow one more token in every row."""
        self.attention = torch.cat([self.attention, self.attention.new_ones(len(tokens), 1)], 1)
        output = self.network(input_ids=tokens[:, None], attention_mask=self.attention,
                              position_ids=self.next_position[:, None], past_key_values=self.cache, use_cache=True)
        self.next_position = self.next_position + 1
        self.cache = output.past_key_values
        return output.logits[:, -1].float()

    @torch.inference_mode()
    def keep(self, index: Tensor) -> None:
        self.cache.batch_select_indices(index)
        self.attention, self.next_position = self.attention[index], self.next_position[index]


def can_select(cache) -> bool:
    return isinstance(cache, DynamicCache) and all(isinstance(layer, DynamicLayer) for layer in cache.layers)
