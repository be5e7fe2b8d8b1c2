"""What the operators share: whom to correct, and asking try after try until one succeeds."""

import logging
from collections.abc import Callable, Generator, Sequence
from functools import cache
from typing import NamedTuple

from rfpo.checks import require
from rfpo.correction import Answers, Round, Try
from rfpo.pieces import kind_of
from rfpo.records import Attempt, Content, Correction, Group, RandomKey


class Told(NamedTuple):
    """A correction prompt and what it gives away."""

    content: Content
    help: str
    located: bool = False


def check_tries(operator) -> None:
    """`tries` and `at_once` of an operator are whole numbers, 1 <= at_once <= tries."""
    require(operator, "tries", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 4)
    require(operator, "at_once", lambda x: isinstance(x, int) and 1 <= x <= operator.tries,
            f"a whole number from 1 to tries, which is {operator.tries}", 1)


def parents_of(group: Group) -> tuple[Attempt, ...]:
    """The wrong answers that may be corrected, in order, one for each distinct text. A truncated answer is never a parent:
    it has no end to correct, and its mean log-prob is too high for the off-policy ratio."""
    wrong = (attempt for attempt in group.attempts if attempt.wrong and not attempt.completion.truncated)
    distinct: dict[str, Attempt] = {}
    for attempt in wrong:
        distinct.setdefault(attempt.completion.text, attempt)
    return tuple(distinct.values())


def key_of(operator, group: Group, number: int) -> RandomKey:
    """The random numbers of the operator's try `number`, counted from 0."""
    return RandomKey(seed=group.seed, step=group.step, prompt=group.prompt.id, visit=group.visit,
                     purpose=kind_of(operator), attempt=number)


def try_parents(operator, group: Group, parents: Sequence[Attempt], tell: Callable[[Attempt, int], Told]
                ) -> Generator[Round, Answers, tuple[Correction, ...]]:
    """Up to `operator.tries` tries, `operator.at_once` in a round, the parents in turn; ends after the first round with a
    success and returns all of that round's, in the order of the tries. Without parents it asks nothing.

    `tell(parent, number)` writes the prompt of try `number`. A try that got no answer counts as failed.
    """
    if not parents:
        return ()
    for start in range(0, operator.tries, operator.at_once):
        numbers = range(start, min(start + operator.at_once, operator.tries))
        asked = tuple(_request(operator, group, parents[n % len(parents)], n, tell) for n in numbers)
        answers = yield asked
        corrections = tuple(
            correction_of(operator, request, attempt, number + 1)
            for number, request, attempts in zip(numbers, asked, answers, strict=True)
            for attempt in attempts if attempt.solved)
        if corrections:
            return corrections
    return ()


def correction_of(operator, request: Try, attempt: Attempt, tries: int) -> Correction:
    """The correction that a successful try is; `tries` counts from 1."""
    return Correction(of=request.of, by=attempt, operator=kind_of(operator), tries=tries, help=request.help,
                      located=request.located, level=request.level, origin=request.origin)


def _request(operator, group: Group, parent: Attempt, number: int, tell: Callable[[Attempt, int], Told]) -> Try:
    told = tell(parent, number)
    return Try(prompt=group.prompt, content=told.content, key=key_of(operator, group, number),
               sampling=group.sampling_request.sampling, of=parent, help=told.help, located=told.located)


@cache
def say_once(line: str) -> None:
    """Log a line the first time that this process has it to say."""
    logging.getLogger("rfpo.correction").warning(line)
