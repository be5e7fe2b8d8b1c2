"""What keeps the engine inside its memory: micro-batches by token budget, halved when they do not fit."""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from rfpo.errors import UserError

T = TypeVar("T")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
PRODUCTS = 128
"""Sizes of bf16 products that a CPU keeps in mind: more than a decoding step or a micro-batch has."""
PRODUCT_CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
"""That of oneDNN, and that of torch in front of it."""


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


def bound_product_caches() -> None:
    """Keep the last PRODUCTS sizes of bf16 products, and not 1,024, unless the environment says how many.

    A CPU makes a plan for each new size of a bf16 product, and two caches keep it, of a quarter of a MiB a size each: with
    completions of many lengths a process grew by half a gibibyte in 20 steps. It must be said before the first such product.
    """
    for name in PRODUCT_CACHES:
        os.environ.setdefault(name, str(PRODUCTS))


def out_of_memory(error: BaseException) -> bool:
    """True for a GPU's and for a CPU allocator's way of saying it; the latter is a plain RuntimeError."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)


class TokenBudget:
    """How many tokens, padding included, are worked on at once. It only ever shrinks. `name` is what the user calls it."""

    def __init__(self, tokens: int, name: str = "tokens_per_micro_batch"):
        self.tokens, self.name = tokens, name

    def within(self, work: Callable[[], T], longest_row: Callable[[], int]) -> T:
        """work(), done again from the start with half the budget whenever memory runs out; one line on stderr each time.

        Raises UserError when a micro-batch already holds a single row.
        """
        while True:
            try:
                return work()
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                if self.tokens <= longest_row():
                    raise UserError(f"{self.name} is {self.tokens} and a single row of {longest_row()} tokens does "
                                    f"not fit in memory; it must. Lower sampling.max_tokens or set "
                                    f"model.gradient_checkpointing to true.") from error
            self._halve()

    def _halve(self) -> None:
        """Outside the except block, because the exception holds on to the tensors of the failed attempt."""
        print(f"out of memory: {self.name} {self.tokens} -> {self.tokens // 2}", file=sys.stderr)
        self.tokens //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def split(lengths: Sequence[tuple[int, int]], units: Sequence[int], budget: int, owners: Sequence[int] | None = None
          ) -> list[list[int]]:
    """Row numbers in micro-batches of at most `budget` tokens, padding included; at least one unit in each.

    `lengths` are (context, completion) of each row. Units (rows that share a number of `units`) stay together. Without
    `owners` every row is run with its own context in front, and rows of like length go together, so that little is padding.
    With them, rows of one owner have one context, which is run once for all of them in a micro-batch: the rows of an owner
    then go together or the rows of like length, whichever runs fewer tokens in all. The order depends on nothing else.

    >>> split([(1, 2), (1, 8), (1, 2)], units=[0, 1, 2], budget=6)
    [[0, 2], [1]]
    """
    members: dict[int, list[int]] = {}
    for row, unit in enumerate(units):
        members.setdefault(unit, []).append(row)
    by_length = sorted(members.values(), key=lambda rows: (max(sum(lengths[row]) for row in rows), rows[0]))
    owners = range(len(lengths)) if owners is None else owners
    ways = [fill(by_length, lengths, owners, budget)]
    if len(set(owners)) < len(lengths):
        ways.append(fill(whole_groups(by_length, lengths, owners, budget), lengths, owners, budget))
    return min(ways, key=lambda way: sum(size(rows, lengths, owners) for rows in way))


def whole_groups(units: Sequence[Sequence[int]], lengths, owners, budget: int) -> list[list[int]]:
    """The units of one owner together, and as one wherever they fit into the budget, shortest first."""
    members: dict[int, list[Sequence[int]]] = {}
    for rows in units:
        members.setdefault(owners[rows[0]], []).append(rows)
    groups = sorted(members.values(), key=lambda parts: (max(sum(lengths[row]) for rows in parts for row in rows), parts[0][0]))
    found: list[list[int]] = []
    for parts in groups:
        group = sorted(row for rows in parts for row in rows)
        found += [group] if size(group, lengths, owners) <= budget else list(parts)
    return found


def fill(ordered: Sequence[Sequence[int]], lengths, owners, budget: int) -> list[list[int]]:
    """Units one after the other into micro-batches, each filled to the budget."""
    batches: list[list[int]] = []
    for rows in ordered:
        if batches and size([*batches[-1], *rows], lengths, owners) <= budget:
            batches[-1] += rows
        else:
            batches.append(list(rows))
    return batches


def size(rows: Sequence[int], lengths, owners) -> int:
    """Tokens that a micro-batch runs, padding included: its distinct contexts and its completions, each as wide as the
    longest of them."""
    contexts = len({owners[row] for row in rows}) * max(lengths[row][0] for row in rows)
    return contexts + len(rows) * max(lengths[row][1] for row in rows)
