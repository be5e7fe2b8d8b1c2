"""What the operators share: whom to correct, and asking try after try until one succeeds.

No two completions of a group draw the same random numbers. The key of an operator's request has
    purpose    the operator's name, which the report shows
    attempt    the number of the try, counted from 0: the report shows one more
    sample     from 0 for the answers of the try, from TURN for what is asked on the way to them (a reflection, a critique)
"""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from rfpo.checks import require
from rfpo.correction import Answers, Round, Try
from rfpo.pieces import kind_of
from rfpo.records import Attempt, Content, Correction, Group, Opening, RandomKey, Verdict

TURN = 2**20
"""More than the samples that a turn of a try has."""


class Told(NamedTuple):
    """A correction prompt, what it gives away, how many answers to it are wanted, and how they begin."""

    content: Content
    help: str
    located: bool = False
    n: int = 1
    opening: Opening | None = None


class Advice(NamedTuple):
    """What is asked for before a try: a reflection or a critique, which is not judged. `help` is what its writer is told."""

    content: Content
    help: str
    role: str
    max_tokens: int
    to: str = "policy"


Accepts = Callable[[Attempt, Attempt], bool]
"""Whether the second answer, which is right, may be the correction of the first."""


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


def words_of(verdict: Verdict) -> str:
    """What is wrong, in the verifier's words: what it calls the error, else what it said; "" for none."""
    return verdict.error.strip() or verdict.feedback.strip()


def key_of(operator, group: Group, number: int, turn: int = 0) -> RandomKey:
    """The random numbers of the operator's try `number`, counted from 0. Turn 0 is the answer, 1 what is asked before it."""
    return RandomKey(seed=group.seed, step=group.step, prompt=group.prompt.id, visit=group.visit,
                     purpose=kind_of(operator), attempt=number, sample=turn * TURN)


def rounds_of(operator) -> Iterator[range]:
    """The numbers of the tries, `at_once` of them in a round."""
    for start in range(0, operator.tries, operator.at_once):
        yield range(start, min(start + operator.at_once, operator.tries))


def try_parents(operator, group: Group, parents: Sequence[Attempt], tell: Callable[[Attempt, int], Told],
                accepts: Accepts | None = None) -> Generator[Round, Answers, tuple[Correction, ...]]:
    """Up to `operator.tries` tries, `operator.at_once` in a round, the parents in turn; ends after the first round with a
    success and returns all of that round's, in the order of the tries. Without parents it asks nothing.

    `tell(parent, number)` writes the prompt of try `number`. A try that got no answer counts as failed, and so does a right
    answer that `accepts` turns down.
    """
    for numbers in rounds_of(operator) if parents else ():
        chosen = [parents[number % len(parents)] for number in numbers]
        asked = tuple(request_of(operator, group, parent, number, tell(parent, number))
                      for number, parent in zip(numbers, chosen, strict=True))
        answers = yield asked
        if corrections := successes(operator, asked, answers, accepts):
            return corrections
    return ()


def try_advised(operator, group: Group, parents: Sequence[Attempt], advise: Callable[[Attempt], Advice],
                tell: Callable[[Attempt, Attempt], Told], *, once: bool = False
                ) -> Generator[Round, Answers, tuple[Correction, ...]]:
    """As `try_parents`, with two turns to a try: `advise(parent)` asks for a reflection or a critique, and
    `tell(parent, advice)` writes the prompt of the try itself, whose request names the advice in `after`.

    Every try has advice of its own; with `once`, every parent has, and its later tries go by the same. A try whose advice
    did not come, or holds no word, fails without being asked. Advice that was cut off is used as far as it goes.
    """
    heard: dict[int, Attempt | None] = {}
    for numbers in rounds_of(operator) if parents else ():
        fresh = [number for number in numbers if not once or number < len(parents)]
        asked = tuple(advice_of(operator, group, parents[number % len(parents)], number, advise) for number in fresh)
        answers = (yield asked) if asked else ()
        heard |= dict(zip(fresh, map(with_words, answers), strict=True))
        asked = tuple(
            request_of(operator, group, parent, number, tell(parent, advice), (advice,))
            for number in numbers for parent in [parents[number % len(parents)]]
            if (advice := heard[number % len(parents) if once else number]) is not None)
        answers = (yield asked) if asked else ()
        if corrections := successes(operator, asked, answers):
            return corrections
    return ()


def request_of(operator, group: Group, parent: Attempt, number: int, told: Told, after: tuple[Attempt, ...] = ()) -> Try:
    """Try `number` at a correction of `parent`, with the group's own sampling."""
    return Try(prompt=group.prompt, content=told.content, key=key_of(operator, group, number), n=told.n,
               sampling=group.sampling_request.sampling, opening=told.opening, of=parent, help=told.help, located=told.located,
               after=after)


def advice_of(operator, group: Group, parent: Attempt, number: int, advise: Callable[[Attempt], Advice]) -> Try:
    """What is asked before try `number`. It keeps the group's temperature and not its stop strings, which are those of an
    answer."""
    advice = advise(parent)
    sampling = replace(group.sampling_request.sampling, max_tokens=advice.max_tokens, stop=())
    return Try(prompt=group.prompt, content=advice.content, key=key_of(operator, group, number, turn=1), sampling=sampling,
               to=advice.to, judged=False, of=parent, help=advice.help, role=advice.role)


def with_words(attempts: Sequence[Attempt]) -> Attempt | None:
    """The first completion that holds a word, None where there is none."""
    return next((attempt for attempt in attempts if attempt.completion.text.strip()), None)


def successes(operator, asked: Sequence[Try], answers: Answers, accepts: Accepts | None = None) -> tuple[Correction, ...]:
    """The corrections among a round's answers, in the order in which they were asked for."""
    return tuple(correction_of(operator, request, attempt, request.key.attempt + 1)
                 for request, attempts in zip(asked, answers, strict=True) for attempt in attempts
                 if attempt.solved and (accepts is None or accepts(request.of, attempt)))


def correction_of(operator, request: Try, attempt: Attempt, tries: int) -> Correction:
    """The correction that a successful try is; `tries` counts from 1."""
    return Correction(of=request.of, by=attempt, operator=kind_of(operator), tries=tries, help=request.help,
                      located=request.located, level=request.level, origin=request.origin)


@cache
def say_once(line: str) -> None:
    """Log a line the first time that this process has it to say."""
    logging.getLogger("rfpo.correction").warning(line)
