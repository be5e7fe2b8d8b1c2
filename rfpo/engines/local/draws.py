"""Rows to draw, and the draw of their next tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from rfpo.engines.local.text import Text
from rfpo.records import Finish, RandomKey, Request


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


class Drawing:
    """The rows in hand, each as far as it has come: `count` [R] tokens of `tokens` and `logps` [R,L] are drawn."""

    def __init__(self, text: Text, device):
        self.text, self.device = text, device
        self.ends = torch.tensor(sorted(text.eos), dtype=torch.long, device=device)
        self.rows: list[Row] = []
        self.temperature, self.uniforms, self.logps = (torch.zeros(0, *shape, device=device) for shape in ((), (0,), (0,)))
        self.limit, self.count = (torch.zeros(0, dtype=torch.long, device=device) for _ in range(2))
        self.tokens = torch.zeros(0, 0, dtype=torch.long, device=device)
        self.unfinished = torch.zeros(0, dtype=torch.bool, device=device)

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, rows: Sequence[Row]) -> None:
        limits = [row.limit for row in rows]
        width = max(self.tokens.shape[1], *limits)
        drawn = np.stack([np.pad(row.uniforms(), (0, width - row.limit)) for row in rows])
        fresh = torch.tensor(limits, device=self.device)
        self.rows += rows
        self.temperature = torch.cat([self.temperature, torch.tensor(
            [row.request.sampling.temperature for row in rows], dtype=torch.float32, device=self.device)])
        self.limit, self.count = torch.cat([self.limit, fresh]), torch.cat([self.count, torch.zeros_like(fresh)])
        self.uniforms = torch.cat([widened(self.uniforms, width), torch.from_numpy(drawn).to(self.device)])
        self.tokens = torch.cat([widened(self.tokens, width), fresh.new_zeros(len(rows), width)])
        self.logps = torch.cat([widened(self.logps, width), torch.zeros(len(rows), width, device=self.device)])
        self.unfinished = torch.cat([self.unfinished, torch.ones_like(fresh, dtype=torch.bool)])

    def draw(self, logits: Tensor) -> Tensor:
        """[R]: one more token for every row, from the logits [R,V]. A finished row's is not kept."""
        at = torch.where(self.unfinished, self.count, 0)[:, None]
        drawn, logps = draw(logits, self.temperature, self.uniforms.gather(1, at).squeeze(1))
        kept = self.unfinished[:, None]
        self.tokens.scatter_(1, at, torch.where(kept, drawn[:, None], self.tokens[:, :1]))
        self.logps.scatter_(1, at, torch.where(kept, logps[:, None], self.logps[:, :1]))
        self.count += self.unfinished
        return drawn

    def finish(self, last: Tensor) -> Iterator[Drawn]:
        """The rows that end with the tokens just drawn."""
        ended = torch.isin(last, self.ends) & self.unfinished
        for i, row in enumerate(self.rows):
            if row.request.sampling.stop and self.unfinished[i] and not ended[i]:
                ended[i] = self.text.stopped(self.tokens[i, : self.count[i]].tolist(), row.request.sampling.stop)
        done = (ended | (self.limit <= self.count)) & self.unfinished
        self.unfinished = self.unfinished & ~done
        stopped, counts = ended.tolist(), self.count.tolist()
        for i in done.nonzero().squeeze(-1).tolist():
            yield Drawn(self.rows[i], tuple(self.tokens[i, : counts[i]].tolist()), tuple(self.logps[i, : counts[i]].tolist()),
                        Finish.STOP if stopped[i] else Finish.LENGTH)

    def keep(self, index: Tensor) -> None:
        """The rows named by `index`, and no others."""
        self.rows = [self.rows[i] for i in index.tolist()]
        for name in ("temperature", "limit", "count", "uniforms", "tokens", "logps", "unfinished"):
            setattr(self, name, getattr(self, name)[index])


def widened(rows: Tensor, width: int) -> Tensor:
    return pad(rows, (0, width - rows.shape[1]))
