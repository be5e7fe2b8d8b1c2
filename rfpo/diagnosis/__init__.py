"""RECOGNISE: is there nothing to be learned from this group? Reads outcomes, never shaped rewards."""

from typing import ClassVar, Protocol, runtime_checkable

from rfpo.records import Group


@runtime_checkable
class Diagnosis(Protocol):
    """True for a stuck group. UNGRADED answers never count as wrong."""

    room: ClassVar[str] = "rfpo.diagnosis"

    def __call__(self, group: Group) -> bool: ...
