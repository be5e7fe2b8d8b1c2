"""Critics: who else than the policy is asked, for a critique, a hint or a judgement. Asked synchronously, in order."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from rfpo.records import Request


@runtime_checkable
class Critic(Protocol):
    """Writes texts for the requests whose `to` is "critic". A frozen dataclass of plain values, so that a run file holds it.

    `answer` gives `request.n` texts for each request, in order. The same request is answered alike in a resumed run: what
    cannot be drawn again from the request's key is kept on disk.
    """

    room: ClassVar[str] = "rfpo.critics"

    def answer(self, requests: Sequence[Request]) -> list[tuple[str, ...]]: ...
