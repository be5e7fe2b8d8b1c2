"""Words that betray that there was an earlier attempt, a remark, or a reference."""

import re
from dataclasses import dataclass
from typing import ClassVar

from rfpo.correction.leaks import LeakTest
from rfpo.records import Correction, Group

_ADJECTIVES = "previous|earlier|prior|original|initial|wrong|incorrect|flawed"
_WORK = "answer|solution|response|reasoning|work|working|calculation|computation|derivation|result|version|try"

WORDS = {
    "mentions_attempt": (
        r"\battempts?\b",
        r"\bdrafts?\b",
        rf"\b(?:{_ADJECTIVES}) (?:{_WORK})s?\b",
        rf"\bcorrect(?:ed|ing) (?:\w+ )?(?:{_WORK}|error|mistake)s?\b",
        r"\b(?:the|my|your|this|that|made an?) (?:error|mistake)s?\b",
    ),
    "mentions_feedback": (
        r"\bfeedback\b",
        r"\bhints?\b",
        r"\bcritiques?\b",
        r"\b(?:grader|verifier|reviewer)s?\b",
        r"\byou (?:said|told|pointed out|mentioned|noted|indicated)\b",
        r"\bas (?:you )?(?:pointed out|noted|indicated|instructed)\b",
        r"\b(?:was|were|been|being) (?:told|informed)\b",
    ),
    "mentions_reference": (
        r"\breference (?:answer|solution|result)s?\b",
        r"\b(?:given|provided|supplied|expected|official|stated|target) (?:final )?(?:answer|solution|result)s?\b",
        r"\b(?:answer|solution) key\b",
        r"\bas (?:given|stated)\b",
        r"\b(?:matches|agrees with|consistent with) the (?:\w+ )?(?:answer|solution|result)\b",
    ),
}
"""By kind, what gives a correction away."""


@dataclass(frozen=True)
class MetaWords(LeakTest):
    """The text speaks of the attempt, of feedback, or of the reference answer. Words that the prompt itself uses do not count.

    It reads words, so it under-reports: a derivation that rationalises a known answer in its own words passes.
    """

    kinds: ClassVar[tuple[str, ...]] = tuple(WORDS)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        return mentioned(correction.by.completion.text, group.prompt.text)


def mentioned(text: str, own: str) -> tuple[str, ...]:
    """The kinds of which `text` has words that `own`, the prompt's text, has not."""
    text, own = _plain(text), _plain(own)
    return tuple(kind for kind, patterns in WORDS.items() if any(_mentions(pattern, text, own) for pattern in patterns))


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _mentions(pattern: str, text: str, own: str) -> bool:
    """A plural in the text is excused by a singular in the prompt, and the other way round."""
    return any(match.group().removesuffix("s") not in own for match in re.finditer(pattern, text))
