"""Numbers that change during a run. Any float field of a piece may hold one; the loop resolves it before each step."""

from typing import ClassVar, Protocol, runtime_checkable


@runtime_checkable
class Schedule(Protocol):
    """`at(progress)` with progress in [0, 1]: the share of the token budget, or of the steps where there is none."""

    room: ClassVar[str] = "rfpo.schedule"

    def at(self, progress: float) -> float: ...
