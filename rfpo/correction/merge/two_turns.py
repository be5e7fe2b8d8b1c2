"""First and second attempts are both trained, each turn as a group."""

from dataclasses import dataclass, replace

from rfpo.checks import require
from rfpo.correction._entering import Entering, judged, now, shown_to
from rfpo.correction._samples import plain
from rfpo.correction.merge._beside import compared
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class TwoTurns(Entering):
    """A policy of two attempts: the group's answers are the first turn, the judged tries the second, each in its own prompt.

        reward of the second turn = r2 + bonus * (r2 - r1)      r1: the answer that it follows; r: 1 for SOLVED, 0 for WRONG
        reward of the first turn  = r1 + discount * mean r2     over the second attempts at it (RLTF, 2602.02482: .1)

    First attempts are compared with first ones, second ones with second ones, all of a prompt's, whatever first attempt is in
    their prompt. SCoRe (arXiv 2409.12917) has two stages: in `stage` 1 only the second turn is trained, without a bonus, and
    the first kept near the reference; in `stage` 2 both are trained, with the bonus; how large it is, is UNVERIFIED. iGRPO
    (2602.09000) is stage 2 without a bonus. The first `pinned` share of a run is stage 1, whatever `stage` says of the rest.

    In stage 1 the first attempts go to the stream "first_turn" with the reward 0, so that an advantage relative to their group
    leaves them nothing but that stream's regularizer: give it a kl_to_reference of its own strength.

    `distilled`: every solved second attempt is also a row of the stream "imitation" under the original prompt (ERL, 2602.13949:
    max(reward, 0) as its advantage). A group without tries has the first turn alone.
    """

    conditioning: str = "guided"
    bonus: float = 0.0
    stage: int = 2
    pinned: float = 0.0
    discount: float = 0.0
    distilled: bool = False

    @property
    def streams(self) -> frozenset[str]:
        return frozenset({"first_turn"} if self.stage == 1 else ()) | ({"imitation"} if self.distilled else set())

    def __post_init__(self):
        super().__post_init__()
        require(self, "bonus", lambda x: x >= 0, "at least 0", 1.0)
        require(self, "stage", lambda x: x in (1, 2) and isinstance(x, int), "1 or 2", 2)
        require(self, "pinned", lambda x: 0 <= x < 1, "at least 0 and below 1", 0.5)
        require(self, "discount", lambda x: 0 <= x <= 1, "from 0 to 1", 0.1)
        require(self, "distilled", lambda x: isinstance(x, bool), "true or false", True)
        self.only_usual(("baseline",), "each turn is compared with itself.")
        self.only_usual(("progress",), "bonus rewards the progress.")
        if self.stage == 1 or self.pinned:
            self.only_usual(("failures",), "in stage 1 the first attempts are not blamed, but all kept near the reference.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not plain(group):
            return ()
        second = judged(group, corrections, tries)
        rows = [self._shaped(group, each, row) for each in second for row in self.rows(group, each)]
        rows = compared(rows, shown_to(second[0].by)) if rows else []
        copies = [copy for each in second for copy in self._copy(group, each)] if self.distilled else []
        return (*self._first(group, second), *rows, *copies)

    def _is_pinned(self, group: Group) -> bool:
        """Whether the group is in stage 1."""
        return self.stage == 1 or group.progress < self.pinned

    def _first(self, group: Group, second: tuple[Correction, ...]) -> list[Sample]:
        rows = self.originals(group, second)
        if not self._is_pinned(group):
            return [self._ahead(row, first, second) for row, first in zip(rows, group.graded, strict=True)]
        return [replace(row, stream="first_turn", reward=0.0, rewards={"verifier": 0.0}) for row in rows]

    def _ahead(self, row: Sample, first: Attempt, second: tuple[Correction, ...]) -> Sample:
        """The first turn's row with its share of what came after; equal answers share their second attempts."""
        solved = [float(each.by.solved) for each in second if each.of.completion.text == first.completion.text]
        later = self.discount * sum(solved) / len(solved) if solved else 0.0
        return replace(row, reward=row.reward + later, rewards={**row.rewards, "later": later}) if later else row

    def _shaped(self, group: Group, correction: Correction, row: Sample) -> Sample:
        gain = float(correction.by.solved) - float(correction.of.solved)
        bonus = 0.0 if self._is_pinned(group) else now(self.bonus, group) * gain
        return replace(row, reward=row.reward + bonus, rewards={**row.rewards, "bonus": bonus}) if bonus else row

    def _copy(self, group: Group, correction: Correction) -> list[Sample]:
        if not correction.by.solved:
            return []
        row = replace(self.row(group, correction), stream="imitation")
        return [replace(row, reward=max(row.reward, 0.0))]
