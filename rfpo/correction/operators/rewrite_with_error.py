"""Told in words what is wrong with the answer."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import one_of
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, say_once, try_parents, words_of
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly, tell_wrong
from rfpo.records import Attempt, Correction, Group

NEEDS, MAY = (("question",), ("attempt",), ("error",)), ("answer",)


@dataclass(frozen=True, kw_only=True)
class RewriteWithError(Operator):
    """The model is told in the verifier's words what is wrong with its answer, and solves the exercise anew.

    One of the RFPO blog's operators ("rewrite with error information"). The words are the verdict's `error`, or its
    `feedback` where there is none. They are told as they are: words that state the right value give it away, and a verifier
    that compares with an expected output writes such words.

    `tries`, `at_once` and `templates` (here `rewrite_with_error.txt`) are those of fix_wrong_only. Answers with words come
    first. For one without, `otherwise` is "fix_wrong_only" (told that it is wrong; a line says so the first time) or
    "skip". Degenerate: a group without a finished wrong answer asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"
    otherwise: str = "fix_wrong_only"

    def __post_init__(self):
        check_tries(self)
        one_of(self, "otherwise", ("fix_wrong_only", "skip"))
        load(self.templates, "rewrite_with_error", NEEDS, MAY)
        if self.otherwise == "fix_wrong_only":
            FixWrongOnly(templates=self.templates)  # its template too is refused here and not in the middle of a run

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        def tell(parent: Attempt, number: int) -> Told:
            return self._tell(group, parent)

        parents = sorted(parents_of(group), key=lambda parent: not words_of(parent.verdict))
        if self.otherwise == "skip":
            parents = [parent for parent in parents if words_of(parent.verdict)]
        return try_parents(self, group, parents, tell)

    def _tell(self, group: Group, parent: Attempt) -> Told:
        words = words_of(parent.verdict)
        if not words:
            say_once(f"rewrite_with_error: the verifier of task {group.prompt.task!r} said nothing of a wrong answer; the "
                     f"model is told that it is wrong, and no more (fix_wrong_only).")
            return tell_wrong(self.templates, group, parent)
        template = load(self.templates, "rewrite_with_error", NEEDS, MAY)
        content = fill(template, group.prompt, attempt=parent.completion.text, answer=parent.verdict.answer or "", error=words)
        return Told(content, help="error")
