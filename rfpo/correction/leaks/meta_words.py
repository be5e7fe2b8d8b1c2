"""Words that betray that there was an earlier attempt, a remark, or a reference."""

import re
from dataclasses import dataclass
from typing import ClassVar

from rfpo.correction.leaks import LeakTest
from rfpo.records import Correction, Group

_ADJECTIVES = "previous|earlier|prior|original|initial|wrong|incorrect|flawed|mistaken|faulty|erroneous"
_WORK = "answer|solution|response|reasoning|work|working|calculation|computation|derivation|result|version|try"
_FAULTY = "count|value|number|sum|total|figure|formula|step|assumption|approach|method|conclusion|claim|guess|sign|factor"
_MADE_BY_OTHERS = "model|worked|sample|reference|official|given|provided|supplied|expected|stated|target|intended"
_TOLD = "told|informed|reminded|advised|alerted"
_SAID = "said|told|pointed out|mentioned|noted|indicated|corrected|reminded|suggested|flagged|hinted|spotted"

WORDS = {
    "mentions_attempt": (
        r"\battempts?\b",
        r"\bdrafts?\b",
        rf"\b(?:{_ADJECTIVES}) (?:{_WORK})s?\b",
        rf"\b(?:the|my|that|this) (?:wrong|incorrect|flawed|mistaken|faulty|erroneous) (?:{_FAULTY})s?\b",
        r"\b(?:my|the) (?:first|last|old|former) (?:version|try|pass|guess|thought)\b",
        rf"\b(?:correct(?:ed|ing)|revised|updated|amended|fixed) (?:\w+ )?(?:{_WORK}|error|mistake)s?\b",
        r"\b(?:fix|correct|repair|rectify|amend|revis)ing (?:what|my|that|this)\b",
        r"\b(?:the|my|your|this|that|made an?) (?:error|mistake)s?\b",
        r"\b(?:went|gone|got it|was|were) (?:wrong|incorrect|mistaken)\b",
        r"\b(?:sorry|apolog(?:y|ies|i[sz]e)|oops|whoops|my bad)\b",
        r"\b(?:i|i've|we) (?:had |have )?(?:\w+ly )?(?:forgot(?:ten)?|overlooked|confused|mixed up|mis\w+ed|misread)\b",
        r"\bi (?:\w+ ){1,3}(?:originally|initially|at first|the first time|last time)\b",
        r"\bi (?:used|did|said|had|wrote|gave|claimed) (?:\w+ )?(?:before|earlier|previously)\b",
        r"\b(?:contrary to|unlike|not) what i\b|\bas i (?:claimed|thought|assumed)\b",
        r"\b(?:let me|let us|let's|i will|i'll) (?:redo|re-do|rework|retry|try again|start over|correct|revise)\b",
        r"(?:^|[.:;!?] )this time\b|\bthis time (?:around|i|we|correctly|properly)\b",
        rf"\bmy (?:\w+ )?(?:{_WORK}|[\d/.,]+) (?:was|were|had|should have|would)\b",
        r"\bshould(?:'ve| have) (?:been|used|added|taken)\b",
        r"(?:#|//|/\*) ?(?:was|fix|fixed|corrected|changed|previously|originally)\b",
    ),
    "mentions_feedback": (
        r"\bfeedback\b",
        r"\bhints?\b",
        r"\bcritiques?\b",
        r"\b(?:grader|verifier|reviewer|checker|autograder|examiner)s?\b",
        rf"\byou (?:have |had |'ve )?(?:{_SAID})\b",
        r"\bas (?:you )?(?:pointed out|noted|indicated|instructed|suggested|advised|recommended|remarked)\b",
        rf"\b(?:was|were|been|being) (?:{_TOLD})\b",
        r"\b(?:thanks|thank you) for (?!asking|(?:the|your|this) (?:\w+ )?(?:question|problem|exercise|task))",
        r"\b(?:good|nice|great) (?:catch|spot|point)\b|\bwell spotted\b",
        r"\b(?:you are|you're) (?:\w+ly |quite )?(?:right|correct)\b(?! to\b)",
        r"\b(?:the|your) (?:remark|advice|suggestion|criticism|reminder|objection)s?\b",
        r"\byour (?:comment|note|tip|correction)s?\b",
        r"\bthe (?:comment|note|tip)s? (?:says?|tells?|suggests?|asks?|points?|reminds?)\b",
        r"\b(?:was|were|been|got) (?:rejected|refused|turned down|marked (?:as )?(?:wrong|incorrect))\b",
    ),
    "mentions_reference": (
        rf"\b(?:{_MADE_BY_OTHERS}) (?:final )?(?:answer|solution|result)s?\b",
        r"\b(?:answer|solution) key\b|\bthe key (?:says|gives|states|has)\b",
        r"\bas (?:given|stated)\b",
        r"\b(?:matches|agrees with|consistent with|in agreement with|in line with) the (?:\w+ )?(?:answer|solution|result)\b",
        r"\b(?:answer|solution|result) (?:that was |which was |i was )?(?:given|provided|supplied)\b(?! (?:by|in|as))",
        r"\bnow that i know (?:it|this|that|the (?:answer|solution|result))\b",
    ),
}
"""By kind, what gives a correction away."""

_AIMS = (r"\b(?:need|want|have|has|had|supposed|aim|try|trying) (?:\w+ )?to (?:get|arrive at|reach|obtain|end up (?:at|with)|"
         r"come out (?:at|as)|match) {answer}(?![\w]|[.,]\d| (?:more|less)\b)")
"""An aim that only who knows the answer can have."""

_TOPICS = tuple(map(re.compile, (
    r"\b(?:error|mistake|wrong|incorrect|mistaken|flaw|faulty|erroneous|bug|fix|correct(?:ed|ing|ion))",
    r"\b(?:attempt|try|tries)", r"\b(?:draft|version|revis)", r"\b(?:feedback|critique|review|comment)", r"\bhint",
    r"\b(?:told|tells?|says?|said|informed)\b", r"\b(?:sorry|apolog)", r"\b(?:reject|refus)",
    r"\b(?:sample|model|reference)\b")))
"""What a question may itself be about."""


@dataclass(frozen=True)
class MetaWords(LeakTest):
    """The text speaks of the attempt, of feedback, or of the reference answer.

    Words that the prompt itself uses do not count, nor others on a topic of the prompt (a question about a pupil's mistake is
    answered with words for errors), unless the text says "I" or "my". It reads words, so it under-reports: a derivation that
    rationalises a known answer in its own words passes.
    """

    kinds: ClassVar[tuple[str, ...]] = tuple(WORDS)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        return mentioned(correction.by.completion.text, group.prompt.text, correction.by.verdict.answer or "")


def mentioned(text: str, own: str, answer: str = "") -> tuple[str, ...]:
    """The kinds of which `text` has words that `own`, the prompt's text, has not."""
    text, own = _plain(text), _plain(own)
    patterns = dict(WORDS)
    if answer.strip():
        patterns["mentions_reference"] += (_AIMS.format(answer=re.escape(_plain(answer))),)
    return tuple(kind for kind, several in patterns.items() if any(_mentions(pattern, text, own) for pattern in several))


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("\u2019", "'").split())


def _mentions(pattern: str, text: str, own: str) -> bool:
    """A plural in the text is excused by a singular in the prompt, and the other way round."""
    return any(match.group().removesuffix("s") not in own and not _on_topic(match.group(), own)
               for match in re.finditer(pattern, text))


def _on_topic(words: str, own: str) -> bool:
    if re.search(r"\b(?:i|my)\b", words):
        return False
    return any(topic.search(words) and topic.search(own) for topic in _TOPICS)
