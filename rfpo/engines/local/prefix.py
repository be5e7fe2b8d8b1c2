"""Each prompt once: the answers to a prompt attend to one run of it, with gradient.

`Prompts` is the view of the pass over the distinct contexts, which keeps their keys and values; `Answers` that of the pass
over the completions, which reads them. The gradient is that of running every context in front of each of its completions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rfpo.engines.local.attention import attend, causal_bias, fused, is_long, padding_bias, softmax


@dataclass
class Prompts:
    """Distinct contexts [U,C], padded behind: a causal pass needs no mask against what stands behind a token."""

    ids: Tensor
    lengths: Tensor
    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, contexts: Sequence[Sequence[int]], device) -> "Prompts":
        width = max(map(len, contexts))
        ids = torch.tensor([[*context, *[0] * (width - len(context))] for context in contexts], device=device)
        return cls(ids, torch.tensor([len(context) for context in contexts], device=device))

    @property
    def positions(self) -> Tensor:
        return torch.arange(self.ids.shape[1], device=self.ids.device)[None].expand_as(self.ids)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        key = key.to(value.dtype)  # after their rotation keys may be wider than values
        self.keys.append(key)
        self.values.append(value)
        if is_long(key.shape[2], key.device):
            return fused(query, key, value, causal=True)
        return attend(query, key, value, causal_bias(key.shape[2], key.device))

    def last(self, hidden: Tensor) -> Tensor:
        """[U,d]: at each context's last token."""
        return hidden[torch.arange(len(hidden), device=hidden.device), self.lengths - 1]


@dataclass(frozen=True)
class Grouping:
    """N rows in U groups of at most G. `place` [U*G] is the row at each place, a repeated one where a group is smaller;
    `back` [N] each row's place. Both None when the rows are in their places already."""

    groups: int
    size: int
    place: Tensor | None = None
    back: Tensor | None = None

    @classmethod
    def of(cls, owner: Tensor, groups: int) -> "Grouping":
        """`owner` [N]: each row's group."""
        counts = torch.bincount(owner, minlength=groups)
        size = int(counts.max())
        order = torch.argsort(owner, stable=True)
        rank = torch.arange(len(owner), device=owner.device) - (counts.cumsum(0) - counts)[owner[order]]
        place = owner.new_zeros(groups * size)
        back = torch.empty_like(owner)
        places = owner[order] * size + rank
        place[places], back[order] = order, places
        if len(owner) == groups * size and torch.equal(back, torch.arange(len(owner), device=owner.device)):
            return cls(groups, size)
        return cls(groups, size, place, back)

    def into(self, rows: Tensor) -> Tensor:
        """[N,...] to [U,G,...]."""
        return (rows if self.place is None else rows[self.place]).unflatten(0, (self.groups, self.size))

    def out_of(self, grouped: Tensor) -> Tensor:
        """[U,G,...] to [N,...]."""
        rows = grouped.flatten(0, 1)
        return rows if self.back is None else rows[self.back]


@dataclass(frozen=True)
class Answers:
    """Completions [N,T], padded behind, each after its prompt: a token sees all of its prompt and its own row so far."""

    prompts: Prompts
    owner: Tensor
    grouping: Grouping
    bias: Tensor | None

    @classmethod
    def of(cls, prompts: Prompts, owner: Tensor) -> "Answers":
        return cls(prompts, owner, Grouping.of(owner, len(prompts.ids)), padding_bias(prompts.lengths, prompts.ids.shape[1]))

    def positions(self, length: int) -> Tensor:
        return self.prompts.lengths[self.owner, None] + torch.arange(length, device=self.owner.device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        before = self.prompts.keys[layer], self.prompts.values[layer]
        key = key.to(value.dtype)
        if is_long(before[0].shape[2] + key.shape[2], key.device):
            return self._repeated(query, key, value, *before)
        return self._shared(query, key, value, *before)

    def _repeated(self, query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Every row with its prompt's keys in front: for the fused kernel, which wants rows that are alike."""
        length = key.shape[2]
        own = causal_bias(length, key.device)
        before = own.new_zeros(1, 1, length, keys.shape[2])
        if self.bias is not None:
            before = before + self.bias[self.owner, None, None]
            own = own.expand(len(key), 1, length, length)
        return fused(query, torch.cat([keys[self.owner], key], 2), torch.cat([values[self.owner], value], 2),
                     torch.cat([before, own], 3))

    def _shared(self, query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The queries of a group against its prompt's keys in one product, and against their own rows' in another; one
        softmax over both.

        U groups of G rows, K heads of keys with R queries each: q [U,K,G,R,T,D], the prompt's keys [U,K,C,D].
        """
        groups, size, heads, width = self.grouping.groups, self.grouping.size, key.shape[1], keys.shape[2]
        length, dim = query.shape[2:]
        q, k, v = (self.grouping.into(x).transpose(1, 2) for x in (query, key, value))  # [U,H,G,T,D]
        q = q.unflatten(1, (heads, -1)).transpose(2, 3).to(value.dtype)
        ahead = (q.reshape(groups, heads, -1, dim) @ keys.transpose(2, 3)).view(*q.shape[:-1], width)
        own = (q.reshape(groups, heads, size, -1, dim) @ k.transpose(3, 4)).view(*q.shape[:-1], length)
        if self.bias is not None:
            ahead = ahead + self.bias[:, None, None, None, None].to(ahead.dtype)
        own = own + causal_bias(length, key.device)[0, 0].to(own.dtype)
        shares = softmax(torch.cat([ahead, own], -1), value.dtype)
        mixed = (shares[..., :width].reshape(groups, heads, -1, width) @ values).view(q.shape)
        mixed = mixed + (shares[..., width:].reshape(groups, heads, size, -1, length) @ v).view(q.shape)
        return self.grouping.out_of(mixed.permute(0, 2, 4, 1, 3, 5).flatten(3, 4))
