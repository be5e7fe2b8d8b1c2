"""The text repeats what it was told, or the wrong answer with another ending."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction.leaks import LeakTest
from rfpo.records import Content, Correction, Group


@dataclass(frozen=True)
class Parroting(LeakTest):
    """Two forms of repeating.

    parrots_help      a run of words of what the model was told (the correction prompt without the question and the wrong
                      answer: feedback, a hint, a worked solution) is repeated; it is at least `words` long and at least
                      `share` of the text
    answer_only_edit  the text is the wrong answer with another final answer: whatever reasons were wrong are still there.
                      Only where answers were taken out of longer texts.
    """

    words: int = 8
    share: float = 0.5
    kinds: ClassVar[tuple[str, ...]] = ("parrots_help", "answer_only_edit")

    def __post_init__(self):
        require(self, "words", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 8)
        require(self, "share", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        found = (self._parrots(correction, group), _answer_only(correction))
        return tuple(kind for kind, present in zip(self.kinds, found, strict=True) if present)

    def _parrots(self, correction: Correction, group: Group) -> bool:
        by, of = correction.by.completion, correction.of.completion.text
        told = text_of(by.request.content)
        for own in (text_of(group.prompt.content), of):
            told = told.replace(own, " ")
        words, source = by.text.lower().split(), told.lower().split()
        run = SequenceMatcher(None, source, words, autojunk=False).find_longest_match().size
        return run >= self.words and run >= self.share * len(words)


def text_of(content: Content) -> str:
    """What stands in a prompt, of a chat the last user message."""
    if isinstance(content, str):
        return content
    return next((message.content for message in reversed(content) if message.role == "user"), "")


def _answer_only(correction: Correction) -> bool:
    def body(attempt) -> str | None:
        text, answer = attempt.completion.text, attempt.verdict.answer
        where = text.rfind(answer) if answer else -1
        if where < 0 or answer.strip() == text.strip():
            return None
        return " ".join((text[:where] + text[where + len(answer):]).split())

    mine, parents = body(correction.by), body(correction.of)
    return mine is not None and mine == parents and any(letter.isalnum() for letter in mine)
