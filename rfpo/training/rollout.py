"""Rollouts and corrections in one pass: a group's answers are judged, and it is corrected, while others are still sampled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rfpo.correction.fix import FixReport, Key, Talks
from rfpo.records import Attempt, Completion, Group, Prompt, RandomKey, Request, Verdict
from rfpo.training.archive import exemplars_for, history_of
from rfpo.training.asking import criticised, given, joined, ready
from rfpo.training.bench import Bench
from rfpo.training.state import LoopState

NO_ANSWER = Verdict.ungraded("not an answer")
"""Of what is no answer to the prompt, such as a reflection."""
CONTROL = -1
"""In the place of a request's place in its round: it belongs to no talk."""


class Rollout:
    """One draw of prompts, from requests to judged groups and the corrections of those that are stuck.

    The engine says when a request has all its completions; their verdicts are waited for a fixed number of decoding steps
    later, and the group's next round of corrections joins the rows that wait. Nothing depends on how long a verdict takes.

        rollout = Rollout(bench, state, drawn, progress)
        rollout.run()
        rollout.groups, rollout.stuck, rollout.report, rollout.tries
    """

    def __init__(self, bench: Bench, state: LoopState, drawn: Sequence[tuple[Prompt, int]], progress: float = 0.0):
        self.bench, self.state, self.drawn, self.progress = bench, state, drawn, progress
        fixing, tokens = bench.run.fixing, state.tokens
        helping = fixing and fixing.help.affordable(tokens.correction, tokens.generated)
        self.talks = Talks(fixing.operator, fixing.leak_tests) if fixing else None
        self.helping = bool(helping)
        self.done: dict[Key, Group] = {}
        self.stuck_keys: set[Key] = set()
        self.places: list[tuple[Key, int]] = []
        self.rounds: dict[Key, _Round] = {}
        self.wanted: list[Request] = []
        self.too_long = 0
        self.tried_tokens = 0
        self.under_way: dict[Key, float] = {}
        self.controls: dict[Key, tuple[Attempt, ...]] = {}

    def run(self) -> None:
        run = self.bench.run
        requests = [Request(prompt, prompt.content, RandomKey(run.seed, self.state.step, prompt.id, visit), run.group_size,
                            run.sampling) for prompt, visit in self.drawn]
        self.bench.screen.phase("sampling", len(self.drawn) * run.group_size)
        self.bench.engine.sample(requests, lambda _: self.bench.screen.advance(), self._follow)

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(self.done[prompt.id, visit] for prompt, visit in self.drawn)

    @property
    def stuck(self) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if group.key in self.stuck_keys)

    @property
    def report(self) -> FixReport:
        return self.talks.report([group.key for group in self.stuck])

    @property
    def tries(self) -> list[Attempt]:
        """Every attempt at a correction, group by group."""
        return self.talks.tries([group.key for group in self.stuck]) if self.talks else []

    def tries_of(self, key: Key) -> tuple[Attempt, ...]:
        """Those of one group; () where none was asked for."""
        return tuple(self.talks.tries([key])) if key in self.stuck_keys else ()

    def _follow(self, index: int, completions: list[Completion]) -> Callable[[], list[Request]]:
        if index < len(self.drawn):
            verdicts = begin(self.bench.judge, [(c.request.prompt, c.text) for c in completions])
            return lambda: self._rolled_out(index, tuple(map(Attempt, completions, verdicts())))
        key, place = self.places[index - len(self.drawn)]
        if place == CONTROL:
            verdicts = self._judging(completions)
            return lambda: self._controlled(key, tuple(map(Attempt, completions, verdicts())))
        request = self.rounds[key].requests[place]
        completions = [joined(self.bench, request, completion) for completion in completions]
        verdicts = self._judging(completions)
        return lambda: self._tried(key, place, tuple(map(Attempt, completions, verdicts())))

    def _judging(self, completions: Sequence[Completion]) -> Callable[[], list[Verdict]]:
        """All completions of one request."""
        if completions and not completions[0].request.judged:
            return lambda: [NO_ANSWER] * len(completions)
        return begin(self.bench.judge, [(c.request.prompt, c.text) for c in completions])

    def _rolled_out(self, index: int, attempts: tuple[Attempt, ...]) -> list[Request]:
        prompt, visit = self.drawn[index]
        memory = self.state.memory
        group = Group(prompt, attempts, visit, self.state.step, self.bench.run.seed, self.progress,
                      history_of(memory, prompt.id), exemplars_for(memory, prompt.text))
        self.done[group.key] = group
        fixing = self.bench.run.fixing
        if not self.helping or not fixing.diagnosis(group) or not fixing.help.given(group):
            return []
        if "offsets" in fixing.operator.reads:
            group = self.done[group.key] = replace(group, attempts=tuple(map(self._with_ends, group.attempts)))
        self.stuck_keys.add(group.key)
        return self._ask(group.key, self.talks.begin(group)) + self._control(group)

    def _control(self, group: Group) -> list[Request]:
        """Plain draws of a stuck prompt, to be judged and no more."""
        count, drawn = self.bench.run.fixing.control, group.sampling_request
        if not count:
            return []
        self.places.append((group.key, CONTROL))
        self.bench.screen.extend(count)
        return [replace(drawn, key=replace(drawn.key, purpose="control"), n=count)]

    def _controlled(self, key: Key, attempts: tuple[Attempt, ...]) -> list[Request]:
        self.controls[key] = attempts
        return []

    def _with_ends(self, attempt: Attempt) -> Attempt:
        completion = attempt.completion
        return replace(attempt, completion=replace(completion, ends=self.bench.engine.ends(completion.tokens)))

    def _tried(self, key: Key, place: int, attempts: tuple[Attempt, ...]) -> list[Request]:
        self.rounds[key].answers[place] = attempts
        self.tried_tokens += sum(attempt.completion.drawn for attempt in attempts)
        return self._go_on(key)

    def _go_on(self, key: Key) -> list[Request]:
        """The group's next round, once every request of this one is answered."""
        current = self.rounds[key]
        if len(current.answers) < len(current.requests):
            return []
        self.under_way.pop(key, None)
        return self._ask(key, self.talks.answer(key, tuple(current.answers[n] for n in range(len(current.requests)))))

    def _ask(self, key: Key, requests: Sequence[Request]) -> list[Request]:
        """Those of the requests that the engine is to answer. The others are answered here: what the critic writes, what is
        given and not drawn, and () for what does not fit into the model's context."""
        if not requests:
            return []
        if not self._affordable(key, requests):
            self.talks.end(key)
            return []
        self.wanted += requests
        current = self.rounds[key] = _Round(tuple(requests))
        prepared = [request if request.to != "policy" else ready(self.bench, request) for request in requests]
        other = [place for place, request in enumerate(requests) if request.to != "policy"]
        for place, written in zip(other, criticised(self.bench, [requests[n] for n in other]) if other else (), strict=True):
            current.answers[place] = self._judged(written)
        for place, (request, made) in enumerate(zip(requests, prepared, strict=True)):
            if place in current.answers:
                continue
            if made is None:
                current.answers[place] = ()
                self.too_long += request.n
            elif request.opening and request.opening.ends:
                current.answers[place] = self._judged(given(self.bench, request, made))
        asked = [(place, made) for place, made in enumerate(prepared) if place not in current.answers]
        self.places += [(key, place) for place, _ in asked]
        self.bench.screen.extend(sum(made.n for _, made in asked))
        return [made for _, made in asked] if asked else self._go_on(key)

    def _affordable(self, key: Key, requests: Sequence[Request]) -> bool:
        """Whether the ledger leaves tokens for the requests, each taken to be as long as the group's own answers were; those
        under way are counted so too, until they are answered."""
        ledger = self.bench.run.fixing.tokens_by_step
        if not ledger:
            return True
        mean = sum(a.completion.drawn for a in self.done[key].attempts) / len(self.done[key].attempts)
        spent = self.state.tokens.correction + self.tried_tokens + sum(self.under_way.values())
        if spent + mean / 2 > sum(ledger[: self.state.step + 1]):
            return False
        self.under_way[key] = mean * sum(request.n for request in requests)
        return True

    def _judged(self, completions: Sequence[Completion]) -> tuple[Attempt, ...]:
        return tuple(map(Attempt, completions, self._judging(completions)()))


@dataclass
class _Round:
    """A group's round of requests, and the answers so far, by the request's place in it."""

    requests: tuple[Request, ...]
    answers: dict[int, tuple[Attempt, ...]] = field(default_factory=dict)


def begin(judge, items: Sequence[tuple[Prompt, str]]) -> Callable[[], list[Verdict]]:
    """Judging begins, where the judge can do that beside other work; what is returned waits for the verdicts."""
    return judge.begin(items) if hasattr(judge, "begin") else lambda: judge(items)
