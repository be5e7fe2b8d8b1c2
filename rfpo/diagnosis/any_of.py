"""One of several diagnoses holds."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.diagnosis import Diagnosis
from rfpo.records import Group


@dataclass(frozen=True, kw_only=True)
class AnyOf(Diagnosis):
    """Stuck when at least one of `diagnoses` says so: any_of([low_variance, all_truncated]).

    Degenerate: with one diagnosis it is that one. Raises UserError without any, which would never be met.
    """

    diagnoses: tuple[Diagnosis, ...]

    def __post_init__(self):
        require(self, "diagnoses", lambda x: len(x) >= 1, "at least one diagnosis", ("all_wrong",))

    def __call__(self, group: Group) -> bool:
        return any(diagnosis(group) for diagnosis in self.diagnoses)
