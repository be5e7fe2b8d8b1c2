"""The same number throughout."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """value, at every progress."""

    value: float

    def at(self, progress: float) -> float:
        return self.value
