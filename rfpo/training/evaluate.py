"""Evaluation: plain completions of held-out prompts, and pass@k by the unbiased estimator."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import comb

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rfpo.correction._templates import load
from rfpo.engines.protocols import Sampler
from rfpo.engines.settings import Model
from rfpo.errors import UserError
from rfpo.records import Attempt, Prompt, RandomKey, Request, Sampling
from rfpo.tasks import Task

BAR = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
Judge = Callable[[Sequence[tuple[Prompt, str]]], list]


def pass_at_k(samples: int, solved: int, k: int) -> float:
    """pass@k = 1 - C(n-c, k) / C(n, k): the chance that k of the n samples, c of them right, hold a right one.

    Unbiased for k <= n (Chen et al. 2021, arXiv 2107.03374). Raises ValueError for k > n.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"k is {k}; pass@k from {samples} samples needs 1 <= k <= {samples}.")
    return 1.0 - comb(samples - solved, k) / comb(samples, k)


@dataclass(frozen=True)
class Scores:
    """Per prompt: its task, how many graded samples it had and how many were right."""

    tasks: tuple[str, ...]
    prompts: tuple[str, ...]
    graded: tuple[int, ...]
    solved: tuple[int, ...]
    tokens: int
    truncated: int
    ungraded: int

    def pass_at(self, k: int, task: str | None = None) -> float | None:
        """Mean pass@k over the prompts with at least k graded samples; None when there is none."""
        values = [pass_at_k(n, c, k) for t, n, c in zip(self.tasks, self.graded, self.solved, strict=True)
                  if n >= k and task in (None, t)]
        return sum(values) / len(values) if values else None

    def summary(self, ks: Sequence[int]) -> dict:
        """One entry a task and one for all, ready for JSON."""
        names = [*dict.fromkeys(self.tasks)]
        rows = {name: {f"pass@{k}": self.pass_at(k, name) for k in ks} | {"prompts": self.tasks.count(name)} for name in names}
        if len(names) > 1:
            rows["all"] = {f"pass@{k}": self.pass_at(k) for k in ks} | {"prompts": len(self.prompts)}
        return {"tasks": rows, "generated_tokens": self.tokens, "truncated": self.truncated, "ungraded": self.ungraded}

    def to_json(self, ks: Sequence[int]) -> str:
        detail = [{"task": t, "prompt": p, "graded": n, "solved": c}
                  for t, p, n, c in zip(self.tasks, self.prompts, self.graded, self.solved, strict=True)]
        return json.dumps(self.summary(ks) | {"prompts": detail}, indent=1)


def score(sampler: Sampler, judge: Judge, prompts: Sequence[Prompt], sampling: Sampling, samples: int, key: RandomKey,
          finished: Callable | None = None) -> tuple[Scores, list[tuple[Attempt, ...]]]:
    """`samples` plain completions of each prompt, judged. `key` gives seed, step and purpose; prompts make it distinct."""
    attempts = ask(sampler, judge, plain_requests(prompts, sampling, samples, key), finished)
    flat = [attempt for group in attempts for attempt in group]
    return Scores(
        tasks=tuple(p.task for p in prompts), prompts=tuple(p.id for p in prompts),
        graded=tuple(sum(a.graded for a in group) for group in attempts),
        solved=tuple(sum(a.solved for a in group) for group in attempts),
        tokens=sum(len(a.completion.tokens) for a in flat), truncated=sum(a.completion.truncated for a in flat),
        ungraded=sum(not a.graded for a in flat)), attempts


def plain_requests(prompts: Sequence[Prompt], sampling: Sampling, samples: int, key: RandomKey) -> list[Request]:
    """`samples` plain completions of each prompt; see score."""
    return [Request(p, p.content, replace(key, prompt=p.id, attempt=0, sample=0), samples, sampling) for p in prompts]


def ask(sampler: Sampler, judge: Judge, requests: Sequence[Request], finished: Callable | None = None
        ) -> list[tuple[Attempt, ...]]:
    """Completions of the requests with their verdicts, in order. A truncated completion is never SOLVED."""
    completions = sampler.sample(requests, finished)
    verdicts = iter(judge([(c.request.prompt, c.text) for group in completions for c in group]))
    return [tuple(Attempt(c, next(verdicts)) for c in group) for group in completions]


@dataclass(frozen=True)
class Evaluated:
    """What `rfpo eval` shows: scores, the ks that were asked for, and the commonest reasons for UNGRADED answers."""

    scores: Scores
    ks: tuple[int, ...]
    reasons: tuple[tuple[str, int], ...] = ()

    def table(self) -> str:
        """A row for each task, a column for each k."""
        rows = self.scores.summary(self.ks)["tasks"]
        width = max(len(name) for name in (*rows, "task"))
        lines = [f"{'task':<{width}}  prompts" + "".join(f"{f'pass@{k}':>10}" for k in self.ks)]
        for name, row in rows.items():
            shown = ["       -" if row[f"pass@{k}"] is None else f"{row[f'pass@{k}']:.4f}" for k in self.ks]
            lines.append(f"{name:<{width}}  {row['prompts']:>7}" + "".join(f"{value:>10}" for value in shown))
        scores = self.scores
        lines.append(f"{scores.tokens:,} tokens generated, {scores.truncated} answers truncated, {scores.ungraded} ungraded")
        lines += [f"ungraded: {reason} ({count})" for reason, count in self.reasons]
        return "\n".join(lines)

    def to_json(self) -> str:
        return self.scores.to_json(self.ks)


def evaluate(model: Model, tasks: Sequence[Task], *, samples: int, ks: tuple[int, ...], sampling: Sampling,
             limit: int | None = None, seed: int = 0) -> Evaluated:
    """Load the model and measure pass@k on the tasks' evaluation prompts, with a progress bar.

    Raises UserError for a model that cannot be loaded, a k above `samples`, or tasks without evaluation prompts.
    """
    from rfpo.training.prepare import load_engine, verifier

    prompts = _prompts(tasks, limit)
    engine = load_engine(model, temperature=sampling.temperature or 1.0)
    with verifier(tasks) as checker, Progress(*BAR, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("answers", total=len(prompts) * samples)
        scores, _ = score(engine, checker.judge, prompts, sampling, samples, RandomKey(seed=seed, purpose="evaluation"),
                          lambda _: progress.advance(bar))
    return Evaluated(scores, tuple(ks), tuple(checker.ungraded.most_common(3)))


def evaluate_two_turns(model: Model, tasks: Sequence[Task], *, samples: int, sampling: Sampling, templates: str = "prose",
                       second: str = "rewrite_plain", limit: int | None = None, seed: int = 0):
    """Load the model and compare first with second attempts (rfpo.training.two_turns), with a progress bar.

    Raises UserError for a model that cannot be loaded, a template that is not there, or tasks without evaluation prompts.
    """
    from rfpo.training.prepare import load_engine, verifier
    from rfpo.training.two_turns import MAY, NEEDS, two_turns

    prompts = _prompts(tasks, limit)
    template = load(templates, second, NEEDS, MAY)
    engine = load_engine(model, temperature=sampling.temperature or 1.0)
    with verifier(tasks) as checker, Progress(*BAR, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("answers", total=2 * len(prompts) * samples)
        return two_turns(engine, checker.judge, prompts, template, sampling, samples,
                         RandomKey(seed=seed, purpose="evaluation"), lambda _: progress.advance(bar))


def _prompts(tasks: Sequence[Task], limit: int | None) -> list[Prompt]:
    prompts = evaluation_prompts(tasks, limit)
    if not prompts:
        raise UserError("tasks have no evaluation prompts; there is nothing to measure. Give a task an evaluation_share or "
                        "an evaluation_path.")
    return prompts


def evaluation_prompts(tasks: Sequence[Task], limit: int | None) -> list[Prompt]:
    """At most `limit` evaluation prompts of each task."""
    return [prompt for task in tasks for prompt in task.evaluation_prompts()[:limit]]
