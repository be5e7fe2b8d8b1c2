"""Which prompt gets how many rollouts."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from rfpo.allocation._mixed import mixed
from rfpo.records import Prompt


@runtime_checkable
class Allocation(Protocol):
    """The next `count` prompts, each with its visit number.

    `cursor` counts the prompts drawn before, over the whole run; it is all that a checkpoint must hold. A prompt that is
    drawn twice has two visit numbers, hence two groups.
    """

    room: ClassVar[str] = "rfpo.allocation"

    def draw(self, prompts: Sequence[Prompt], *, seed: int, cursor: int, count: int) -> list[tuple[Prompt, int]]: ...


__all__ = ["Allocation", "mixed"]
