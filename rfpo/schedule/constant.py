"""The same number throughout."""

from dataclasses import dataclass

from rfpo.schedule import Schedule


@dataclass(frozen=True)
class Constant(Schedule):
    """The same number throughout: at(progress) = value."""

    value: float

    def at(self, progress: float) -> float:
        return self.value
