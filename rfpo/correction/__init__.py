"""FIX: operators turn a stuck group into new attempts, merges decide who enters the group and in whose place."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from rfpo.records import Attempt, Correction, Group, Request, Sample


@dataclass(frozen=True, kw_only=True)
class Try(Request):
    """A request for a correction, with what the rollouts and the report say of it: the answer that it corrects, what the
    model was told (`Correction.help`) and how much of it (`level`), and whether that included the true place of the error.

    `role` is "answer" for what may become a correction; whatever else is asked for on the way ("reflection", "critique",
    "hint", "draft", ...) says so. `after` are the judged completions that this request follows from, first turn first.
    """

    of: Attempt
    help: str
    located: bool = False
    role: str = "answer"
    level: float = 0.0
    after: tuple[Attempt, ...] = ()
    origin: str = "corrected"


Round = tuple[Request, ...]
"""What an operator asks at once. Requests that are a `Try` are reported with the answer that they correct."""
Answers = tuple[tuple[Attempt, ...], ...]
"""For each request of the round, its judged completions."""


@runtime_checkable
class Operator(Protocol):
    """Asks for new attempts at a stuck group's prompt.

    A generator without I/O: it yields a round of requests, is sent the judged completions of each, and returns the
    corrections that succeeded (outcome SOLVED, not truncated). So several rounds, tests without a model, and any engine
    come for free.
    """

    room: ClassVar[str] = "rfpo.correction.operators"
    draws: ClassVar[bool] = True
    """False where its corrections are given whole, and no token of them is drawn."""
    reads: ClassVar[frozenset[str]] = frozenset()
    """What it needs besides the group: "offsets" (`Completion.ends` of the group's answers), "stored" (right answers of earlier
    steps: `Fixing.keep` above 0), "critic" (`Fixing.critic`), "solution" (reference answers), "hints" (`prompt.data["hints"]`),
    "worked" (worked solutions: `prompt.data["worked"]`, or the solution itself)."""

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]: ...


@runtime_checkable
class Merge(Protocol):
    """The group's samples, with its corrections among them. Called for every group, with no corrections for most.

    `tries` are all the group's judged tries, successful or not, in the order in which they were asked for; each one's
    request (`attempt.completion.request`, a `Try`) says what it was. Samples may be for other streams than "policy": those
    that they always or sometimes are for are its `streams`, and the run must have them.
    """

    room: ClassVar[str] = "rfpo.correction.merge"
    streams: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]: ...
