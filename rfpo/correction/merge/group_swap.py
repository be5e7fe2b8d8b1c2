"""The helped answers take the place of the whole group."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.correction._entering import Entering, judged, shown_to
from rfpo.correction._samples import plain
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class GroupSwap(Entering):
    """The group becomes the tries under the prompt of the first correction, right and wrong, compared with each other.

    The prompt is what the model was shown: the context, and an opening where the answer has one. An opening is a part of the
    answer and trained with it, unless trained is "drawn" (BREAD, arXiv 2506.17211; Hint-GRPO, 2503.23905).

    With conditioning "guided" they are trained under that prompt, on-policy (GHPO, arXiv 2507.10628; SAGE, 2602.03143; HiLL,
    2604.00698; NuRL, 2509.25666, whose conditioning is UNVERIFIED); with "original" under the group's own (HINT, 2510.09388).
    Without a success the group stays as it is. Ask for a group's worth of answers in one round, and return every success of it:
    a solved try that was not returned, or was refused for a leak, stays out. Where all tries are solved there is no signal
    for a group-relative advantage.

    `begun`: only tries that go on from an opening do; an answer without one, such as the explanation that later openings are
    cut from, leaves the group as it is (EvoCoT, arXiv 2508.07809, which trains no explanation).

    `fill`: the first original answers keep as many places as the group has answers beyond the tries (NuRL: G - 1 tries and one
    plain answer), compared with them. More tries than answers make the group larger.
    """

    conditioning: str = "guided"
    fill: bool = False
    begun: bool = False

    def __post_init__(self):
        super().__post_init__()
        for name in ("fill", "begun"):
            require(self, name, lambda x: isinstance(x, bool), "true or false", True)
        self.only_usual(("baseline",) if self.fill else ("baseline", "failures"), "the group's own answers are gone.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        samples = plain(group)
        if not corrections or not samples or (self.begun and not _has_opening(corrections[0].by)):
            return samples
        shown = shown_to(corrections[0].by)
        entering = [each for each in judged(group, corrections, tries) if shown_to(each.by) == shown]
        left = max(0, len(samples) - len(entering)) if self.fill else 0
        return (*self.originals(group, entering)[:left], *self.rows_of_all(group, entering))


def _has_opening(attempt: Attempt) -> bool:
    return attempt.completion.drawn < len(attempt.completion.tokens)
