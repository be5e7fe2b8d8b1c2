"""Runs for the tests of this room, and a piece and a task such as a user brings."""

from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.config.run import Run
from rfpo.correction import Operator
from rfpo.critics import Critic
from rfpo.engines.settings import Model
from rfpo.recipes import recipe
from rfpo.records import Prompt, Verdict
from rfpo.tasks.column_addition import ColumnAddition


def complete(name: str = "rfpo", **changes) -> Run:
    """A recipe that names a model and a task, so that nothing is missing."""
    return replace(recipe(name), model=Model(path="somewhere"), tasks=(ColumnAddition(),), **changes)


def with_objective(name: str = "rfpo", **changes) -> Run:
    run = complete(name)
    return replace(run, objective=replace(run.objective, **changes))


@dataclass(frozen=True)
class OwnSurrogate:
    """A user's surrogate."""

    strength: float = 1.0
    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, log_ratio, policy, batch):
        return -self.strength * log_ratio * batch.advantage


@dataclass(frozen=True)
class OwnList(OwnSurrogate):
    names: list[str] = ()


@dataclass(frozen=True)
class NotASurrogate:
    strength: float = 1.0


@dataclass(frozen=True)
class OwnTask:
    """A user's task, with or without solutions."""

    label: str = "own"
    solutions: bool = False
    isolated: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return self.label

    def training_prompts(self):
        return (Prompt("own/1", "say a", self.label, "a" if self.solutions else None),)

    def evaluation_prompts(self):
        return (Prompt("own/2", "say b", self.label, "b" if self.solutions else None),)

    def verify(self, prompt, text):
        return Verdict.solved(text) if text == prompt.solution else Verdict.wrong(text)


@dataclass(frozen=True)
class OwnOperator(Operator):
    """A user's operator, which asks nothing; `what` is what it would read."""

    what: str = "critic"

    @property
    def reads(self):
        return frozenset({self.what})

    def correct(self, group):
        yield from ()
        return ()


@dataclass(frozen=True)
class OwnCritic(Critic):
    """A user's critic."""

    def answer(self, requests):
        return [("It is wrong.",) * request.n for request in requests]
