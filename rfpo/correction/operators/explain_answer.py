"""The model explains the known answer to itself; later it is shown less and less of the explanation."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._begun import in_rounds, standing
from rfpo.correction._reference import steps_of
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, request_of, say_once
from rfpo.records import Attempt, Correction, Group, Opening, Stored

NEEDS, MAY = (("question",), ("solution",)), ()


@dataclass(frozen=True, kw_only=True)
class ExplainAnswer(Operator):
    """The model is told the final answer and explains how it comes about (ExPO, arXiv 2507.02834).

    Its own explanation is likelier under the policy than anybody else's. It sees no wrong answer; rewrite_from_solution shows
    one where its template does. An explanation may rationalise: read the leak counts. `tries`, `at_once` and `templates` (here
    `explain_answer.txt`) are those of fix_wrong_only. The wrong answers in turn are what is corrected; with trigger "always"
    and none wrong, the last graded one. A prompt without a `solution` is skipped, and a line says so the first time.

    `curriculum=True` goes on as EvoCoT (arXiv 2508.07809) does: once an explanation of this prompt is stored
    (`Fixing.keep` above 0), a stuck visit begins the answer with it, one step shorter than at the last success, under the
    original prompt and without telling the answer, and the model finishes it. One step is the least. `level` is the share
    that is shown: 1 for explaining, and a shortened explanation that fails is tried again at the next stuck visit.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"
    curriculum: bool = False

    def __post_init__(self):
        check_tries(self)
        require(self, "curriculum", lambda x: isinstance(x, bool), "true or false", True)
        load(self.templates, "explain_answer", NEEDS, MAY)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"solution", "stored"} if self.curriculum else {"solution"})

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        places = standing(group)
        if not group.prompt.solution:
            say_once(f"explain_answer: a prompt of task {group.prompt.task!r} has no solution to explain; such prompts are "
                     f"skipped.")
            places = ()
        asked = [self._try(group, places[n % len(places)], n) for n in range(self.tries)] if places else []
        return (yield from in_rounds(self, asked))

    def _try(self, group: Group, place: Attempt, number: int) -> Try:
        shorter = self._shorter(group)
        if shorter:
            opening, level = shorter
            told = Told(group.prompt.content, "hint")
            return replace(request_of(self, group, place, number, told), opening=opening, level=level)
        content = fill(load(self.templates, "explain_answer", NEEDS, MAY), group.prompt, solution=group.prompt.solution)
        return replace(request_of(self, group, place, number, Told(content, "answer")), level=1.0)

    def _shorter(self, group: Group) -> tuple[Opening, float] | None:
        """The stored explanation without one step more than last time, and the share of it that is left; None where there is
        none, or none of more than a step."""
        explanation = _explanation(group) if self.curriculum and group.history.level > 0 else None
        steps = steps_of(explanation.text) if explanation else []
        if len(steps) < 2:
            return None
        kept = min(max(1, round(group.history.level * len(steps)) - 1), len(steps) - 1)
        return Opening(tokens=explanation.tokens, cut=len("".join(steps[:kept]))), kept / len(steps)


def _explanation(group: Group) -> Stored | None:
    """The newest stored answer that was helped."""
    return next((kept for kept in reversed(group.history.stored) if kept.origin == "corrected"), None)
