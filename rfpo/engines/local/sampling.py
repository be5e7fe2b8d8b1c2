"""Continuous batching: rows that end make room for rows that wait."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from rfpo.engines.local.draws import Drawing, Drawn, Row
from rfpo.engines.local.prefix import WIDTHS, rounded, with_others

CUT_AT = 0.125
"""Share of finished rows at which they are cut out, and of free places at which they are filled: each copies the rows' keys
and values once, as much as one step reads."""
PATIENCE = 8
"""Steps between the end of a request and the moment at which what follows from it is asked for: long enough for a verifier
in another process to have judged it. The moment depends on the steps alone, so that a resumed run draws the same."""


@dataclass
class Queue:
    """Rows that wait, in order, and those that will follow from requests that have ended."""

    rows: deque[Row] = field(default_factory=deque)
    coming: deque[tuple[int, Callable[[], Iterable[Row]]]] = field(default_factory=deque)
    step: int = 0

    def later(self, follow: Callable[[], Iterable[Row]]) -> None:
        self.coming.append((self.step + PATIENCE, follow))

    def advance(self, idle: bool) -> None:
        """One step on. What is due joins the queue, in the order in which it was announced; `idle`, all of it is due."""
        self.step += 1
        while self.coming and (idle or self.coming[0][0] <= self.step):
            self.rows.extend(self.coming.popleft()[1]())

    def take(self, active: Sequence[Row], budget: int, grows: bool) -> list[Row]:
        """The next rows that fit beside the active ones, if they are many enough to be worth the while."""
        if not self.rows or (active and not grows):
            return []
        taken: list[Row] = []
        use = Use.of(active, shared=grows)
        while len(taken) < len(self.rows):
            row = self.rows[len(taken)]
            use = use.and_(row)
            if (active or taken) and use.tokens > budget:
                break
            taken.append(row)
        if len(taken) < min(len(self.rows), CUT_AT * len(active)):
            return []
        for _ in taken:
            self.rows.popleft()
        return taken


@dataclass(frozen=True)
class Use:
    """How many tokens of room rows take, padding included: their contexts, each once where it is `shared`, and their own."""

    contexts: frozenset = frozenset()
    rows: int = 0
    longest_context: int = 0
    longest: int = 0
    shared: bool = True

    @classmethod
    def of(cls, rows: Sequence[Row], shared: bool) -> "Use":
        return cls(frozenset(row.context for row in rows), len(rows), max((len(row.context) for row in rows), default=0),
                   max((row.limit for row in rows), default=0), shared)

    def and_(self, row: Row) -> "Use":
        contexts = self.contexts if row.context in self.contexts else self.contexts | {row.context}
        return Use(contexts, self.rows + 1, max(self.longest_context, len(row.context)), max(self.longest, row.limit),
                   self.shared)

    @property
    def tokens(self) -> int:
        return (len(self.contexts) if self.shared else self.rows) * self.longest_context + self.rows * self.longest


def sample_rows(queue: Queue, memory, drawing: Drawing, budget: int, finished: Callable[[Drawn], None]) -> None:
    """Draws every row of the queue to its end, and those that join it meanwhile; `finished` gets each as it ends.

    `memory` (Slots or PaddedCache) runs the network: start(contexts) and step(tokens) give the logits of every row's next
    token, keep(index) lets rows go.
    """
    logits = None
    while True:
        fresh = queue.take(drawing.rows, budget, memory.grows)
        if fresh:
            first = memory.start([row.context for row in fresh])
            logits = first if logits is None or not len(drawing) else torch.cat([logits, first])
            drawing.add(fresh)
        if len(drawing):
            last = drawing.draw(logits)
            for drawn in drawing.finish(last):
                finished(drawn)
        going = int(drawing.unfinished.sum())
        queue.advance(idle=not going and not queue.rows)
        if not going and not queue.rows:
            return
        if going < len(drawing):
            last = cut(drawing, memory, last, going)
        if len(drawing):
            logits = memory.step(last)


def cut(drawing: Drawing, memory, last: torch.Tensor, going: int) -> torch.Tensor:
    """Lets the finished rows go, once they are enough of them, but for as many as make the number of rows one of few sizes
    (prefix.rounded); their last tokens go with them."""
    finished = len(drawing) - going
    if going and (finished < max(1, CUT_AT * len(drawing)) or not getattr(memory, "compacts", True)):
        return last
    index = with_others(drawing.unfinished, rounded(going, WIDTHS))
    if going or memory.grows:
        memory.keep(index)
    drawing.keep(index)
    return last[index]
