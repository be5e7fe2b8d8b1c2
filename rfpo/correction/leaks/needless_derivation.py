"""The derivation is deleted: is the answer as likely without it?"""

import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction.leaks import LeakTest
from rfpo.records import Correction, Group, Opening, RandomKey

_SENTENCE = re.compile(r"\n|(?<=[.!?;:])\s")


@dataclass(frozen=True)
class NeedlessDerivation(LeakTest):
    """The model is asked the plain question again and goes on from the sentence that states the answer, with everything
    before it deleted: where at least `share` of `draws` answers are right, the answer did not follow from the derivation.

    A drawn stand-in for "is the answer predicted with unchanged probability", which would need log-probs of given tokens before
    the step's scoring; with few draws it is rough. The draws are counted like tries. Nothing is asked where there is no
    derivation to delete, or no answer that was taken out of the text.

    A model that could not answer plainly before it was helped can hardly do so here; found often, this says that the group was
    stuck by bad luck, or that answers are easy to guess.
    """

    draws: int = 4
    share: float = 0.5
    kinds: ClassVar[tuple[str, ...]] = ("needless_derivation",)

    def __post_init__(self):
        require(self, "draws", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 4)
        require(self, "share", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        return ()

    def audit(self, correction: Correction, group: Group, operator: Operator) -> Generator[Round, Answers, tuple[str, ...]]:
        lead = last_sentence(correction.by.completion.text, correction.by.verdict.answer or "")
        if lead is None:
            return ()
        key = RandomKey(seed=group.seed, step=group.step, prompt=group.prompt.id, visit=group.visit,
                        purpose="needless_derivation", attempt=correction.tries)
        asked = Try(group.prompt, group.prompt.content, key, self.draws, group.sampling_request.sampling, of=correction.of,
                    help="nothing", role="audit")
        answers = yield (replace(asked, opening=Opening(text=lead)) if lead else asked,)
        graded = [attempt for attempt in answers[0] if attempt.graded]
        right = sum(attempt.solved for attempt in graded)
        return self.kinds if graded and right >= self.share * len(graded) else ()


def last_sentence(text: str, answer: str) -> str | None:
    """What stands before the answer in its own sentence; None where nothing stands before that, or where there is no answer.

    >>> last_sentence("12 + 30 is 42. The sum is 46.", "46")
    'The sum is '
    """
    where = text.rfind(answer) if answer.strip() else -1
    if where < 0:
        return None
    starts = [match.end() for match in _SENTENCE.finditer(text[:where])]
    start = starts[-1] if starts else 0
    return text[start:where] if text[:start].strip() else None
