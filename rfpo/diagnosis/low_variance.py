"""The group's scores are low and hardly differ."""

from dataclasses import dataclass
from statistics import fmean, pstdev

from rfpo.checks import require
from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis._graded import check_min_graded, graded
from rfpo.records import Group


@dataclass(frozen=True, kw_only=True)
class LowVariance(Diagnosis):
    """Stuck when the scores' standard deviation is below `std` and their mean below `mean` (ARPO-GUI, arXiv 2505.16282).

    Reads the verifier's scores of the graded answers (`Verdict.score`, 1 for full marks), not outcomes and not shaped rewards:
    for verifiers that give part marks. The deviation is that of the population, as in the released code. `min_graded` is that
    of all_wrong.

    Degenerate: where every score is 0 or 1, it is all_wrong for groups of up to 398 answers, since one right answer among n
    deviates by sqrt(n - 1) / n.
    """

    std: float = 0.05
    mean: float = 0.2
    min_graded: int = 2

    def __post_init__(self):
        for name, example in (("std", 0.05), ("mean", 0.2)):
            require(self, name, lambda x: x > 0, "positive", example)
        check_min_graded(self)

    def __call__(self, group: Group) -> bool:
        scores = [attempt.verdict.score for attempt in graded(group, self.min_graded)]
        return bool(scores) and pstdev(scores) < self.std and fmean(scores) < self.mean
