"""The told answer stands before its derivation."""

import re
from dataclasses import dataclass
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction.leaks import LeakTest
from rfpo.correction.leaks._bare import is_bare
from rfpo.records import Correction, Group

GIVEN = ("answer", "solution", "hint")
"""What tells the answer, or may."""
_WORKED_OUT = re.compile(r"\d[^\n=]*[-+*/×÷·^][^\n=]*[=≈][^\n]*\d|[\d)%][^\S\n]*[=≈][^\S\n]*$")
"""An equation of numbers before the answer, or one whose result the answer is."""


@dataclass(frozen=True)
class ReferenceInHead(LeakTest):
    """The final answer appears in the first `share` of the text, where the model was told it (help "answer", "solution" or
    "hint"): it was asserted, and what follows only justifies it.

    The answer is the one that the verifier took out of the text, else the prompt's solution. A number is found as a whole
    number, never inside another. An answer that the question itself names is not counted, nor one that makes up half of the
    text or more, as in a scratchpad that is the answer; nor one before which numbers are worked out, as when a check follows
    the derivation; nor a text that justifies nothing at all (that is no_derivation).
    """

    share: float = 0.5
    kinds: ClassVar[tuple[str, ...]] = ("reference_in_head",)

    def __post_init__(self):
        require(self, "share", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        text = correction.by.completion.text
        answer = (correction.by.verdict.answer or group.prompt.solution or "").strip()
        if correction.help not in GIVEN or not answer or 2 * len(answer) >= len(text.strip()):
            return ()
        whole = re.compile(rf"(?<![\w.,]){re.escape(answer)}(?![\w]|[.,]\d)")
        if whole.search(group.prompt.text):
            return ()
        found = whole.search(text)
        if not found or found.start() >= self.share * len(text) or _WORKED_OUT.search(text[:found.start()]):
            return ()
        return () if is_bare(text, answer, group.prompt.text) else self.kinds
