"""Does a correction betray how it came about? A model trained on it would speak of hints that nobody gave it.

The check reads words, so it under-reports: a derivation that rationalises a known answer in its own words passes.
"""

import re

from rfpo.records import Correction, Prompt

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

KINDS = (*WORDS, "no_derivation")

SHORT = 0.5
"""An answer of at most this share of its parent's tokens is much shorter than it."""

_DRESSING = re.compile(r"</?\w+>|\\boxed|\b(?:the|final|correct|answers?|results?|is|so|therefore)\b", re.IGNORECASE)


def leaks(correction: Correction, prompt: Prompt) -> tuple[str, ...]:
    """The kinds of leak found, in the order of KINDS; () for none. Words that the prompt itself uses do not count.

    `no_derivation`: the text is the final answer and nothing else, and at most half as long as the wrong answer was.
    """
    text, own = _plain(correction.by.completion.text), _plain(prompt.text)
    found = [kind for kind, patterns in WORDS.items() if any(_mentions(pattern, text, own) for pattern in patterns)]
    return (*found, "no_derivation") if _no_derivation(correction) else tuple(found)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _mentions(pattern: str, text: str, own: str) -> bool:
    """A plural in the text is excused by a singular in the prompt, and the other way round."""
    return any(match.group().removesuffix("s") not in own for match in re.finditer(pattern, text))


def _no_derivation(correction: Correction) -> bool:
    by, of = correction.by, correction.of
    if len(by.completion.tokens) > SHORT * len(of.completion.tokens):
        return False
    rest = by.completion.text.replace(by.verdict.answer or "", " ")
    return not re.search(r"\w", _DRESSING.sub(" ", rest))
