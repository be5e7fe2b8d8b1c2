"""What keeps the engine inside its memory: micro-batches by token budget, halved when they do not fit."""

import ctypes
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from rfpo.errors import UserError

T = TypeVar("T")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def set_malloc() -> None:
    """Keep freed memory in the process (glibc only; elsewhere nothing happens).

    By default glibc gives every large block back to the kernel when it is freed. A training step frees and asks for the
    same activations over and over, and each time the kernel must fault and zero the pages again: about a fifth of the
    time of sampling with a growing key-value cache on a CPU.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # macOS, Windows, musl
        return
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def out_of_memory(error: BaseException) -> bool:
    """True for a GPU's and for a CPU allocator's way of saying it; the latter is a plain RuntimeError."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)


class TokenBudget:
    """How many tokens, padding included, are worked on at once. It only ever shrinks. `name` is what the user calls it."""

    def __init__(self, tokens: int, name: str = "tokens_per_micro_batch"):
        self.tokens, self.name = tokens, name

    def within(self, work: Callable[[], T], longest_row: int) -> T:
        """work(), done again from the start with half the budget whenever memory runs out; one line on stderr each time.

        Raises UserError when a micro-batch already holds a single row.
        """
        while True:
            try:
                return work()
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                if self.tokens <= longest_row:
                    raise UserError(f"{self.name} is {self.tokens} and a single row of {longest_row} tokens does "
                                    f"not fit in memory; it must. Lower sampling.max_tokens or set "
                                    f"model.gradient_checkpointing to true.") from error
            self._halve()

    def _halve(self) -> None:
        """Outside the except block, because the exception holds on to the tensors of the failed attempt."""
        print(f"out of memory: {self.name} {self.tokens} -> {self.tokens // 2}", file=sys.stderr)
        self.tokens //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def split(lengths: Sequence[tuple[int, int]], units: Sequence[int], budget: int) -> list[list[int]]:
    """Row numbers in micro-batches of at most `budget` tokens, padding included; at least one unit in each.

    `lengths` are (context, completion) of each row: contexts are padded on the left and completions on the right, so a
    micro-batch is as wide as its longest context and its longest completion together. Units (rows that share a number of
    `units`) stay together. Sorted by length and then by index, so that rows of like length share a micro-batch, little is
    padding, and the order depends on nothing else.

    >>> split([(1, 2), (1, 8), (1, 2)], units=[0, 1, 2], budget=6)
    [[0, 2], [1]]
    """
    members: dict[int, list[int]] = {}
    for row, unit in enumerate(units):
        members.setdefault(unit, []).append(row)
    batches: list[list[int]] = []
    context = completion = 0  # the longest of the last batch
    for rows in sorted(members.values(), key=lambda rows: (max(sum(lengths[row]) for row in rows), rows[0])):
        own_context, own_completion = (max(lengths[row][side] for row in rows) for side in (0, 1))
        wide = max(context, own_context) + max(completion, own_completion)
        if batches and (len(batches[-1]) + len(rows)) * wide <= budget:
            batches[-1] += rows
            context, completion = max(context, own_context), max(completion, own_completion)
        else:
            batches.append(rows)
            context, completion = own_context, own_completion
    return batches
