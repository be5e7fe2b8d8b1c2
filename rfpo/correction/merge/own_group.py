"""The helped answers are a second group, beside the first."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.correction._entering import judged, shown_to
from rfpo.correction._samples import plain
from rfpo.correction.merge._beside import Beside, compared
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class OwnGroup(Beside):
    """The judged tries, right and wrong, form a group of their own under their own prompt: repairing is trained as a task.

    The originals stay, compared with each other as before (GOLF's refinement task, arXiv 2603.04597, with
    `beside=replace_one(whom="random")`; iGRPO, 2602.09000). Tries of one prompt, and one opening, are compared with each other;
    with `across` all of a group's tries are, whatever each was drawn under, as it must be where every wrong answer has a prompt
    of its own (ERL, 2602.13949). A try that is compared with no other has the advantage 0. With conditioning "original" the
    second group is trained under the first one's prompt, and still compared within itself.

    Tries without a success are trained too: they are all wrong, and without signal. `beside` as in Beside.
    """

    conditioning: str = "guided"
    across: bool = False

    def __post_init__(self):
        super().__post_init__()
        require(self, "across", lambda x: isinstance(x, bool), "true or false", True)
        self.only_usual(("baseline",), "a group of tries has no originals.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not plain(group):
            return ()
        second: list[Sample] = []
        entering = judged(group, corrections, tries)
        for each in entering:
            second += compared(self.rows(group, each), shown_to((entering[0] if self.across else each).by))
        return (*self.own_rows(group, corrections, tries), *second)
