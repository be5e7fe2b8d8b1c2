"""What an update does: log-probs of right and wrong answers before and after it, and pass@1."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from math import exp, sqrt
from pathlib import Path
from statistics import fmean

import torch

from rfpo.batch import collate
from rfpo.config.run import Run
from rfpo.engines.local import LocalEngine
from rfpo.engines.local.engine import adamw
from rfpo.engines.local.storing import trained
from rfpo.engines.protocols import UpdateReport
from rfpo.records import Outcome, Prompt, RandomKey, Sample
from rfpo.study._offline_frozen import Frozen, samples_of
from rfpo.study.base import Classes
from rfpo.training.bench import Bench
from rfpo.training.evaluate import score
from rfpo.training.learn import learn
from rfpo.training.state import LoopState

Row = tuple[tuple[int, ...], tuple[int, ...]]
"""(context, answer)"""
EVEN = 0.1
"""Length of the even step, as a share of the longest that Adam's first can be: short enough to tell directions apart."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Means over prompts. log pi(answer | q) in nats, summed over the answer's tokens: of the `right` answer (the prompt's
    solution) and of the `wrong` one (the untrained student's own) to held-out stuck prompts, and of both to the trained
    prompts, those that have a correction. `chance` is the mean of pi(solution | q) over the held-out stuck prompts. `stuck` and
    `other` are the pass@1 of held-out prompts; None where nothing was sampled. A change is a Reading too."""

    right: float
    wrong: float
    trained_right: float
    trained_wrong: float
    chance: float
    stuck: float | None = None
    other: float | None = None

    @property
    def margin(self) -> float:
        """log pi(right) - log pi(wrong), held out."""
        return self.right - self.wrong

    @property
    def trained_margin(self) -> float:
        return self.trained_right - self.trained_wrong

    def since(self, before: "Reading") -> "Reading":
        """The change."""
        pairs = {f.name: (getattr(self, f.name), getattr(before, f.name)) for f in fields(self)}
        return Reading(**{name: None if None in pair else pair[0] - pair[1] for name, pair in pairs.items()})


@dataclass(frozen=True)
class Effect:
    """What training an arm on one frozen set does, as changes: after `one` update over all of its draws, after an `even` step
    (along the same gradient itself, every arm's step equally long), and after `steps`, an update for each draw. `gradient_norm`
    and `rows` are the one update's, before clipping; 0: there was nothing to train."""

    one: Reading
    even: Reading
    steps: Reading
    gradient_norm: float
    rows: int


class Kept(torch.optim.Optimizer):
    """Moves no weight: keeps the gradient that it is given, so that it can be stepped along in more than one way."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.0})
        self.gradient: list[torch.Tensor | None] = []

    def step(self, closure=None):
        self.gradient = [None if weight.grad is None else weight.grad.clone() for weight in self.param_groups[0]["params"]]


class EvenStep(torch.optim.Optimizer):
    """w <- w - EVEN lr sqrt(P) g / |g| over all P weights together. Adam's first step, lr g / |g| in each weight alone, has at
    most the length lr sqrt(P)."""

    def __init__(self, params, lr: float):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        group = self.param_groups[0]
        weights = [weight for weight in group["params"] if weight.grad is not None]
        norm = sqrt(sum(float(weight.grad.double().square().sum()) for weight in weights))
        length = EVEN * group["lr"] * sqrt(sum(weight.numel() for weight in weights))
        for weight in weights if norm else ():
            weight.sub_(weight.grad, alpha=length / norm)


class Probe:
    """A student with what it is measured on: held-out prompts, their right answers, and its own wrong ones."""

    def __init__(self, bench: Bench, classes: Classes):
        self.bench, self.classes = bench, classes
        engine, prompts = bench.engine, [prompt for prompt in classes.stuck if prompt.solution is not None]
        _, drawn = score(engine, bench.judge, prompts, bench.run.sampling, 1, RandomKey(purpose="offline/wrong"))
        self.right = [self.solution(prompt) for prompt in prompts]
        self.wrong = [(attempt.completion.context, attempt.completion.tokens) for (attempt,) in drawn if attempt.wrong]
        self._start = tempfile.TemporaryDirectory()
        engine.save_state(Path(self._start.name))

    def solution(self, prompt: Prompt) -> Row:
        engine = self.bench.engine
        return engine.encode(prompt.content), (*engine.encode(prompt.solution), engine.text.tokenizer.eos_token_id)

    def effect(self, run: Run, frozen: Frozen, before: Reading, done: Callable[[], None] = lambda: None) -> Effect:
        """Train the run on the set in three ways, each from the untrained weights."""
        bench = replace(self.bench, run=unwarmed(run))
        draws = samples_of(bench, frozen)
        report, gradient = self._gradient(bench, [sample for samples in draws for sample in samples], frozen.progress)
        changes = []
        for step in (adamw(bench.engine.network, bench.run.optimizer),
                     EvenStep(trained(bench.engine.network).values(), run.optimizer.learning_rate)):
            self.reset(run)
            if gradient:
                _along(step, gradient)
            changes.append(self.read(frozen).since(before))
            done()
        self.reset(run)
        for samples in filter(None, draws):
            learn(bench, LoopState(), samples, frozen.progress)
        changes.append(self.read(frozen, sampled=True).since(before))
        done()
        return Effect(*changes, report.gradient_norm if gradient else 0.0, report.trained_rows if gradient else 0)

    def _gradient(self, bench: Bench, samples: Sequence[Sample], progress: float
                  ) -> tuple[UpdateReport, list[torch.Tensor | None]]:
        """Of one update over all samples at the untrained weights, clipped as the run clips it; [] where nothing is trained."""
        self.reset(bench.run)
        engine = bench.engine
        engine.optimizer = kept = Kept(trained(engine.network).values())
        once = replace(bench, run=replace(bench.run, updates_per_step=1, epochs=1))
        lesson = learn(once, LoopState(), samples, progress) if samples else None
        return lesson.reports[0] if lesson else UpdateReport(stepped=False), kept.gradient

    def reset(self, run: Run) -> None:
        """The untrained weights, and the run's optimizer without a past."""
        engine: LocalEngine = self.bench.engine
        engine.load_state(Path(self._start.name))
        engine.optimizer, engine.max_gradient_norm = adamw(engine.network, run.optimizer), run.optimizer.max_gradient_norm

    def read(self, frozen: Frozen, sampled: bool = False) -> Reading:
        """Of the policy as it is. Draws depend on the set's seed alone."""
        fixed = [c for c in frozen.corrections if c.of.completion.request.prompt.solution is not None]
        rows = {"right": self.right, "wrong": self.wrong,
                "trained_right": [self.solution(c.of.completion.request.prompt) for c in fixed],
                "trained_wrong": [(c.of.completion.context, c.of.completion.tokens) for c in fixed]}
        found = iter(log_probs(self.bench.engine, [row for part in rows.values() for row in part]))
        logps = {name: [next(found) for _ in part] for name, part in rows.items()}
        shares = self._pass_at_1(frozen.seed) if sampled else {}
        return Reading(**{name: _mean(part) for name, part in logps.items()}, chance=_mean(list(map(exp, logps["right"]))),
                       **shares)

    def _pass_at_1(self, seed: int) -> dict[str, float]:
        bench, classes = self.bench, self.classes
        scores, _ = score(bench.engine, bench.judge, [*classes.stuck, *classes.other], bench.run.sampling, 1,
                          RandomKey(seed, purpose="evaluation"))
        stuck, other = scores.solved[: len(classes.stuck)], scores.solved[len(classes.stuck):]
        return {"stuck": _mean(stuck)} | ({"other": _mean(other)} if other else {})


def _along(step: torch.optim.Optimizer, gradient: Sequence[torch.Tensor | None]) -> None:
    for weight, slope in zip(step.param_groups[0]["params"], gradient, strict=True):
        weight.grad = slope
    step.step()
    step.zero_grad()


def unwarmed(run: Run) -> Run:
    """The run at its full learning rate from the first update on."""
    return replace(run, optimizer=replace(run.optimizer, warmup_steps=0, decay="constant"))


def log_probs(engine: LocalEngine, rows: Sequence[Row]) -> list[float]:
    """log pi(tokens | context) of each row, summed over its tokens."""
    if not rows:
        return []
    samples = [Sample(context=context, tokens=tokens, trained=(True,) * len(tokens), outcome=Outcome.SOLVED, reward=0.0,
                      group=(str(index), 0)) for index, (context, tokens) in enumerate(rows)]
    batch = collate(samples, max_length=max(len(tokens) for _, tokens in rows))
    return engine.score(batch, frozenset({"old"})).old.double().sum(-1).tolist()


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
