"""The correction takes the place of the answer that it corrects."""

from dataclasses import dataclass

from rfpo.correction import Merge
from rfpo.correction._samples import plain, sample_of, sample_of_correction
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class ReplaceOne(Merge):
    """The first correction stands in the row of the answer that it corrects.

    The group keeps its size, and the other failures their place. A group of G failures becomes one of 1 success and G - 1
    failures: with the z-score of the population the advantages are sqrt(G - 1) and -1 / sqrt(G - 1). One correction only: a
    group in which all failures were replaced would be all right, and as empty of signal as before. Without corrections the
    group is left as it is.
    """

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not corrections or not plain(group):
            return plain(group)
        place = group.graded.index(corrections[0].of)
        rows = [sample_of(group, attempt) for attempt in group.graded]
        return (*rows[:place], sample_of_correction(group, corrections[0]), *rows[place + 1 :])
