"""Evaluation: plain completions of held-out prompts, and pass@k by the unbiased estimator."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

from rfpo.engines.protocols import Sampler
from rfpo.records import Attempt, Prompt, RandomKey, Request, Sampling
from rfpo.tasks import Task

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
    requests = [Request(p, p.content, RandomKey(key.seed, key.step, p.id, key.visit, key.purpose), samples, sampling)
                for p in prompts]
    attempts = ask(sampler, judge, requests, finished)
    flat = [attempt for group in attempts for attempt in group]
    return Scores(
        tasks=tuple(p.task for p in prompts), prompts=tuple(p.id for p in prompts),
        graded=tuple(sum(a.graded for a in group) for group in attempts),
        solved=tuple(sum(a.solved for a in group) for group in attempts),
        tokens=sum(len(a.completion.tokens) for a in flat), truncated=sum(a.completion.truncated for a in flat),
        ungraded=sum(not a.graded for a in flat)), attempts


def ask(sampler: Sampler, judge: Judge, requests: Sequence[Request], finished: Callable | None = None
        ) -> list[tuple[Attempt, ...]]:
    """Completions of the requests with their verdicts, in order. A truncated completion is never SOLVED."""
    completions = sampler.sample(requests, finished)
    verdicts = iter(judge([(c.request.prompt, c.text) for group in completions for c in group]))
    return [tuple(Attempt(c, next(verdicts)) for c in group) for group in completions]


def evaluation_prompts(tasks: Sequence[Task], limit: int | None) -> list[Prompt]:
    """At most `limit` evaluation prompts of each task."""
    return [prompt for task in tasks for prompt in task.evaluation_prompts()[:limit]]
