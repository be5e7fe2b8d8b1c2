"""Where prompts come from and how answers are judged. No torch here: the verifier's worker processes import this room."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from rfpo.records import Prompt, Verdict


@runtime_checkable
class Task(Protocol):
    """A source of prompts with a verifier. A frozen dataclass of plain values, so that a worker process can rebuild it.

    `name` is the prompts' `task`. Training and evaluation prompts never share a text. `verify` may raise or hang: then the
    answer is UNGRADED. A task whose `isolated` is False promises that its verifier is short, pure Python of ours, and is
    called in the trainer's own process. The fields of an isolated task must be plain JSON, and if it
    has a method `warm_up()`, its worker process calls that once, before the clock of the first verdict starts.
    """

    room: ClassVar[str] = "rfpo.tasks"
    isolated: ClassVar[bool]

    @property
    def name(self) -> str: ...
    def training_prompts(self) -> Sequence[Prompt]: ...
    def evaluation_prompts(self) -> Sequence[Prompt]: ...
    def verify(self, prompt: Prompt, text: str) -> Verdict: ...
