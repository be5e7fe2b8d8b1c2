"""All prompts in random order, then all again in another."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random

from rfpo.errors import UserError
from rfpo.records import Prompt, RandomKey


def draw(prompts: Sequence[Prompt], seed: int, cursor: int, count: int) -> list[tuple[Prompt, int]]:
    """The next `count` prompts, of whatever tasks they are, each with its visit number.

    `cursor` counts the prompts drawn before, over the whole run, and is all the state there is: drawing 4 and then 4 gives
    what drawing 8 gives. Draw i belongs to epoch i // len(prompts), which is its visit number, and each epoch is a
    permutation of all prompts that (seed, epoch) decide; so a prompt drawn twice in a step makes two groups. Raises
    UserError when there are no prompts.
    """
    if not prompts:
        raise UserError("tasks give 0 training prompts; there must be at least 1. Check the data file or its filter.")
    places = (divmod(i, len(prompts)) for i in range(cursor, cursor + count))
    return [(prompts[_permutation(seed, epoch, len(prompts))[place]], epoch) for epoch, place in places]


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, n: int) -> tuple[int, ...]:
    order = list(range(n))
    Random(RandomKey(seed=seed, visit=epoch, purpose="order").number()).shuffle(order)
    return tuple(order)
