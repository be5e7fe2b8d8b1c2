"""The answer begins with a part of the worked reference, and the model goes on."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from math import cos, pi

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._begun import chance, standing
from rfpo.correction._reference import UNITS, beginning, worked
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, request_of, say_once, successes
from rfpo.records import Attempt, Correction, Group, Opening

NEEDS, MAY = (("question",), ("hint",)), ("attempt", "answer")
SCHEDULES = {"fixed": "one or more", "levels": "one or more", "uniform": "two", "cosine": "two", "bisect": "none"}
"""How many shares each takes."""


@dataclass(frozen=True, kw_only=True)
class ReferencePrefix(Operator):
    """The first part of the worked reference is put there, and the model continues it.

        schedule   the part shown is
        fixed      shares[i] in the i-th of as many equal stretches of the run (QuestA, arXiv 2507.13266: .5, then .25)
        levels     every one of the shares, in the same round (StepHint, arXiv 2507.02841)
        uniform    drawn from U(low, high) for each try, (low, high) = shares; low falls to 0 along a cosine (compare
                   Prefix-RFT, arXiv 2507.01679)
        cosine     p, which falls from shares[0] to shares[1] along a cosine; with `chunks` it is Binomial(chunks, p) / chunks,
                   drawn for each try (UFT, arXiv 2505.16984: 5 chunks, .95 to .05)
        bisect     found by halving, in at most `rounds` rounds: more where none of a round's n is right, less where all are,
                   until some are (BREAD, arXiv 2506.17211: the shortest beginning that makes the group mixed)

    A cosine has reached its end at the share `until` of the run. With `alike` a share is drawn once for all tries of the round.
    Each round draws `n` answers for each share; every success is a correction, with bisect those of the mixed round, else of
    the least share that had any. `unit` measures the shares; a share below 1 in steps never holds the last one. `level` is the
    share.

    `place="answer"` begins the answer with it: its tokens are part of the answer and have no log-prob, so that a merge or a
    weight can leave them out (`Batch.known`). `place="prompt"` puts it into the prompt, with the instruction to build on it
    (POPE, arXiv 2601.18779; `reference_prefix.txt`), and nothing of it is trained.

    The wrong answers in turn are what is corrected; with trigger "always" and none wrong, the last graded one. What is not
    stated in the papers' summaries that this follows (the exact law of U's lower end, what BREAD halves) is UNVERIFIED.
    G2RPO-A adapts the length by the accuracies of the last steps, which an operator does not see. A prompt without a
    reference is skipped.

    Degenerate: a share of 0 is a plain draw.
    """

    schedule: str = "fixed"
    shares: tuple[float, ...] = (0.5,)
    n: int = 1
    unit: str = "steps"
    chunks: int = 0
    until: float = 1.0
    rounds: int = 4
    alike: bool = False
    place: str = "answer"
    templates: str = "prose"

    def __post_init__(self):
        one_of(self, "schedule", SCHEDULES)
        wanted = SCHEDULES[self.schedule]
        require(self, "shares", lambda x: all(0 <= share <= 1 for share in x) and _fits(len(x), wanted),
                f"{wanted} from 0 to 1 with schedule {self.schedule!r}", {"two": (0.95, 0.05), "none": ()}.get(wanted, (0.5,)))
        if self.schedule == "uniform":
            require(self, "shares", lambda x: x[0] <= x[1], "the lower bound before the upper", (0.2, 0.95))
        one_of(self, "unit", UNITS)
        one_of(self, "place", ("answer", "prompt"))
        for name, least in (("n", 1), ("rounds", 1), ("chunks", 0)):
            require(self, name, lambda x, least=least: isinstance(x, int) and x >= least, f"a whole number from {least} on", 4)
        require(self, "until", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.6)
        require(self, "alike", lambda x: isinstance(x, bool), "true or false", True)
        if self.place == "prompt":
            load(self.templates, "reference_prefix", NEEDS, MAY)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"worked"})

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        reference, places = worked(group.prompt), standing(group)
        if not reference:
            say_once(f"reference_prefix: a prompt of task {group.prompt.task!r} has no solution to begin with; it is skipped.")
        if not reference or not places:
            return ()
        if self.schedule == "bisect":
            return (yield from self._bisect(group, places))
        asked = tuple(self._try(group, places, number, share) for number, share in enumerate(self._shares(group)))
        return successes(self, asked, (yield asked))

    def _shares(self, group: Group) -> list[float]:
        if self.schedule == "levels":
            return [share for share in self.shares for _ in range(self.n)]
        if self.schedule == "fixed":
            return [self.shares[min(int(group.progress * len(self.shares)), len(self.shares) - 1)]] * self.n
        first, last = self.shares
        left = 0.5 * (1 + cos(pi * min(1.0, group.progress / self.until)))
        draws = [0] * self.n if self.alike else range(self.n)
        if self.schedule == "uniform":
            return [first * left + (last - first * left) * chance(self, group, j, "share") for j in draws]
        p = last + (first - last) * left
        if not self.chunks:
            return [p] * self.n
        return [sum(chance(self, group, j * self.chunks + chunk, "chunk") < p for chunk in range(self.chunks)) / self.chunks
                for j in draws]

    def _bisect(self, group: Group, places: Sequence[Attempt]) -> Generator[Round, Answers, tuple[Correction, ...]]:
        low, high = 0.0, 1.0
        best: tuple[Correction, ...] = ()
        tried: list[Opening | object] = []
        for number in range(self.rounds):
            share = (low + high) / 2
            shown = beginning(worked(group.prompt), share, self.unit)
            if shown in tried or not shown:
                break
            tried.append(shown)
            asked = tuple(self._try(group, places, number * self.n + j, share) for j in range(self.n))
            answers = yield asked
            found = successes(self, asked, answers)
            low, high, best = (low, share, found) if found else (share, high, best)
            if 0 < len(found) < sum(attempt.graded for attempts in answers for attempt in attempts):
                break
        return best

    def _try(self, group: Group, places: Sequence[Attempt], number: int, share: float) -> Try:
        place, prompt = places[number % len(places)], group.prompt
        shown = beginning(worked(prompt), share, self.unit)
        content, opening = prompt.content, None
        if shown and self.place == "answer":
            opening = Opening(text=shown)
        elif shown:
            content = fill(load(self.templates, "reference_prefix", NEEDS, MAY), prompt, hint=shown,
                           attempt=place.completion.text, answer=place.verdict.answer or "")
        told = Told(content, "nothing" if not shown else "solution" if share >= 1 else "hint")
        return replace(request_of(self, group, place, number, told), opening=opening, level=share if shown else 0.0)


def _fits(count: int, wanted: str) -> bool:
    return {"one or more": count >= 1, "two": count == 2, "none": True}[wanted]
