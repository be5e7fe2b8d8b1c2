"""A right answer of an earlier step comes back."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._begun import chance, placed, standing
from rfpo.correction._tries import Told, request_of, successes
from rfpo.records import Correction, Group, Opening, Stored


@dataclass(frozen=True, kw_only=True)
class StoredSuccess(Operator):
    """The prompt's own right answers of earlier steps stand in for wrong ones; nothing is drawn (ARPO, arXiv 2505.16282;
    ExGRPO, arXiv 2510.02245; SPEAR, arXiv 2509.22601).

    The stored tokens are given as they were. `choice` is the order in which they are taken: "random", "newest", or
    "likeliest" by the mean of the log-probs that they had when they were drawn (those without any come last; ExGRPO takes the
    trajectory of least entropy). The verifier judges them again, and the first `count` that it accepts become corrections of
    origin "replayed". `corrected=False` leaves out answers that were themselves helped.

    How many are kept of a prompt is `Fixing.keep`. A prompt that was never solved asks nothing.
    """

    choice: str = "random"
    count: int = 1
    corrected: bool = True
    draws: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset({"stored"})

    def __post_init__(self):
        one_of(self, "choice", ("random", "newest", "likeliest"))
        require(self, "count", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 1)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        places = standing(group)
        asked = tuple(
            replace(request_of(self, group, places[number % len(places)], number, Told(group.prompt.content, "nothing")),
                    opening=Opening(tokens=kept.tokens, ends=True), origin="replayed")
            for number, kept in enumerate(self._ordered(group) if places else ()))
        found = successes(self, asked, (yield asked)) if asked else ()
        return placed(found, places, self.count)

    def _ordered(self, group: Group) -> Sequence[Stored]:
        distinct: dict[tuple[int, ...], Stored] = {}
        for answer in reversed(group.history.stored):  # the newest first
            if answer.tokens and (self.corrected or answer.origin == "sampled"):
                distinct.setdefault(answer.tokens, answer)
        kept = list(distinct.values())
        if self.choice == "random":
            numbers = sorted(range(len(kept)), key=lambda number: chance(self, group, number, "order"))
            return [kept[number] for number in numbers]
        return sorted(kept, key=_mean_logp, reverse=True) if self.choice == "likeliest" else kept


def _mean_logp(answer: Stored) -> float:
    known = [logp for logp in answer.logps if logp is not None]
    return sum(known) / len(known) if known else float("-inf")
