"""Several diagnoses hold together."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.diagnosis import Diagnosis
from rfpo.records import Group


@dataclass(frozen=True, kw_only=True)
class AllOf(Diagnosis):
    """Stuck when every one of `diagnoses` says so: all_of([each_wrong, sometimes]) is a share of the groups with a failure.

    Degenerate: with one diagnosis it is that one. Raises UserError without any, which would be met by every group.
    """

    diagnoses: tuple[Diagnosis, ...]

    def __post_init__(self):
        require(self, "diagnoses", lambda x: len(x) >= 1, "at least one diagnosis", ("all_wrong",))

    def __call__(self, group: Group) -> bool:
        return all(diagnosis(group) for diagnosis in self.diagnoses)
