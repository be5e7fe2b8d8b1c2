"""The correction takes the place of the answer that it corrects."""

from dataclasses import dataclass

from rfpo.checks import one_of
from rfpo.correction._entering import Entering, failures_of, place_of, seated
from rfpo.correction._samples import plain
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class ReplaceOne(Entering):
    """The first correction stands in the row of the answer that it corrects.

    The group keeps its size, and the other failures their place. A group of G failures becomes one of 1 success and G - 1
    failures: with the z-score of the population the advantages are sqrt(G - 1) and -1 / sqrt(G - 1). One correction only: a
    group in which all failures were replaced would be all right, and as empty of signal as before. Without corrections the
    group is left as it is.

    `whom` says whose row it takes: "parent"; "random", a wrong answer drawn by prompt and step (GOLF, Scaf-GRPO), the parent's
    where none is wrong; or "first", the group's first answer, right or wrong (LUFFY, ARPO-GUI), so that what is left of the
    group is an unselected draw. The second row of conditioning "both" takes a further wrong answer's place (Scaf-GRPO's
    6 + 1 + 1), and stands at the end where there is none.
    """

    whom: str = "parent"

    def __post_init__(self):
        super().__post_init__()
        one_of(self, "whom", ("parent", "random", "first"))

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not corrections or not plain(group):
            return plain(group)
        first, wrong = corrections[0], failures_of(group)
        parent = place_of(group, first.of)
        place = {"parent": parent, "random": (wrong or [parent])[0], "first": 0}[self.whom]
        free = [place, *(other for other in wrong if other != place)]
        return seated(self.originals(group, (first,)), [(place, self.rows(group, first))], free)
