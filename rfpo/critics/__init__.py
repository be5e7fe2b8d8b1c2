"""Critics: who else than the policy is asked, for a critique, a hint or a judgement. Asked synchronously, in order."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from rfpo.records import Request


@runtime_checkable
class Critic(Protocol):
    """Writes texts for the requests whose `to` is "critic". A frozen dataclass of plain values, so that a run file holds it.

    `answer` gives `request.n` texts for each request, in order; fewer, or (), where some could not be had. The same request
    is answered alike in a resumed run: what cannot be drawn again from the request's key is kept on disk. How a critic draws
    (temperature, max_tokens) is its own; the request's `sampling` is the policy's. It writes whole texts: a request with an
    opening or a prefix is not for a critic.

    `check` raises UserError for what is missing on this machine, such as a key. It is called before the first token of a run,
    and not when a run file is only read.
    """

    room: ClassVar[str] = "rfpo.critics"

    def answer(self, requests: Sequence[Request]) -> list[tuple[str, ...]]: ...

    def check(self) -> None:
        return None
