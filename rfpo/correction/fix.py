"""The driver: runs an operator on all stuck groups at once, one batched call a round."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from rfpo.correction import Answers, Operator, Try
from rfpo.correction.leakage import leaks
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
    every token generated for all of them, accepted or not; `rounds` the calls made.
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


def fix(groups: Sequence[Group], operator: Operator, ask: Ask) -> FixReport:
    """Corrects the stuck groups in lockstep: each round, the requests of all that are still running go to `ask` as one list.

    The result depends on the groups, the operator and the answers alone. Every correction carries its leak check. Without
    groups nothing is asked. Raises ValueError when two groups share a key, or an operator returns a failed correction.
    """
    keys = [group.key for group in groups]
    if len(set(keys)) < len(keys):
        raise ValueError(f"two of the groups {keys} have the same key; give each visit of a prompt its own number.")
    talks = {group.key: operator.correct(group) for group in groups}
    returned, asked = _resume(talks, dict.fromkeys(keys))
    judged: list[tuple[Request, Attempt]] = []
    rounds = 0
    while asked:
        rounds += 1
        answers = _ask_all(asked, ask)
        judged += [(request, attempt) for key, requests in asked.items()
                   for request, attempts in zip(requests, answers[key], strict=True) for attempt in attempts]
        ended, asked = _resume({key: talks[key] for key in asked}, answers)
        returned |= ended
    corrections = {group.key: _checked(group, operator, returned[group.key]) for group in groups}
    return FixReport(corrections, tries=len(judged), rounds=rounds, successes=sum(map(len, corrections.values())),
                     located=sum(isinstance(request, Try) and request.located for request, _ in judged),
                     tokens=sum(len(attempt.completion.tokens) for _, attempt in judged))


def _resume(talks: Mapping[Key, Generator], answers: Mapping[Key, Answers | None]):
    """Send each its answers: what the ended ones returned, and the next round of those that go on."""
    returned, asked = {}, {}
    for key, talk in talks.items():
        try:
            asked[key] = talk.send(answers[key])
        except StopIteration as end:
            returned[key] = end.value
    return returned, asked


def _ask_all(asked: Mapping[Key, Sequence[Request]], ask: Ask) -> dict[Key, Answers]:
    """One call for all groups; its answers dealt out to the groups again."""
    flat = [request for requests in asked.values() for request in requests]
    answers = ask(flat)
    if len(answers) != len(flat):
        raise ValueError(f"ask gave {len(answers)} answers to {len(flat)} requests; it must give one for each, in order.")
    dealt = iter(answers)
    return {key: tuple(islice(dealt, len(requests))) for key, requests in asked.items()}


def _checked(group: Group, operator: Operator, corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    if not all(correction.by.solved for correction in corrections):
        raise ValueError(f"{type(operator).__name__} returned a correction of {group.key} that is not SOLVED; an operator "
                         f"returns those that succeeded.")
    return tuple(replace(correction, leaks=leaks(correction, group.prompt)) for correction in corrections)
