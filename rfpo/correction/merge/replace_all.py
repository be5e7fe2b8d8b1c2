"""Every wrong answer that was corrected gives its place to its correction."""

from dataclasses import dataclass

from rfpo.correction._entering import Entering, place_of, seated
from rfpo.correction._samples import plain
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class ReplaceAll(Entering):
    """Each wrong answer with a correction is replaced by it: the first one, where it has several.

    A group whose every failure was corrected is all right, and a baseline of its own rows gives it the advantage 0: the signal
    vanishes again. So it needs a baseline from elsewhere: a constant one, or none. `baseline="originals"` is none either,
    since no original may be left: fewer than two of them give 0. To keep a group-relative advantage, use append or replace_k.
    Of equal wrong answers the first is replaced. The second row of conditioning "both" stands at the end.
    """

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not corrections or not plain(group):
            return plain(group)
        entering: dict[int, Correction] = {}
        for correction in corrections:
            entering.setdefault(place_of(group, correction.of), correction)
        chosen = list(entering.values())
        firsts, rest = [], []
        for place, correction in entering.items():
            first, *others = self.rows(group, correction)
            firsts.append((place, (first,)))
            rest += others
        return (*seated(self.originals(group, chosen), firsts, list(entering)), *rest)
