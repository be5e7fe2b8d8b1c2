"""All prompts in random order, then all again in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from rfpo.errors import UserError
from rfpo.records import Prompt, RandomKey


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """Epoch after epoch, each a fresh permutation of all prompts, whatever tasks they are of.

    A pure function of its arguments: draw number i belongs to epoch i // len(prompts), which is also its visit number, and
    the permutation to (seed, epoch). So drawing 4 and then 4 gives what drawing 8 gives.
    """

    def draw(self, prompts: Sequence[Prompt], *, seed: int, cursor: int, count: int) -> list[tuple[Prompt, int]]:
        """The `count` prompts from `cursor` on. Raises UserError when there are none to draw from."""
        if not prompts:
            raise UserError("tasks give 0 training prompts; there must be at least 1. Check the data file or its filter.")
        places = (divmod(i, len(prompts)) for i in range(cursor, cursor + count))
        return [(prompts[_permutation(seed, epoch, len(prompts))[place]], epoch) for epoch, place in places]


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, n: int) -> tuple[int, ...]:
    order = list(range(n))
    Random(RandomKey(seed=seed, visit=epoch, purpose="order").number()).shuffle(order)
    return tuple(order)
