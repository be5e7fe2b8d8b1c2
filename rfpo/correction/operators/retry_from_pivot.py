"""The answer up to its error is kept, and the model goes on from there."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from rfpo.checks import one_of
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._begun import in_rounds
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, request_of, say_once
from rfpo.records import Attempt, Content, Correction, Group, Opening

NEEDS, MAY = (("question",),), ("place", "step", "error", "attempt", "answer")


@dataclass(frozen=True, kw_only=True)
class RetryFromPivot(Operator):
    """The wrong answer is kept up to its first error, and the model continues from there (compare R3L, arXiv 2601.03715).

    The kept part is the parent's own tokens that end at or before `verdict.location.start`; with `keep="through"` those up to
    `location.end`, the error among them, as in Agent-R (arXiv 2501.11425). `bridge` is put behind them: a sentence in which
    the model turns around. The kept tokens are exactly the prefix that the two answers share, so a merge that trains what
    follows the common prefix trains the new part alone.

    `guidance="template"` asks under a prompt that says where to take care (`retry_from_pivot.txt`); with "none" it is the
    original prompt, and a correction is on-policy behind its kept part. In R3L the policy itself names the pivot; here the
    verifier does. `tries` and `at_once` are those of fix_wrong_only; answers without a known place are skipped, and a line
    says so the first time.

    Degenerate: with an error at the very beginning nothing is kept, and without guidance that is a plain new draw.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"
    guidance: str = "none"
    keep: str = "before"
    bridge: str = ""

    def __post_init__(self):
        check_tries(self)
        one_of(self, "guidance", ("none", "template"))
        one_of(self, "keep", ("before", "through"))
        if self.guidance == "template":
            load(self.templates, "retry_from_pivot", NEEDS, MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        wrong = parents_of(group)
        parents = [parent for parent in wrong if parent.verdict.location is not None]
        if len(parents) < len(wrong):
            say_once(f"retry_from_pivot: the verifier of task {group.prompt.task!r} gave no place for a wrong answer; such "
                     f"answers are skipped. Use fix_wrong_only or probe.")
        asked = [self._try(group, parents[n % len(parents)], n) for n in range(self.tries)] if parents else []
        return (yield from in_rounds(self, asked))

    def _try(self, group: Group, parent: Attempt, number: int) -> Try:
        location = parent.verdict.location
        cut = location.start if self.keep == "before" else max(location.start, location.end)
        told = Told(self._content(group, parent), help="place", located=True)
        opening = Opening(tokens=parent.completion.tokens, cut=cut, text=self.bridge)
        return replace(request_of(self, group, parent, number, told), opening=opening)

    def _content(self, group: Group, parent: Attempt) -> Content:
        if self.guidance == "none":
            return group.prompt.content
        location = parent.verdict.location
        return fill(load(self.templates, "retry_from_pivot", NEEDS, MAY), group.prompt, step=location.step,
                    place=location.description or f"step {location.step}", error=parent.verdict.error,
                    attempt=parent.completion.text, answer=parent.verdict.answer or "")
