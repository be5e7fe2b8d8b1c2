"""The corrections are imitated, in a loss of their own."""

from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import one_of, require
from rfpo.correction._entering import distinct_first, judged
from rfpo.correction._samples import plain
from rfpo.correction.merge._beside import Beside
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class ExtraLoss(Beside):
    """The group stays as it is, and the corrections go to the stream "imitation": `Run.streams` holds its loss and coefficient.

    Their reward is that of any correction, 1 without discounts; the stream's advantage must not be relative to a group, since
    the rows of a prompt are all right (ReLIFT, arXiv 2506.07527; ExPO, 2507.02834; CHORD, 2508.11408; SRFT, 2506.19767).

    against   what the reward is measured by: "nothing", or "first_turn", the mean of the group's own first answers (RLTF-SD,
              2602.02482: A = R(y1) - mean R(y0)), kept as the part "first_turn". It is the reward before any shaping
    instead   where corrections came, they are all that is trained of the group (SuperRL, 2506.01096; HPT, 2509.04419)
    most      corrections at most, distinct texts first; none for all of them
    all_tries judged tries that failed join too, with the reward 0 (minus the first turn's)
    beside    the merge of the group's own rows, as in Beside
    """

    streams: ClassVar[frozenset[str]] = frozenset({"imitation"})
    against: str = "nothing"
    instead: bool = False
    most: int | None = None
    all_tries: bool = False

    def __post_init__(self):
        super().__post_init__()
        one_of(self, "against", ("nothing", "first_turn"))
        for name in ("instead", "all_tries"):
            require(self, name, lambda x: isinstance(x, bool), "true or false", True)
        require(self, "most", lambda x: x is None or (isinstance(x, int) and x >= 1), "at least 1, or none for all", 1)
        self.only_usual(("baseline",), "the corrections do not enter the group. See against, or set beside.baseline.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not plain(group):
            return ()
        chosen = judged(group, corrections, tries) if self.all_tries else distinct_first(corrections)[: self.most]
        own = () if self.instead and corrections else self.own_rows(group, corrections, tries)
        return (*own, *(self._imitated(group, row) for each in chosen for row in self.rows(group, each)))

    def _imitated(self, group: Group, row: Sample) -> Sample:
        parts = dict(row.rewards)
        if self.against == "first_turn" and group.solved_share:
            parts["first_turn"] = -group.solved_share
        return replace(row, stream="imitation", reward=sum(parts.values()), rewards=parts)
