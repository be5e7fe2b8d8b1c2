"""What a teacher is shown of each answer; nobody is asked."""

import re
from collections.abc import Generator
from dataclasses import dataclass, replace

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._reference import worked
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, request_of, words_of
from rfpo.records import Attempt, Correction, Group, Opening

SHOWN = {"peer": "solution", "feedback": "error", "solution": "solution"}
"""What may be shown, and the `help` that it is. Each has a template and a field of its name."""
MAY = ("attempt", "answer")
THOUGHTS = re.compile(r"<think>.*?</think>\s*", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class TeacherContext(Operator):
    """The prompts of self-distillation: what a teacher that sees more is shown of each answer. They are written and not
    answered: no token is drawn, and there is no correction (SDPO, arXiv 2601.20802; OPSD, 2601.18734).

    `show` names, in the order of preference, what is shown; of an answer for which there is none, no prompt is written.

        peer        the first right answer of the group other than this one, without what stands in <think> tags
        feedback    the verifier's words on the answer, as in rewrite_with_error
        solution    the worked reference, else the reference answer

    Every graded answer has its prompt, right and truncated ones too, so that any trigger will do; those of equal text share
    one. Use it with the merge `distil`, which makes rows of the answers. Texts are those of `teacher_context_peer.txt` and so
    on, with the field of that name. A request for such a prompt is a `Try` that is not judged and
    whose opening ends it, so it counts no generated token and no try.

    Degenerate: a group of which nothing is known but that it failed has no prompts.
    """

    show: tuple[str, ...] = ("peer", "feedback")
    templates: str = "prose"

    def __post_init__(self):
        require(self, "show", lambda x: isinstance(x, tuple) and len(x) > 0 and set(x) <= SHOWN.keys(),
                f"one or more of {', '.join(SHOWN)}", ("peer", "feedback"))
        for what in self.show:
            self._text(what)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"worked"} if self.show == ("solution",) else ())

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        told: dict[str, tuple[Attempt, str, str]] = {}
        for attempt in group.graded:
            if shown := self._shown(group, attempt):
                told.setdefault(attempt.completion.text, (attempt, *shown))
        asked = tuple(self._written(group, number, *each) for number, each in enumerate(told.values()))
        if asked:
            yield asked
        return ()

    def _shown(self, group: Group, attempt: Attempt) -> tuple[str, str] | None:
        """What is shown of this answer, and its text; None where there is nothing."""
        peers = (THOUGHTS.sub("", peer.completion.text).strip() for peer in group.graded if peer.solved and peer is not attempt)
        there = {"peer": next(filter(None, peers), ""), "feedback": words_of(attempt.verdict),
                 "solution": worked(group.prompt) or ""}
        return next(((what, there[what]) for what in self.show if there[what]), None)

    def _written(self, group: Group, number: int, attempt: Attempt, what: str, text: str) -> Try:
        content = fill(self._text(what), group.prompt, attempt=attempt.completion.text, answer=attempt.verdict.answer or "",
                       **{what: text})
        request = request_of(self, group, attempt, number, Told(content, SHOWN[what]))
        return replace(request, opening=Opening(ends=True), judged=False)

    def _text(self, what: str):
        return load(self.templates, f"teacher_context_{what}", (("question",), (what,)), MAY)
