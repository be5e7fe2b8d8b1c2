"""Each prompt once: the answers to a prompt attend to one run of it, with gradient.

`Packed` is the view of a pass that scores or learns, `Prompts` that of the pass before sampling. The gradient is that of
running every context in front of each of its completions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rfpo.engines.local.attention import attend_causally, causal_bias, fused, is_long, padding_bias, softmax

WIDTHS, TOKENS = 8, 16
"""How many sizes of padded rows, and of whole passes, there are between one power of two and the next. A CPU makes a plan for
every new size of a bf16 product (memory.bound_product_caches), in a fifth of a millisecond or more, for 35 products a pass."""


def rounded(count: int, sizes: int) -> int:
    """`count` or a little more, of `sizes` sizes between a power of two and the next; small ones stay as they are.

    >>> [rounded(count, 8) for count in (0, 15, 16, 17, 75, 1000)]
    [0, 15, 16, 18, 80, 1024]
    """
    step = max(1, (1 << count.bit_length() - 1 if count else 1) // sizes)
    return -(-count // step) * step


def with_others(wanted: Tensor, count: int) -> Tensor:
    """[count]: the places where `wanted` [R] is True and the first of the others, in order."""
    others = (~wanted).cumsum(0) <= count - int(wanted.sum())
    return (wanted | others).nonzero().squeeze(-1)


@dataclass
class Prompts:
    """Distinct contexts [U,C], padded behind: a causal pass needs no mask against what stands behind a token."""

    ids: Tensor
    lengths: Tensor
    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, contexts: Sequence[Sequence[int]], device) -> "Prompts":
        width = rounded(max(map(len, contexts)), WIDTHS)
        ids = torch.tensor([[*context, *[0] * (width - len(context))] for context in contexts], device=device)
        return cls(ids, torch.tensor([len(context) for context in contexts], device=device))

    @property
    def positions(self) -> Tensor:
        return torch.arange(self.ids.shape[1], device=self.ids.device)[None].expand_as(self.ids)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        key = key.to(value.dtype)  # after their rotation keys may be wider than values
        self.keys.append(key)
        self.values.append(value)
        return attend_causally(query, key, value)

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
        rows = rows if self.place is None else Gather.apply(rows, self.place, self.back)
        return rows.unflatten(0, (self.groups, self.size))

    def out_of(self, grouped: Tensor) -> Tensor:
        """[U,G,...] to [N,...]."""
        rows = grouped.flatten(0, 1)
        return rows if self.back is None else rows.index_select(0, self.back)


class Gather(torch.autograd.Function):
    """rows[index], where every row is named once, but for padding that may name any; the gradient of padding is dropped.
    `back` are the places of rows 0, 1, ... in `index`, so that the backward pass gathers too and adds nothing up."""

    @staticmethod
    def forward(ctx, rows: Tensor, index: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return rows.index_select(0, index)

    @staticmethod
    def backward(ctx, grad: Tensor):
        (back,) = ctx.saved_tensors
        return grad.index_select(0, back), None, None


@dataclass(frozen=True)
class Ragged:
    """Rows of some lengths, end to end, and the same side by side [R,L], padded behind. Both ways round."""

    lengths: Tensor
    width: int
    index: Tensor | None
    back: Tensor | None

    @classmethod
    def of(cls, lengths: Sequence[int], device) -> "Ragged":
        counts, width = torch.tensor(lengths, device=device), rounded(max(lengths, default=0), WIDTHS)
        if min(lengths, default=0) == width:
            return cls(counts, width, None, None)
        inside = torch.arange(width, device=device) < counts[:, None]
        index = torch.zeros(inside.shape, dtype=torch.long, device=device)
        index[inside] = torch.arange(sum(lengths), device=device)
        return cls(counts, width, index.flatten(), inside.flatten().nonzero().squeeze(-1))

    def side_by_side(self, rows: Tensor) -> Tensor:
        """[sum of lengths, ...] to [R,L,...]."""
        rows = rows if self.index is None else Gather.apply(rows, self.index, self.back)
        return rows.unflatten(0, (len(self.lengths), self.width))

    def end_to_end(self, padded: Tensor) -> Tensor:
        """[R,L,...] to [sum of lengths, ...]."""
        rows = padded.flatten(0, 1)
        return rows if self.back is None else rows.index_select(0, self.back)


class Packed:
    """One pass over distinct contexts and the completions that follow them, all end to end: nothing is padded but the
    attention, and no context is run twice.

    `ids` and `positions` [1,L] hold the contexts first and then each row's completion without its last token, which
    predicts nothing, and then filler that nobody looks at. `predicts` are the places in L that predict the M tokens of the
    completions, row by row, and then filler too.
    """

    def __init__(self, contexts: Sequence[tuple[int, ...]], completions: Sequence[Sequence[int]], device):
        distinct = {context: number for number, context in enumerate(dict.fromkeys(contexts))}
        lengths = [len(context) for context in distinct]
        shown = [list(tokens[:-1]) for tokens in completions]
        self.owner = torch.tensor([distinct[context] for context in contexts], device=device)
        self.prompts, self.answers = Ragged.of(lengths, device), Ragged.of([len(row) for row in shown], device)
        self.grouping = Grouping.of(self.owner, len(distinct))
        self.bias = padding_bias(self.prompts.lengths, self.prompts.width)
        answers = sum(map(len, shown))
        self.parts = [sum(lengths), answers, rounded(sum(lengths) + answers, TOKENS) - sum(lengths) - answers]
        filler = [0] * self.parts[2]
        self.ids = torch.tensor([[token for row in (*distinct, *shown, filler) for token in row]], device=device)
        starts = [0] * len(lengths) + [lengths[number] for number in self.owner.tolist()]
        self.positions = torch.tensor([[start + i for start, row in zip(starts, (*distinct, *shown), strict=True)
                                        for i in range(len(row))] + filler], device=device)
        ends = torch.tensor(lengths, device=device).cumsum(0) - 1
        first, places = self.parts[0], []
        for number, row, tokens in zip(self.owner.tolist(), shown, completions, strict=True):
            places += [int(ends[number])] * bool(len(tokens)) + list(range(first, first + len(row)))
            first += len(row)
        self.predicts = torch.tensor(places + [0] * (rounded(len(places), TOKENS) - len(places)), device=device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[1,L,H,D]: the contexts among themselves, and the completions to their context and their own row so far."""
        rows = [x[0].transpose(0, 1).split(self.parts) for x in (query.to(value.dtype), key.to(value.dtype), value)]
        ahead = [self.prompts.side_by_side(x[0]).transpose(1, 2) for x in rows]
        mixed = [self.prompts.end_to_end(attend_causally(*ahead))]
        if self.answers.width:
            own = [self.answers.side_by_side(x[1]).transpose(1, 2) for x in rows]
            long = is_long(self.prompts.width + self.answers.width, value.device)
            answers = (self._repeated if long else self._shared)(*own, *ahead[1:])
            mixed.append(self.answers.end_to_end(answers))
        return torch.cat([*mixed, mixed[0].new_zeros(self.parts[2], *mixed[0].shape[1:])])[None]

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
        q = q.unflatten(1, (heads, -1)).transpose(2, 3)
        ahead = (q.reshape(groups, heads, -1, dim) @ keys.transpose(2, 3)).view(*q.shape[:-1], width)
        own = (q.reshape(groups, heads, size, -1, dim) @ k.transpose(3, 4)).view(*q.shape[:-1], length)
        if self.bias is not None:
            ahead = ahead + self.bias[:, None, None, None, None].to(ahead.dtype)
        own = own + causal_bias(length, key.device)[0, 0].to(own.dtype)
        shares = softmax(torch.cat([ahead, own], -1), value.dtype)
        mixed = (shares[..., :width].reshape(groups, heads, -1, width) @ values).view(q.shape)
        mixed = mixed + (shares[..., width:].reshape(groups, heads, size, -1, length) @ v).view(q.shape)
        return self.grouping.out_of(mixed.permute(0, 2, 4, 1, 3, 5).flatten(3, 4))
