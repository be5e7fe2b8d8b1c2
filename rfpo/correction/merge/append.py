"""The correction joins the group beside the answer that it corrects."""

from dataclasses import dataclass

from rfpo.correction import Merge
from rfpo.correction._samples import plain, sample_of_correction
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class Append(Merge):
    """The first correction joins the group as one more row, at its end.

    The wrong answer stays and is pushed down beside it. With `counts_for_baseline=False` the group's baseline is that of the
    original answers (0 for a stuck group), so that the correction does not make the failures worse than they were (compare
    RLTF); a z-score has no spread then, so use a centred advantage. Without corrections the group is left as it is.
    """

    counts_for_baseline: bool = True

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        samples = plain(group)
        if not corrections or not samples:
            return samples
        return (*samples, sample_of_correction(group, corrections[0], self.counts_for_baseline))
