"""Told a false answer, does the model derive that one as fluently?"""

import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction.leaks import LeakTest
from rfpo.records import Correction, Group


@dataclass(frozen=True)
class CounterfactualReference(LeakTest):
    """The same operator is asked once more, with a false reference answer a'. If one of `tries` outputs asserts a', the
    operator leaks: what it returns follows from what it was told and not from the question.

    a' is the solution with its last whole number raised by 1, or with its first and last characters changed over where it
    holds none. Asked only where the operator told the answer (help "answer" or "solution"); its tokens are counted as those of
    tries. The verdict on one correction says something of the operator on that prompt, not of the text.
    """

    tries: int = 1
    kinds: ClassVar[tuple[str, ...]] = ("follows_false_reference",)

    def __post_init__(self):
        require(self, "tries", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 1)

    def find(self, correction: Correction, group: Group) -> tuple[str, ...]:
        return ()

    def audit(self, correction: Correction, group: Group, operator: Operator) -> Generator[Round, Answers, tuple[str, ...]]:
        false = altered(group.prompt.solution or "")
        if correction.help not in ("answer", "solution") or not false:
            return ()
        asked = tuple(operator.correct(replace(group, prompt=replace(group.prompt, solution=false))).send(None))
        tries = [t for t in asked if isinstance(t, Try)][:1]
        if not tries or tries[0].opening is not None:
            return ()
        key = replace(tries[0].key, purpose="counterfactual_reference")
        answers = yield tuple(replace(tries[0], key=replace(key, attempt=n), n=1, role="audit", of=correction.of)
                              for n in range(self.tries))
        asserted = any(asserts(attempt, false) for attempts in answers for attempt in attempts)
        return self.kinds if asserted else ()


def altered(solution: str) -> str:
    """A false answer of the same form; "" where none can be made.

    >>> altered("x = 46"), altered("yes")
    ('x = 47', 'sey')
    """
    numbers = list(re.finditer(r"\d+", solution))
    if numbers:
        start, end = numbers[-1].span()
        return solution[:start] + str(int(solution[start:end]) + 1).zfill(end - start) + solution[end:]
    turned = solution[-1:] + solution[1:-1] + solution[:1]
    return turned if turned != solution else ""


def asserts(attempt, answer: str) -> bool:
    """The answer that was taken out of the text is this one; where none was, the text ends with it."""
    taken = attempt.verdict.answer
    return taken.strip() == answer.strip() if taken else attempt.completion.text.strip().endswith(answer.strip())
