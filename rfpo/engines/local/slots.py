"""Keys and values of rows that are being drawn, for networks with this engine's attention: rows come and go at any time."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from rfpo.engines.local.attention import padding_bias, softmax
from rfpo.engines.local.forward import causal_model, run
from rfpo.engines.local.prefix import WIDTHS, Grouping, Prompts, rounded, with_others

STRIDE = 32
"""Own keys and values are given room for so many more tokens at a time, and are read in full: a product over a part of
them would first copy that part, which took three quarters of a step."""


class Slots:
    """U distinct contexts, whose keys [U,K,C,D] are there once, and R rows, each with its own [R,K,W,D] behind them.

    Every row counts its own tokens, so a row that enters needs nothing to be moved; what a row left unused is masked.
    """

    grows = True

    def __init__(self, network: nn.Module, device):
        self.network, self.device = network, device
        self.contexts: list[tuple[int, ...]] = []
        self.prompt_keys: list[Tensor] = []
        self.prompt_values: list[Tensor] = []
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        self.lengths, self.owner, self.filled = (torch.zeros(0, dtype=torch.long, device=device) for _ in range(3))
        self.last: Tensor | None = None

    @torch.inference_mode()
    def start(self, contexts: Sequence[tuple[int, ...]]) -> Tensor:
        """Adds a row for each context, which is run unless it is here already; the logits [R,V] of the first tokens."""
        fresh = list(dict.fromkeys(context for context in contexts if context not in set(self.contexts)))
        if fresh:
            self._add_prompts(fresh)
        number = {context: i for i, context in enumerate(self.contexts)}
        owner = torch.tensor([number[context] for context in contexts], device=self.device)
        self.owner = torch.cat([self.owner, owner])
        self.filled = torch.cat([self.filled, torch.zeros_like(owner)])
        rows = len(owner)
        self.keys = [torch.cat([k, k.new_zeros(rows, *k.shape[1:])]) for k in self.keys]
        self.values = [torch.cat([v, v.new_zeros(rows, *v.shape[1:])]) for v in self.values]
        self._group()
        return self._logits(self.last[owner])

    def _add_prompts(self, contexts: list[tuple[int, ...]]) -> None:
        prompts = Prompts.of(contexts, self.device)
        last = prompts.last(run(self.network, prompts.ids, prompts.positions, prompts))
        for kept in (prompts.keys, prompts.values):
            kept[:] = [x.contiguous() for x in kept]  # else every step's products would do it
        if not self.contexts:
            self.prompt_keys, self.prompt_values, self.last, self.lengths = prompts.keys, prompts.values, last, prompts.lengths
            if not self.keys:
                self.keys = [key.new_zeros(0, key.shape[1], STRIDE, key.shape[3]) for key in prompts.keys]
                self.values = [value.new_zeros(0, value.shape[1], STRIDE, value.shape[3]) for value in prompts.values]
        else:
            self.prompt_keys = [stacked(old, new) for old, new in zip(self.prompt_keys, prompts.keys, strict=True)]
            self.prompt_values = [stacked(old, new) for old, new in zip(self.prompt_values, prompts.values, strict=True)]
            self.last, self.lengths = torch.cat([self.last, last]), torch.cat([self.lengths, prompts.lengths])
        self.contexts += contexts

    def _group(self) -> None:
        self.grouping = Grouping.of(self.owner, len(self.contexts)) if len(self.owner) else None
        self.bias = padding_bias(self.lengths, self.prompt_keys[0].shape[2]) if self.contexts else None

    def keep(self, index: Tensor) -> None:
        """The rows named by `index`; contexts that none of them has go too, as far as their number keeps to few sizes."""
        width = int(self.filled[index].max()) if len(index) else 0
        room = -(-(width + 1) // STRIDE) * STRIDE
        used = torch.zeros(len(self.contexts), dtype=torch.bool, device=self.device)
        used[self.owner[index]] = True
        kept = with_others(used, rounded(int(used.sum()), WIDTHS))
        self.owner = torch.searchsorted(kept, self.owner[index])
        self.keys = [key[index, :, :room].contiguous() for key in self.keys]
        self.values = [value[index, :, :room].contiguous() for value in self.values]
        if len(kept) < len(self.contexts):
            self.contexts = [self.contexts[i] for i in kept.tolist()]
            self.prompt_keys, self.prompt_values = ([x[kept] for x in xs] for xs in (self.prompt_keys, self.prompt_values))
            self.lengths, self.last = self.lengths[kept], self.last[kept]
        self.filled = self.filled[index]
        self._group()

    @torch.inference_mode()
    def step(self, tokens: Tensor) -> Tensor:
        """The logits [R,V] that follow one more token in every row."""
        if int(self.filled.max()) == self.keys[0].shape[2]:
            self.keys = [pad(key, (0, 0, 0, STRIDE)) for key in self.keys]
            self.values = [pad(value, (0, 0, 0, STRIDE)) for value in self.values]
        heads, room = self.keys[0].shape[1:3]
        self.own_bias = padding_bias(self.filled + 1, room)
        rows = torch.arange(len(tokens), device=self.device)[:, None] * heads + torch.arange(heads, device=self.device)
        self.spot = (rows * room + self.filled[:, None]).flatten()
        positions = (self.lengths[self.owner] + self.filled)[:, None]
        hidden = run(self.network, tokens[:, None], positions, self)[:, 0]
        self.filled = self.filled + 1
        return self._logits(hidden)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """A token of each row against its prompt, together with the other rows of that prompt, and against its own row;
        one softmax over both. K heads of keys, each with Q queries."""
        heads, dim = key.shape[1], key.shape[3]
        keys, values = self.keys[layer], self.values[layer]
        keys.view(-1, dim).index_copy_(0, self.spot, key.reshape(-1, dim).to(keys.dtype))
        values.view(-1, values.shape[3]).index_copy_(0, self.spot, value.reshape(-1, values.shape[3]).to(values.dtype))
        query = query.reshape(len(query), heads, -1, dim).to(keys.dtype)
        ahead = self._by_group(query, self.prompt_keys[layer].transpose(2, 3))
        own = query @ keys.transpose(2, 3)
        if self.bias is not None:
            ahead = ahead + self.bias[self.owner, None, None].to(ahead.dtype)
        if self.own_bias is not None:
            own = own + self.own_bias[:, None, None].to(own.dtype)
        shares = softmax(torch.cat([ahead, own], -1), values.dtype)
        width = ahead.shape[-1]
        mixed = self._by_group(shares[..., :width], self.prompt_values[layer]) + shares[..., width:] @ values
        return mixed.flatten(1, 2)[:, None]

    def _by_group(self, rows: Tensor, shared: Tensor) -> Tensor:
        """[R,K,Q,E] from rows [R,K,Q,D] and what their groups share [U,K,D,E]: one product a group and head."""
        grouped = self.grouping.into(rows).transpose(1, 2)  # [U,K,G,Q,D]
        product = grouped.flatten(2, 3) @ shared
        return self.grouping.out_of(product.unflatten(2, (self.grouping.size, -1)).transpose(1, 2))

    def _logits(self, hidden: Tensor) -> Tensor:
        return causal_model(self.network).get_output_embeddings()(hidden).float()


def stacked(old: Tensor, new: Tensor) -> Tensor:
    """[U,K,C,D] and [V,K,B,D] as one, padded behind to the longer."""
    width = max(old.shape[2], new.shape[2])
    return torch.cat([pad(x, (0, 0, 0, width - x.shape[2])) for x in (old, new)])
