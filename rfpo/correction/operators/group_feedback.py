"""All wrong answers of the group in one prompt, each with what was said of it."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import (
    Advice,
    Told,
    advice_of,
    check_tries,
    parents_of,
    request_of,
    rounds_of,
    successes,
    with_words,
    words_of,
)
from rfpo.records import Attempt, Correction, Group

TEMPLATES = {
    "group_feedback": ((("question",), ("attempts",)), ("total",)),
    "group_feedback_each": ((("attempt",), ("feedback",)), ("number", "answer")),
    "group_feedback_bare": ((("attempt",),), ("number", "answer")),
    "group_feedback_critique": ((("question",), ("attempt",)), ("answer",)),
}
"""The operator's templates: what each must name, and what it may."""


@dataclass(frozen=True, kw_only=True)
class GroupFeedback(Operator):
    """One prompt holds all the group's distinct wrong answers and what was said of each (GOLF, arXiv 2603.04597).

    `source` says whose words stand beside an answer: "error", the verifier's (as in rewrite_with_error); "critic", a critique
    of each by the run's `fixing.critic`; "policy", the model's own critiques. Critiques are asked for in one round first,
    `Try`s of role "critique", not judged; all of them are in `after` of the refinements. An answer of which nothing was said
    is shown without words. GOLF's critiques may hold the reference answer; here the critic is not shown it.

    `most`       the first so many distinct wrong answers are shown
    `tries`      refinements, of which `at_once` in one round; ends with the first round that has a success. Each names one of
                 the shown answers in turn as the one that it corrects
    `critique_tokens`  bounds a critique of the policy's, drawn without the group's stop strings; a critic has its own bounds
    `templates`  holds `group_feedback.txt`, whose ${attempts} are written by `group_feedback_each.txt` or, without words,
                 `group_feedback_bare.txt`; and for critiques `group_feedback_critique.txt`

    `help` is "error" where an answer has words of the verifier or a critic, else "wrong". Degenerate: a group without a
    finished wrong answer asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    source: str = "error"
    most: int = 8
    critique_tokens: int = 512
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        one_of(self, "source", ("error", "critic", "policy"))
        for name, example in (("most", 8), ("critique_tokens", 512)):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", example)
        for name in TEMPLATES:
            if name != "group_feedback_critique" or self.source != "error":
                self._load(name)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"critic"} if self.source == "critic" else ())

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        parents = parents_of(group)[: self.most]
        if not parents:
            return ()
        words, critiques = [words_of(parent.verdict) for parent in parents], ()
        if self.source != "error":
            answers = yield tuple(advice_of(self, group, parent, number, lambda parent: self._ask(group, parent))
                                  for number, parent in enumerate(parents))
            heard = [with_words(attempts) for attempts in answers]
            words = [attempt.completion.text.strip() if attempt else "" for attempt in heard]
            critiques = tuple(attempt for attempt in heard if attempt)
        told = self._tell(group, parents, words)
        for numbers in rounds_of(self):
            asked = tuple(request_of(self, group, parents[number % len(parents)], number, told, critiques)
                          for number in numbers)
            answers = yield asked
            if corrections := successes(self, asked, answers):
                return corrections
        return ()

    def _ask(self, group: Group, parent: Attempt) -> Advice:
        content = fill(self._load("group_feedback_critique"), group.prompt, attempt=parent.completion.text,
                       answer=parent.verdict.answer or "")
        return Advice(content, help="wrong", role="critique", max_tokens=self.critique_tokens, to=self.source)

    def _tell(self, group: Group, parents: tuple[Attempt, ...], words: list[str]) -> Told:
        shown = [self._load("group_feedback_each" if said else "group_feedback_bare").substitute(
                     number=number, attempt=parent.completion.text, answer=parent.verdict.answer or "", feedback=said)
                 for number, (parent, said) in enumerate(zip(parents, words, strict=True), 1)]
        content = fill(self._load("group_feedback"), group.prompt, attempts="\n".join(shown), total=len(shown))
        return Told(content, help="error" if any(words) and self.source != "policy" else "wrong")

    def _load(self, name: str):
        return load(self.templates, name, *TEMPLATES[name])
