"""Hints, from little to much, up to the first that helps."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import NamedTuple

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._reference import UNITS, beginning, worked
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Advice, Told, advice_of, parents_of, request_of, say_once, successes, with_words
from rfpo.records import Attempt, Content, Correction, Group, Prompt

NEEDS, MAY = (("question",), ("hint",)), ("attempt", "answer")
WRITER_NEEDS, WRITER_MAY = (("question",), ("solution",)), ("level", "levels", "attempt", "answer")
WRITTEN = ("policy", "critic")


class Rung(NamedTuple):
    """A level of help: its number from 0 among all, its size, the hint where it is known yet, and whoever wrote it."""

    number: int
    level: float
    hint: str = ""
    after: tuple[Attempt, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HintLadder(Operator):
    """Asks again with a hint in the prompt, and with a larger one where that does not help.

        source      the hints are                                                           level
        reference   beginnings of the worked reference, of `shares` in `unit`s (GHPO,       the share
                    arXiv 2507.10628: 25, 50 and 75% of its characters)
        policy      written by the policy, who is shown the reference: `levels` of them     1, 2, ...
                    (SAGE, arXiv 2602.03143; NuRL, arXiv 2509.25666)
        critic      the same, written by the run's critic (HINT, arXiv 2510.09388)          1, 2, ...
        data        `prompt.data["hints"]`, a list from little to much; each is the whole   1, 2, ...
                    hint of its level (Scaf-GRPO, arXiv 2510.19807)

    `order="least_first"` asks level after level; "all" asks all at once. Either way the successes of the lowest level that has
    any are returned. `n` answers are drawn at each level, the wrong answers in turn as what they correct: with the group's
    size, a merge can put the whole level in the group's place. `start="history"` begins at the level that last helped this
    prompt, as SAGE-light does by accuracy.

    `writing` is the writer's template: "graded" (`hint_ladder_graded.txt`) or "abstract" (`hint_ladder_abstract.txt`); a hint
    has at most `hint_tokens` tokens, and nobody checks that it keeps the answer to itself: read the leak counts. SAGE writes
    its levels in one reply; here each is a request of its own. A prompt without what its source needs is skipped, and a line
    says so the first time.

    HiLL's reliance, mean log pi(o | q) - mean log pi(o | q, hint), is the objective's weight `reliance`.
    """

    source: str = "reference"
    shares: tuple[float, ...] = (0.25, 0.5, 0.75)
    unit: str = "characters"
    levels: int = 3
    writing: str = "graded"
    hint_tokens: int = 256
    order: str = "least_first"
    start: str = "first"
    n: int = 1
    templates: str = "prose"

    def __post_init__(self):
        one_of(self, "source", ("reference", *WRITTEN, "data"))
        require(self, "shares", lambda x: len(x) > 0 and list(x) == sorted(set(x)) and 0 < x[0] and x[-1] <= 1,
                "increasing, above 0 and at most 1", (0.25, 0.5, 0.75))
        one_of(self, "unit", UNITS)
        one_of(self, "writing", ("graded", "abstract"))
        one_of(self, "order", ("least_first", "all"))
        one_of(self, "start", ("first", "history"))
        for name, example in (("levels", 3), ("hint_tokens", 256), ("n", 1)):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", example)
        load(self.templates, "hint_ladder", NEEDS, MAY)
        if self.source in WRITTEN:
            load(self.templates, f"hint_ladder_{self.writing}", WRITER_NEEDS, WRITER_MAY)

    @property
    def reads(self) -> frozenset[str]:
        needs = {"reference": {"worked"}, "policy": {"worked"}, "critic": {"worked", "critic"}, "data": {"hints"}}
        return frozenset(needs[self.source])

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        parents, rungs = parents_of(group), self._rungs(group.prompt)
        if not rungs:
            say_once(f"hint_ladder: a prompt of task {group.prompt.task!r} has "
                     + ("no data['hints']" if self.source == "data" else "no solution to hint at") + "; it is skipped.")
        rungs = rungs[self._first(group, rungs) :] if parents else []
        for each in [rungs] if self.order == "all" and rungs else [[rung] for rung in rungs]:
            if self.source in WRITTEN:
                each = yield from self._written(group, parents[0], each)
            asked = tuple(self._try(group, parents, rung, j) for rung in each for j in range(self.n))
            found = successes(self, asked, (yield asked)) if asked else ()
            if found:
                least = min(correction.level for correction in found)
                return tuple(correction for correction in found if correction.level == least)
        return ()

    def _rungs(self, prompt: Prompt) -> list[Rung]:
        reference = worked(prompt)
        if self.source == "data":
            hints = [hint if isinstance(hint, str) else "" for hint in prompt.data.get("hints") or ()]
            return [Rung(number, number + 1.0, hint) for number, hint in enumerate(hints) if hint.strip()]
        if not reference:
            return []
        if self.source in WRITTEN:
            return [Rung(number, number + 1.0) for number in range(self.levels)]
        rungs: list[Rung] = []
        for number, share in enumerate(self.shares):
            hint = beginning(reference, share, self.unit)
            if hint.strip() and hint not in [rung.hint for rung in rungs]:
                rungs.append(Rung(number, share, hint))
        return rungs

    def _first(self, group: Group, rungs: list[Rung]) -> int:
        """The rung to begin with: of those that are there, the one at which the prompt stands."""
        stands = group.history.level if self.start == "history" else 0.0
        return min(sum(rung.level < stands for rung in rungs), max(len(rungs) - 1, 0))

    def _written(self, group: Group, parent: Attempt, rungs: list[Rung]) -> Generator[Round, Answers, list[Rung]]:
        """The rungs with their hints; one whose hint holds no word is left out."""
        asked = tuple(
            replace(advice_of(self, group, parent, rung.number * self.n, lambda parent, rung=rung: Advice(
                self._asks_hint(group.prompt, parent, rung), "solution", "hint", self.hint_tokens,
                "critic" if self.source == "critic" else "policy")), level=rung.level)
            for rung in rungs)
        written = map(with_words, (yield asked))
        return [rung._replace(hint=hint.completion.text.strip(), after=(hint,))
                for rung, hint in zip(rungs, written, strict=True) if hint is not None]

    def _asks_hint(self, prompt: Prompt, parent: Attempt, rung: Rung) -> Content:
        template = load(self.templates, f"hint_ladder_{self.writing}", WRITER_NEEDS, WRITER_MAY)
        return fill(template, prompt, solution=worked(prompt), level=rung.number + 1, levels=self.levels,
                    attempt=parent.completion.text, answer=parent.verdict.answer or "")

    def _try(self, group: Group, parents: tuple[Attempt, ...], rung: Rung, j: int) -> Try:
        number = rung.number * self.n + j
        parent = parents[number % len(parents)]
        content = fill(load(self.templates, "hint_ladder", NEEDS, MAY), group.prompt, hint=rung.hint,
                       attempt=parent.completion.text, answer=parent.verdict.answer or "")
        return replace(request_of(self, group, parent, number, Told(content, "hint"), rung.after), level=rung.level)
