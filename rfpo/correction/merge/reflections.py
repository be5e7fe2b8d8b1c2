"""The reflections are trained, by what came of them."""

from dataclasses import dataclass, replace

from rfpo.checks import one_of
from rfpo.correction import Merge, Try
from rfpo.correction._samples import plain, sample_of_reflection
from rfpo.correction.merge._beside import REWARD, Beside, compared
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class Reflections(Beside):
    """Reflect, Retry, Reward (arXiv 2505.24726): a reflection is rewarded with the success of the retry that followed it.

    Each reflection is a row under its own prompt, its own tokens trained and nothing else; its reward is the share of solved
    answers among the tries whose `after` holds it (one for RRR; ERL's mean of several). All reflections of a prompt are
    compared with each other, whatever wrong answer each is about. One without a judged retry makes no row, nor does one that
    another model wrote. Neither the group's own answers nor the retries are trained: `beside` is none, and any merge that is
    put there trains them as well (append(conditioning="both") for R3L, two_turns for ERL).

    `role` is what counts as a reflection: "reflection", "critique" or "hint". `stream` is where it is trained, "policy" or
    "reflection", for a loss of its own. A prompt with one reflection only has no signal for a group-relative advantage.
    """

    beside: Merge | None = None
    role: str = "reflection"
    stream: str = "policy"

    @property
    def streams(self) -> frozenset[str]:
        return frozenset({self.stream}) - {"policy"}

    def __post_init__(self):
        super().__post_init__()
        one_of(self, "role", ("reflection", "critique", "hint"))
        one_of(self, "stream", ("policy", "reflection"))
        self.only_usual(("conditioning", "trained", "baseline", *REWARD),
                        "it trains reflections, and no correction. Set it on beside.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not plain(group):
            return ()
        asked = [attempt for attempt in tries if isinstance(attempt.completion.request, Try)]
        rows = [row for attempt in asked for row in self._row(group, attempt, asked)]
        rows = compared(rows, rows[0].context) if rows else []
        return (*self.own_rows(group, corrections, tries), *rows)

    def _row(self, group: Group, reflection: Attempt, tries: list[Attempt]) -> list[Sample]:
        """The reflection's row, if it has one."""
        followed = [attempt.solved for attempt in tries if attempt.graded and attempt.completion.request.role == "answer"
                    and any(turn is reflection for turn in attempt.completion.request.after)]
        if reflection.completion.request.role != self.role or not reflection.completion.drawn or not followed:
            return []
        reward = sum(followed) / len(followed)
        return [replace(sample_of_reflection(group, reflection, any(followed), reward), stream=self.stream)]
