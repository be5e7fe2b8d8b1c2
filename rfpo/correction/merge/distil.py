"""The policy that has seen the feedback teaches the one that has not, on the wrong answer's own tokens."""

from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import one_of, require
from rfpo.correction import Try
from rfpo.correction._samples import group_context, plain, sample_of
from rfpo.correction.merge._beside import REWARD, Beside
from rfpo.records import Attempt, Correction, Group, Sample


@dataclass(frozen=True, kw_only=True)
class Distil(Beside):
    """A wrong answer is a row of the stream "distillation" under its own prompt; its teacher is shown the correction prompt.

    The loss of the stream draws each of its tokens toward what the policy says of it under the correction prompt (SDPO, arXiv
    2601.20802; OPSD, 2601.18734, whose teacher sees the solution; OpenClaw-RL, 2603.10165). It asks for no success, and is what
    is left when every try failed.

    when      "always", or "unfixed": only in a group without a correction that may enter
    answers   "wrong", or "all" (the right ones too)
    borrowed  an answer without a correction prompt of its own takes the group's first one: right where the prompt speaks of the
              exercise (a solution, a hint) and not of an answer; otherwise such an answer makes no row
    beside    the merge of the group's own rows, as in Beside

    Of an answer's prompts the first that asked for an answer to the exercise is taken; equal answers share it. One that is no
    other than the group's own teaches nothing and makes no row. A teacher's context and the answer must fit into the model's
    together.
    """

    streams: ClassVar[frozenset[str]] = frozenset({"distillation"})
    when: str = "always"
    answers: str = "wrong"
    borrowed: bool = False

    def __post_init__(self):
        super().__post_init__()
        one_of(self, "when", ("always", "unfixed"))
        one_of(self, "answers", ("wrong", "all"))
        require(self, "borrowed", lambda x: isinstance(x, bool), "true or false", True)
        self.only_usual(("conditioning", "trained", "baseline", *REWARD),
                        "it trains the answers that are corrected, and no correction. Set it on beside.")

    def __call__(self, group: Group, corrections: tuple[Correction, ...], tries: tuple[Attempt, ...] = ()
                 ) -> tuple[Sample, ...]:
        if not plain(group):
            return ()
        own = self.own_rows(group, corrections, tries)
        return own if self.when == "unfixed" and corrections else (*own, *self._taught(group, tries))

    def _taught(self, group: Group, tries: tuple[Attempt, ...]) -> list[Sample]:
        shown: dict[str, tuple[int, ...]] = {}
        for attempt in tries:
            request = attempt.completion.request
            if isinstance(request, Try) and request.role == "answer" and attempt.completion.context != group_context(group):
                shown.setdefault(request.of.completion.text, attempt.completion.context)
        other = next(iter(shown.values()), None) if self.borrowed else None
        taught = [(attempt, shown.get(attempt.completion.text, other)) for attempt in group.graded
                  if attempt.wrong or self.answers == "all"]
        return [replace(sample_of(group, attempt), stream="distillation", teacher_context=context)
                for attempt, context in taught if context is not None]
