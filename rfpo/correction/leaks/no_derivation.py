"""An answer without its reasons."""

import re
from dataclasses import dataclass
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction.leaks import LeakTest
from rfpo.correction.leaks._bare import is_bare
from rfpo.records import Attempt, Correction, Group

_ASKED = re.compile(r"\b(?:show|explain|justify|prove|reason(?:s|ing)?|your work(?:ing)?|(?:by|each) step)\b", re.IGNORECASE)
_UNASKED = re.compile(r"\b(?:only|just|nothing but|one word|(?:no|without) (?:explanation|derivation))\b", re.IGNORECASE)
_MANY = 8
"""Words of an answer that is a text of its own."""


@dataclass(frozen=True)
class NoDerivation(LeakTest):
    """The text is the final answer and nothing else, and more was due.

    Nothing else: no sign of working, and no words but those of the question and such as announce an answer. More was due where
    the wrong answer was longer, so that the text has at most `short` times its tokens; where the wrong answer, too short for
    that, had a derivation all the same; or where the question asks for reasons. An answer of many words (code, a proof) is
    held to the first of these only.

    The form that asks the model, whether the answer is as probable without its derivation, is `needless_derivation`.
    """

    short: float = 0.5
    kinds: ClassVar[tuple[str, ...]] = ("no_derivation",)

    def __post_init__(self):
        require(self, "short", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        by, of, question = correction.by, correction.of, group.prompt.text
        if not _bare(by, question):
            return ()
        shorter = len(by.completion.tokens) <= self.short * len(of.completion.tokens)
        return self.kinds if shorter or self._due(by, of, question) else ()

    @staticmethod
    def _due(by: Attempt, of: Attempt, question: str) -> bool:
        if _UNASKED.search(question) or len((by.verdict.answer or "").split()) > _MANY:
            return False
        return bool(_ASKED.search(question)) or not _bare(of, question)


def _bare(attempt: Attempt, question: str) -> bool:
    return is_bare(attempt.completion.text, (attempt.verdict.answer or "").strip(), question)
