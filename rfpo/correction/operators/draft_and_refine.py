"""A draft, and a second turn that nothing is said for."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, request_of, successes
from rfpo.records import Attempt, Correction, Group

NEEDS, MAY = (("question",), ("attempt",)), ("answer",)


@dataclass(frozen=True, kw_only=True)
class DraftAndRefine(Operator):
    """The model sees an answer of its own, right or wrong, and one fixed instruction to check it and to answer again.

    `draft` says which answers are shown. "each": every one of the group, as in SCoRe's second turn (arXiv 2409.12917). "best":
    the one with the verifier's best score, the first of equals, as in iGRPO (arXiv 2602.09000), whose refinements are then a
    group of their own. No verdict is told: `help` is "nothing".

    `refinements` are drawn for each draft, all in one round. All right ones are returned; `of` is the draft, which may be right
    itself, so this operator works with any trigger. Truncated and UNGRADED answers are no drafts; a group without any other
    asks nothing. `templates` holds `draft_and_refine.txt`. The second turn of a chat is one user message that holds the
    draft, and not a further turn of the chat. SCoRe's and iGRPO's own wordings are UNVERIFIED.
    """

    draft: str = "each"
    refinements: int = 1
    templates: str = "prose"

    def __post_init__(self):
        one_of(self, "draft", ("each", "best"))
        require(self, "refinements", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 1)
        load(self.templates, "draft_and_refine", NEEDS, MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        drafts = [draft for draft in self._drafts(group) for _ in range(self.refinements)]
        if not drafts:
            return ()
        asked = tuple(request_of(self, group, draft, number, self._tell(group, draft)) for number, draft in enumerate(drafts))
        answers = yield asked
        return successes(self, asked, answers)

    def _drafts(self, group: Group) -> list[Attempt]:
        finished = [attempt for attempt in group.graded if not attempt.completion.truncated]
        if self.draft == "each" or not finished:
            return finished
        return [max(finished, key=lambda attempt: (attempt.solved, attempt.verdict.score))]

    def _tell(self, group: Group, draft: Attempt) -> Told:
        template = load(self.templates, "draft_and_refine", NEEDS, MAY)
        content = fill(template, group.prompt, attempt=draft.completion.text, answer=draft.verdict.answer or "")
        return Told(content, help="nothing")
