"""Wrong answers are mended at their end: a second thought, the right answer, or the reference in their place."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from itertools import accumulate

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._begun import chance
from rfpo.correction._reference import worked
from rfpo.correction._templates import load
from rfpo.correction._tries import Told, parents_of, request_of, successes
from rfpo.errors import UserError
from rfpo.records import Attempt, Correction, Group, Opening

WAYS = ("wait", "answer", "solution")


@dataclass(frozen=True, kw_only=True)
class Splice(Operator):
    """Each wrong answer gets one of three edits, drawn by their shares (compare EDGE-GRPO, arXiv 2507.21848):

        wait        a sentence of doubt (`splice_wait.txt`) behind it, and the model goes on for at most `continuation` tokens,
                    the sentence counted among them, and never beyond the run's max_tokens
        answer      a sentence that states the reference answer (`splice_answer.txt`, of ${solution}) behind it, and its end
        solution    the worked reference in its place

    All are asked at once, under the original prompt, for each distinct wrong answer; every success is a correction. The last
    two draw nothing and give the answer away, the first of them in a text whose reasoning is still wrong. A prompt without a
    reference is always continued; of a worked reference in `data` alone the answer sentence is not made either.
    """

    wait: float = 0.5
    answer: float = 0.25
    solution: float = 0.25
    continuation: int = 256
    templates: str = "prose"

    def __post_init__(self):
        for name in WAYS:
            require(self, name, lambda x: x >= 0, "at least 0", 0.25)
        if not abs(self.wait + self.answer + self.solution - 1) < 1e-6:
            raise UserError(f"Splice.wait, answer and solution are {self.wait}, {self.answer} and {self.solution}; they must "
                            f"add up to 1. Try 0.5, 0.25 and 0.25.")
        require(self, "continuation", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 256)
        self._texts()

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"solution"} if self.answer else ()) | frozenset({"worked"} if self.solution else ())

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        asked = tuple(self._try(group, parent, number) for number, parent in enumerate(parents_of(group)))
        return successes(self, asked, (yield asked)) if asked else ()

    def _way(self, group: Group, number: int) -> str:
        drawn = chance(self, group, number, "way")
        bounds = accumulate((self.wait, self.answer, self.solution))
        way = next((way for way, bound in zip(WAYS, bounds, strict=True) if drawn < bound), WAYS[-1])
        lacking = (way == "answer" and not group.prompt.solution) or (way == "solution" and not worked(group.prompt))
        return "wait" if lacking else way

    def _try(self, group: Group, parent: Attempt, number: int) -> Try:
        way, prompt, kept = self._way(group, number), group.prompt, parent.completion.tokens
        help = {"wait": "wrong"}.get(way, way)
        request = request_of(self, group, parent, number, Told(prompt.content, help))
        if way == "solution":
            return replace(request, opening=Opening(text=worked(prompt), ends=True), origin="given", level=1.0)
        if way == "answer":
            told = self._texts()["answer"].substitute(solution=prompt.solution)
            return replace(request, opening=Opening(kept, text=told, ends=True))
        most = min(request.sampling.max_tokens, len(kept) + self.continuation)
        opening = Opening(kept, text=self._texts()["wait"].substitute())
        return replace(request, opening=opening, sampling=replace(request.sampling, max_tokens=most))

    def _texts(self) -> dict:
        return {"wait": load(self.templates, "splice_wait", ()),
                "answer": load(self.templates, "splice_answer", (("solution",),))}
