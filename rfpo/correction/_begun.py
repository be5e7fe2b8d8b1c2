"""What operators that begin an answer share: whose place it takes, where a wrong one is cut, what is drawn by chance."""

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from rfpo.correction import Answers, Round, Try
from rfpo.correction._reference import steps_of
from rfpo.correction._tries import key_of, parents_of, rounds_of, successes
from rfpo.records import Attempt, Correction, Group

_DRESSING = re.compile(r"(?:<\w+>|\\boxed\{|\$|\*\*)\s*$")


def standing(group: Group) -> tuple[Attempt, ...]:
    """The answers whose place another may take: the wrong ones, as `parents_of` has them, else the last graded answer that has
    an end; () where there is none."""
    finished = [attempt for attempt in group.graded if not attempt.completion.truncated]
    return parents_of(group) or tuple(finished[-1:])


def placed(found: Sequence[Correction], places: Sequence[Attempt], count: int) -> tuple[Correction, ...]:
    """The first `count` corrections, each in a place of its own as long as there are any."""
    return tuple(replace(correction, of=places[number % len(places)]) for number, correction in enumerate(found[:count]))


def in_rounds(operator, asked: Sequence[Try]) -> Generator[Round, Answers, tuple[Correction, ...]]:
    """Asks these tries, `operator.at_once` of them in a round, up to the first round that has a success; returns all of it."""
    for numbers in rounds_of(operator):
        requests = tuple(asked[number] for number in numbers if number < len(asked))
        answers = (yield requests) if requests else ()
        if found := successes(operator, requests, answers):
            return found
    return ()


def chance(operator, group: Group, number: int, of: str) -> float:
    """A uniform number in [0, 1) for what an operator decides by chance: `of` names the decision, `number` counts it."""
    key = key_of(operator, group, number)
    return replace(key, purpose=f"{key.purpose}/{of}").number() / 2**128


def before_answer(attempt: Attempt) -> int:
    """Where the final answer begins in the text, in characters, with the tag or box around it; the text's end where no answer
    was found in it. Of a text that is all answer, its last step is taken for it."""
    text, answer = attempt.completion.text, attempt.verdict.answer or ""
    start = text.rfind(answer) if answer.strip() else len(text)
    if start < 0:
        return len(text)
    while dressing := _DRESSING.search(text[:start]):
        start = dressing.start()
    return start if text[:start].strip() else len("".join(steps_of(text)[:-1]))
