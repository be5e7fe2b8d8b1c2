"""A recipe at the size of a test, with answers that the test writes: what was trained, row by row.

    play = played("lte", answers=[CARRY, RESULT], tries=[RIGHT, RIGHT])
    play.rows()[0].text, play.rows()[0].context, play.rows("imitation"), play.requests, play.metrics
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from rfpo.batch import ORIGINS, exp
from rfpo.config.change import put
from rfpo.engines.protocols import Stream
from rfpo.objective import Policy
from rfpo.recipes import recipe
from rfpo.records import Prompt, Request
from rfpo.reporting.display import Display
from rfpo.training.bench import Bench
from rfpo.training.state import LoopState
from rfpo.training.step import take_step
from tests.training.scripted import HARD, Parted, judge

SMALL = {"group_size": 4, "prompts_per_step": 1, "sampling.max_tokens": 64, "updates_per_step": 1, "epochs": 1}


@dataclass(frozen=True)
class Row:
    """A row as it was trained. `trained` is the text of the trained tokens; `weight` the mean over them of what multiplies the
    surrogate (1 without weights); `parent` the text of the answer that it corrects, "" without one."""

    text: str
    trained: str
    context: str
    teacher_context: str
    reward: float
    advantage: float
    weight: float
    origin: str
    parent: str
    baseline: bool
    group: int
    unit: int


@dataclass
class Played:
    """A bench after its steps. `metrics` and `records` are those of the last step."""

    bench: Bench
    state: LoopState
    metrics: dict = field(default_factory=dict)
    records: list = field(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        """All that the engine was asked, rollouts first."""
        return self.bench.engine.requests

    @property
    def asked(self) -> list[Request]:
        """What was asked beyond the rollouts."""
        return [request for request in self.requests if request.key.purpose != "rollout"]

    def rows(self, stream: str = "policy", update: int = -1) -> list[Row]:
        """The rows of one stream in one update, those with a zero advantage too; [] where it had none."""
        found = [s for s in self.bench.engine.updates[update] if s.name == stream] if self.bench.engine.updates else []
        return _rows(found[0], self.bench.engine.decode) if found else []


def played(name: str, answers: Sequence[str] | Callable[[Request, int], str], tries: Sequence[str] = (), *,
           prompts: Sequence[Prompt] = (HARD,), steps: int = 1, progress: float = 0.0, judged=judge, critic=None,
           state: LoopState | None = None, run=None, **changes) -> Played:
    """The recipe's steps with scripted answers: `answers[j]` is the group's answer j (of any prompt and step), or a function of
    the request and j; `tries` are what is answered to every further request, one after the other and round about. Changes name
    fields as in `--set`, with __ for a dot. Old log-probs are -0.5 nats a token, a parent's -0.9."""
    given = iter(range(10**9))

    def script(request: Request, j: int) -> str:
        if callable(answers):
            return answers(request, j)
        return answers[j % len(answers)] if request.key.purpose == "rollout" else tries[next(given) % len(tries)]

    start = put(run or recipe(name), [*SMALL.items(), *((path.replace("__", "."), value) for path, value in changes.items())])
    bench = Bench(start, Parted(script), judged, tuple(prompts), Display(1, quiet=True))
    play = Played(bench, state or LoopState())
    for _ in range(steps):
        play.metrics, _, play.records = take_step(bench, play.state, progress)
    return play


def _rows(stream: Stream, decode) -> list[Row]:
    batch, loss = stream.batch, stream.objective
    logp = torch.where(batch.valid, -0.5, 0.0)
    batch = replace(batch, **{name: logp for name in ("old", "update") if getattr(batch, name) is None})
    log_weight = loss.log_weight(Policy(logp, torch.ones_like(logp)), batch) if loss.weights else torch.zeros_like(logp)
    made = []
    for i in range(len(batch)):
        tokens = batch.tokens[i][batch.valid[i]].tolist()
        mask = batch.mask[i]
        trained = batch.tokens[i][mask].tolist()
        parents = batch.parent_tokens[i][batch.parent_mask[i]].tolist()
        made.append(Row(
            decode(tokens), decode(trained), decode(batch.contexts[batch.context[i]]),
            decode(batch.teacher_contexts[batch.teacher_context[i]]), float(batch.reward[i]), _mean(batch.advantage[i], mask),
            _mean(exp(log_weight[i]), mask), ORIGINS[batch.origin[i]], decode(parents), bool(batch.baseline[i]),
            int(batch.group[i]), int(batch.unit[i])))
    return made


def _mean(values: torch.Tensor, mask: torch.Tensor) -> float:
    return float(values[mask].mean()) if mask.any() else 0.0
