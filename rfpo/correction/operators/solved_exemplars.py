"""Other exercises that the model has solved are shown before it tries again."""

import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._begun import in_rounds
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, request_of
from rfpo.records import Content, Correction, Group, Stored

NEEDS, MAY = (("question",), ("exemplars",)), ("attempt", "answer")
EACH, EACH_MAY = (("question",), ("answer",)), ("number",)


@dataclass(frozen=True, kw_only=True)
class SolvedExemplars(Operator):
    """The `k` most similar exercises that the policy has solved itself are shown with their answers, and it tries again
    (XRPO, arXiv 2510.06672, seeds its prompts without any success so, with k = 2).

    They come from `group.exemplars`, the right answers of earlier steps (`Fixing.keep` above 0), at most one for each
    question. `choice="similar"` takes those whose questions share most words, by Jaccard's index, the newer of two alike
    (XRPO compares embeddings); "newest" the newest. In the prompt the most similar one stands last, next to the exercise.
    Texts are those of `solved_exemplars.txt` and, for each of them, `solved_exemplars_each.txt`. Nothing is told of the
    exercise itself: `help` is "hint", and `level` the number that is shown.

    `tries` and `at_once` are those of fix_wrong_only. Without any exemplar nothing is asked.
    """

    k: int = 2
    choice: str = "similar"
    tries: int = 4
    at_once: int = 1
    templates: str = "prose"
    reads: ClassVar[frozenset[str]] = frozenset({"stored"})

    def __post_init__(self):
        check_tries(self)
        require(self, "k", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 2)
        one_of(self, "choice", ("similar", "newest"))
        load(self.templates, "solved_exemplars", NEEDS, MAY)
        load(self.templates, "solved_exemplars_each", EACH, EACH_MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        shown, parents = self._chosen(group), parents_of(group)
        asked = [self._try(group, shown, number, parents[number % len(parents)])
                 for number in range(self.tries)] if shown and parents else []
        return (yield from in_rounds(self, asked))

    def _chosen(self, group: Group) -> list[Stored]:
        """The best one last."""
        newest: dict[str, Stored] = {}
        for kept in group.exemplars:  # the newest first
            newest.setdefault(kept.question, kept)
        newest.pop(group.prompt.text, None)
        candidates = list(newest.values())
        if self.choice == "similar":
            own = _words(group.prompt.text)
            candidates.sort(key=lambda kept: -jaccard(own, _words(kept.question)))  # stable: the newer of two alike
        return candidates[: self.k][::-1]

    def _try(self, group: Group, shown: list[Stored], number: int, parent) -> Try:
        content = self._content(group, shown, parent)
        return replace(request_of(self, group, parent, number, Told(content, "hint")), level=float(len(shown)))

    def _content(self, group: Group, shown: list[Stored], parent) -> Content:
        each = load(self.templates, "solved_exemplars_each", EACH, EACH_MAY)
        exemplars = "\n".join(each.substitute(question=kept.question, answer=kept.text, number=number)
                              for number, kept in enumerate(shown, 1))
        return fill(load(self.templates, "solved_exemplars", NEEDS, MAY), group.prompt, exemplars=exemplars,
                    attempt=parent.completion.text, answer=parent.verdict.answer or "")


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """|first and second| / |first or second|; 0 for two empty sets."""
    return len(first & second) / len(first | second) if first | second else 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))
