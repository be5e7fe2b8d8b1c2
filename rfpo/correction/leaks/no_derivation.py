"""An answer without its reasons."""

import re
from dataclasses import dataclass
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction.leaks import LeakTest
from rfpo.records import Correction, Group

_DRESSING = re.compile(r"</?\w+>|\\boxed|\b(?:the|final|correct|answers?|results?|is|so|therefore)\b", re.IGNORECASE)


@dataclass(frozen=True)
class NoDerivation(LeakTest):
    """The text is the final answer and nothing else, and at most `short` times as long in tokens as the wrong answer was.

    The form that asks the model, whether the answer is as probable without its derivation, needs log-probs of given tokens
    before the step's scoring, and is not offered.
    """

    short: float = 0.5
    kinds: ClassVar[tuple[str, ...]] = ("no_derivation",)

    def __post_init__(self):
        require(self, "short", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        by, of = correction.by, correction.of
        if len(by.completion.tokens) > self.short * len(of.completion.tokens):
            return ()
        rest = by.completion.text.replace(by.verdict.answer or "", " ")
        return () if re.search(r"\w", _DRESSING.sub(" ", rest)) else self.kinds
