"""Rollouts and corrections in one pass: a group's answers are judged, and it is corrected, while others are still sampled."""

from collections.abc import Callable, Sequence

from rfpo.correction.fix import FixReport, Key, Talks
from rfpo.records import Attempt, Completion, Group, Prompt, RandomKey, Request, Verdict
from rfpo.training.bench import Bench


class Rollout:
    """One draw of prompts, from requests to judged groups and the corrections of those that are stuck.

    The engine says when a request has all its completions; their verdicts are waited for a fixed number of decoding steps
    later, and the group's next round of corrections joins the rows that wait. Nothing depends on how long a verdict takes.

        rollout = Rollout(bench, step, drawn)
        rollout.run()
        rollout.groups, rollout.stuck, rollout.report, rollout.tries
    """

    def __init__(self, bench: Bench, step: int, drawn: Sequence[tuple[Prompt, int]]):
        self.bench, self.step, self.drawn = bench, step, drawn
        self.talks = Talks(bench.run.fixing.operator) if bench.run.fixing else None
        self.done: dict[Key, Group] = {}
        self.stuck_keys: set[Key] = set()
        self.asked: list[Key | None] = [None] * len(drawn)
        self.rounds: dict[Key, _Round] = {}
        self.wanted: list[Request] = []

    def run(self) -> None:
        run = self.bench.run
        requests = [Request(prompt, prompt.content, RandomKey(run.seed, self.step, prompt.id, visit), run.group_size,
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

    def _follow(self, index: int, completions: list[Completion]) -> Callable[[], list[Request]]:
        verdicts = begin(self.bench.judge, [(c.request.prompt, c.text) for c in completions])
        return lambda: self._judged(index, tuple(map(Attempt, completions, verdicts())))

    def _judged(self, index: int, attempts: tuple[Attempt, ...]) -> list[Request]:
        if index < len(self.drawn):
            return self._rolled_out(index, attempts)
        key = self.asked[index]
        self.rounds[key].answers[index] = attempts
        return self._go_on(key)

    def _rolled_out(self, index: int, attempts: tuple[Attempt, ...]) -> list[Request]:
        prompt, visit = self.drawn[index]
        group = Group(prompt, attempts, visit, self.step, self.bench.run.seed)
        self.done[group.key] = group
        if self.talks is None or not self.bench.run.fixing.diagnosis(group):
            return []
        self.stuck_keys.add(group.key)
        return self._ask(group.key, self.talks.begin(group))

    def _go_on(self, key: Key) -> list[Request]:
        """The group's next round, once every request of this one is answered."""
        current = self.rounds[key]
        if not all(number is None or number in current.answers for number in current.numbers):
            return []
        return self._ask(key, self.talks.answer(key, tuple(current.answers.get(n, ()) for n in current.numbers)))

    def _ask(self, key: Key, requests: Sequence[Request]) -> list[Request]:
        """Those of the requests that fit into the model's context, as they are numbered by the engine. A round in which none
        does is answered at once."""
        if not requests:
            return []
        self.wanted += requests
        fitting: list[Request] = []
        numbers: list[int | None] = []
        for request in requests:
            room = fits(self.bench, request)
            numbers.append(len(self.asked) + len(fitting) if room else None)
            fitting += [request] if room else []
        self.asked += [key] * len(fitting)
        self.rounds[key] = _Round(numbers)
        self.bench.screen.extend(sum(request.n for request in fitting))
        return fitting if fitting else self._go_on(key)


class _Round:
    """The engine's number of each request of a group's round (None: it does not fit), and the answers so far."""

    def __init__(self, numbers: list[int | None]):
        self.numbers = numbers
        self.answers: dict[int, tuple[Attempt, ...]] = {}


def begin(judge, items: Sequence[tuple[Prompt, str]]) -> Callable[[], list[Verdict]]:
    """Judging begins, where the judge can do that beside other work; what is returned waits for the verdicts."""
    return judge.begin(items) if hasattr(judge, "begin") else lambda: judge(items)


def fits(bench: Bench, request: Request) -> bool:
    """The request leaves room for an answer; a correction prompt holds the attempt and may be too long."""
    return len(bench.engine.encode(request.content)) + len(request.prefix) < bench.engine.context_length
