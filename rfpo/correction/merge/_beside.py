"""What the merges share that make rows of their own beside the group's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rfpo.correction import Merge
from rfpo.correction._entering import Entering, zeroed
from rfpo.correction.merge.leave import Leave
from rfpo.records import Attempt, Correction, Group, Sample

REWARD = ("progress", "help_discount", "leak_penalty")

AMONG_THEMSELVES = -1
"""Ends the key of rows that are compared with each other and not with the group. It is no token, so that no context of a group
is equal to such a key."""


@dataclass(frozen=True, kw_only=True)
class Beside(Entering):
    """`beside` is the merge that makes the group's own rows, by its own options: as a rule `leave`, which leaves them as they
    are; none, and the group's own answers are not trained at all. `failures="zeroed"` holds for its rows too; every other
    option is that of the rows that this merge makes itself.
    """

    beside: Merge | None = Leave()

    def own_rows(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...]) -> tuple[Sample, ...]:
        """The rows of the merge beside."""
        rows = self.beside(group, corrections, tries) if self.beside else ()
        return tuple(map(zeroed, rows)) if self.failures == "zeroed" and corrections else tuple(rows)


def compared(rows: Sequence[Sample], with_context: tuple[int, ...]) -> list[Sample]:
    """The rows as a group of their own within their prompt's: those that get an equal context are compared."""
    return [replace(row, compared_in=(*with_context, AMONG_THEMSELVES)) for row in rows]
