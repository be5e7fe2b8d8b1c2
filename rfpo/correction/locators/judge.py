"""The run's critic is asked where the answer goes wrong."""

from dataclasses import dataclass
from typing import ClassVar

from rfpo.correction.locators.critique import Critique


@dataclass(frozen=True, kw_only=True)
class Judge(Critique):
    """The run's critic (`fixing.critic`) is asked for the first wrong step of the answer.

    As `critique` in all else. How the critic draws is its own: `max_tokens` counts only where it heeds the request's.
    """

    to: ClassVar[str] = "critic"
    reads: ClassVar[frozenset[str]] = frozenset({"critic"})
