"""What a step works with."""

from dataclasses import dataclass
from typing import Protocol

from rfpo.config.run import Run
from rfpo.engines.protocols import Learner, Sampler
from rfpo.records import Prompt
from rfpo.training.evaluate import Judge


class Engine(Sampler, Learner, Protocol):
    """One object that samples and learns."""


class Screen(Protocol):
    """Where progress is shown."""

    def phase(self, name: str, total: int | None = None) -> None: ...
    def extend(self, n: int) -> None: ...
    def advance(self, n: int = 1) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass(frozen=True)
class Bench:
    """The run, the engine, the judge of answers, the training prompts, and the screen."""

    run: Run
    engine: Engine
    judge: Judge
    prompts: tuple[Prompt, ...]
    screen: Screen
