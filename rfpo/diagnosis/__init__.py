"""RECOGNISE: is there nothing to be learned from this group? Reads outcomes (and scores, where the method says so), never
shaped rewards.

Two triggers of the literature are no piece of this room, because they are not about a group: that help begins after a share of
the run is `Help.after`, and a second turn for every prompt is `always` with an operator that asks for one.
"""

from typing import ClassVar, Protocol, runtime_checkable

from rfpo.records import Group


@runtime_checkable
class Diagnosis(Protocol):
    """True for a stuck group. UNGRADED answers never count as wrong."""

    room: ClassVar[str] = "rfpo.diagnosis"

    def __call__(self, group: Group) -> bool: ...
