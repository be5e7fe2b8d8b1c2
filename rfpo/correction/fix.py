"""The drivers: an operator's talks with the model about all stuck groups."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction.leaks import LeakTest, audited
from rfpo.records import Attempt, Correction, Group, Request

Ask = Callable[[list[Request]], list[tuple[Attempt, ...]]]
"""Samples and judges: the answers to each request, in order; () for a request that could not be asked, such as one whose
prompt is longer than the model's context."""

Key = tuple[str, int]


@dataclass(frozen=True)
class FixReport:
    """What came of one step's stuck groups.

    `corrections` holds every group's, by its key and in the groups' order, () where none succeeded. `tries` counts the
    answers asked for, `located` those of them told the true place of the error, `successes` the corrections; `tokens` is
    every token generated for all of them, accepted or not; `rounds` the most that any
    group took.
    """

    corrections: Mapping[Key, tuple[Correction, ...]] = field(default_factory=dict)
    tries: int = 0
    located: int = 0
    successes: int = 0
    tokens: int = 0
    rounds: int = 0

    @property
    def fixed(self) -> int:
        """Groups that got at least one correction."""
        return sum(bool(corrections) for corrections in self.corrections.values())


class Talks:
    """The operator's talks with the model, one for each stuck group, each at its own pace.

    `begin` gives a group's first round of requests and `answer` the next one, () when its talk has ended. What comes of it
    depends on the groups, the operator and the answers alone, and not on the order in which groups are answered.
    """

    def __init__(self, operator: Operator, leak_tests: tuple[LeakTest, ...] = ()):
        self.operator, self.leak_tests = operator, leak_tests
        self._groups: dict[Key, Group] = {}
        self._talks: dict[Key, Generator] = {}
        self._asked: dict[Key, Round] = {}
        self._judged: dict[Key, list[tuple[Request, Attempt]]] = {}
        self._rounds: dict[Key, int] = {}
        self._returned: dict[Key, tuple[Correction, ...]] = {}

    def begin(self, group: Group) -> Round:
        """Raises ValueError when a group of the same key was begun before."""
        key = group.key
        if key in self._groups:
            raise ValueError(f"two of the groups have the same key, {key}; give each visit of a prompt its own number.")
        self._groups[key], self._judged[key], self._rounds[key] = group, [], 0
        self._talks[key] = _audited(self.operator, self.leak_tests, group)
        return self._go_on(key, None)

    def answer(self, key: Key, answers: Answers) -> Round:
        """The judged completions of each request of the group's last round, in order; () for one that was not asked."""
        self._judged[key] += [(request, attempt) for request, attempts in zip(self._asked[key], answers, strict=True)
                              for attempt in attempts]
        return self._go_on(key, answers)

    def end(self, key: Key) -> None:
        """The group's talk ends here, without a correction."""
        self._talks[key].close()
        self._returned[key] = ()

    def _go_on(self, key: Key, answers: Answers | None) -> Round:
        try:
            self._asked[key] = self._talks[key].send(answers)
            self._rounds[key] += 1
            return self._asked[key]
        except StopIteration as end:
            self._returned[key] = end.value
            return ()

    def tries(self, order: Sequence[Key]) -> list[Attempt]:
        """Every attempt at a correction, group by group."""
        return [attempt for key in order for _, attempt in self._judged[key]]

    def report(self, order: Sequence[Key]) -> FixReport:
        """When all talks have ended."""
        judged = [pair for key in order for pair in self._judged[key]]
        corrections = {key: self._returned[key] for key in order}
        return FixReport(corrections, tries=len(judged), rounds=max(self._rounds.values(), default=0),
                         successes=sum(map(len, corrections.values())),
                         located=sum(isinstance(request, Try) and request.located for request, _ in judged),
                         tokens=sum(attempt.completion.drawn for _, attempt in judged))


def fix(groups: Sequence[Group], operator: Operator, ask: Ask, leak_tests: tuple[LeakTest, ...] = ()) -> FixReport:
    """Corrects the stuck groups in lockstep: each round, the requests of all that are still running go to `ask` as one list.

    Without groups nothing is asked. Raises ValueError when two groups share a key, an operator returns a failed correction,
    or `ask` gives another number of answers than it was asked for.
    """
    talks = Talks(operator, leak_tests)
    asked = {group.key: talks.begin(group) for group in groups}
    while asked := {key: requests for key, requests in asked.items() if requests}:
        answers = _ask_all(asked, ask)
        asked = {key: talks.answer(key, answers[key]) for key in asked}
    return talks.report([group.key for group in groups])


def _ask_all(asked: Mapping[Key, Sequence[Request]], ask: Ask) -> dict[Key, Answers]:
    """One call for all groups; its answers dealt out to the groups again."""
    flat = [request for requests in asked.values() for request in requests]
    answers = ask(flat)
    if len(answers) != len(flat):
        raise ValueError(f"ask gave {len(answers)} answers to {len(flat)} requests; it must give one for each, in order.")
    dealt = iter(answers)
    return {key: tuple(islice(dealt, len(requests))) for key, requests in asked.items()}


def _audited(operator: Operator, tests: tuple[LeakTest, ...], group: Group
             ) -> Generator[Round, Answers, tuple[Correction, ...]]:
    """The operator's talk, and after it the leak tests of what it returned. Every correction carries what they found. Raises
    ValueError when the operator returned a failed correction."""
    corrections = yield from operator.correct(group)
    if not all(correction.by.solved for correction in corrections):
        raise ValueError(f"{type(operator).__name__} returned a correction of {group.key} that is not SOLVED; an operator "
                         f"returns those that succeeded.")
    checked = []
    for correction in corrections:
        found = yield from audited(tests, correction, group, operator)
        checked.append(replace(correction, leaks=found))
    return tuple(checked)
