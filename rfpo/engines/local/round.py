"""One call of `sample`: requests to rows, rows to completions, and what follows from them."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rfpo.engines.local.draws import Drawing, Drawn, Row
from rfpo.engines.local.padded_cache import PaddedCache
from rfpo.engines.local.sampling import Queue, sample_rows
from rfpo.engines.local.slots import Slots
from rfpo.engines.protocols import Follow
from rfpo.records import Completion, Request

if TYPE_CHECKING:
    from rfpo.engines.local.engine import LocalEngine


class Round:
    """Survives running out of memory: what was drawn stays, and the rest is drawn again with less at once."""

    def __init__(self, engine: "LocalEngine", requests: list[Request], finished: Callable[[Completion], None] | None,
                 follow: Follow | None):
        self.engine, self.requests, self.finished, self.follow = engine, requests, finished, follow
        self.rows = [row for index, request in enumerate(requests) for row in engine.rows(index, request)]
        self.drawn: dict[tuple[int, int], Completion] = {}
        self.count: dict[int, int] = defaultdict(int)
        self.queue = Queue()

    def run(self) -> list[list[Completion]]:
        for index in range(len(self.requests)):
            self._end_if_empty(index)
        self.engine.sampling_budget.within(
            self._draw, lambda: max((len(row.context) + row.limit for row in self.rows), default=0))
        return [[self.drawn[index, sample] for sample in range(request.n)] for index, request in enumerate(self.requests)]

    def _draw(self) -> None:
        engine, forward = self.engine, self.engine.forward
        self.queue = Queue(deque(row for row in self.rows if (row.index, row.sample) not in self.drawn),
                           deque((0, follow) for _, follow in self.queue.coming))
        with engine.sampler() as network:
            shared = forward.abilities.shared_prompts
            memory = Slots(network, forward.device) if shared else PaddedCache(network, forward.device, forward.pad)
            sample_rows(self.queue, memory, Drawing(engine.text, forward.device), engine.sampling_budget.tokens, self._keep)

    def _keep(self, drawn: Drawn) -> None:
        index, sample = drawn.row.index, drawn.row.sample
        self.drawn[index, sample] = completion = self.engine.completion(drawn)
        if self.finished:
            self.finished(completion)
        self.count[index] += 1
        if self.count[index] == self.requests[index].n:
            self._ended(index)

    def _ended(self, index: int) -> None:
        """All completions of a request are there; what follows from them is asked for a little later."""
        if self.follow is None:
            return
        answer = self.follow(index, [self.drawn[index, sample] for sample in range(self.requests[index].n)])
        if answer is not None:
            self.queue.later(lambda: self._new_rows(answer()))

    def _end_if_empty(self, index: int) -> None:
        """A request of no completions has them all."""
        if not self.requests[index].n:
            self._ended(index)

    def _new_rows(self, requests: Iterable[Request]) -> list[Row]:
        first = len(self.requests)
        self.requests += requests
        rows = [row for index in range(first, len(self.requests)) for row in self.engine.rows(index, self.requests[index])]
        self.rows += rows
        for index in range(first, len(self.requests)):
            self._end_if_empty(index)
        return rows
