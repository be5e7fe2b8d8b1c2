"""From samples to optimizer updates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import cos, pi

import torch

from rfpo.batch import Batch, collate, row_mean, split
from rfpo.config.run import Run
from rfpo.engines.protocols import Stream, UpdateReport
from rfpo.objective import Objective, Policy
from rfpo.records import Sample
from rfpo.schedule._resolve import resolve
from rfpo.training.bench import Bench
from rfpo.training.state import LoopState

AT_UPDATE = frozenset({"update", "parent_update"})
"""Columns that are scored anew at the start of each optimizer update; the others once a step."""
PARENT = frozenset({"parent", "parent_update"})


@dataclass(frozen=True)
class Lesson:
    """What a step's learning did. `rows` holds, for the policy stream's samples in their order, the advantage, and for
    corrected rows the log weight and the mean old log-prob."""

    reports: tuple[UpdateReport, ...]
    learning_rate: float
    advantage: tuple[float, ...]
    log_weight: tuple[float | None, ...]
    mean_old: tuple[float | None, ...]


def learning_rate(run: Run, updates: int, progress: float) -> float:
    """Linear warm-up over `warmup_steps` updates, then the decay over the run's progress."""
    optimizer = run.optimizer
    warm = min(1.0, (updates + 1) / optimizer.warmup_steps) if optimizer.warmup_steps else 1.0
    decay = {"constant": 1.0, "linear": 1.0 - progress, "cosine": 0.5 * (1.0 + cos(pi * progress))}[optimizer.decay]
    return optimizer.learning_rate * warm * decay


def learn(bench: Bench, state: LoopState, samples: Sequence[Sample], progress: float) -> Lesson | None:
    """All optimizer updates of one step; None when there is nothing to train. Advantages see the whole step; rows whose
    advantage is zero stay in the counts and are neither scored nor run, unless a regularizer reads them."""
    run = bench.run
    policy, streams = resolve(run.objective, progress), resolve(run.streams, progress)
    named = {"policy": (policy, 1.0)} | {name: (s.objective, s.coefficient) for name, s in streams.items()}
    by_stream = {name: [s for s in samples if s.stream == name] for name in named}
    batches = {name: named[name][0].with_advantages(collate(rows, run.sampling.max_tokens))
               for name, rows in by_stream.items() if rows}
    if not batches:
        return None
    rate = learning_rate(run, state.updates, progress)
    several = run.updates_per_step * run.epochs > 1
    bench.screen.phase("scoring")
    batches = {name: _prepared(bench, batch, named[name][0], several) for name, batch in batches.items()}
    advantage, log_weight, mean_old = _seen(bench, policy, batches.get("policy"))
    reports = []
    bench.screen.phase("learning", run.updates_per_step * run.epochs)
    for _ in range(run.epochs):
        cut = {name: split(batch, run.updates_per_step) for name, batch in batches.items()}
        for part in range(max(map(len, cut.values()))):
            update = [Stream(_current(bench, pieces[part], named[name][0], several), *named[name])
                      for name, pieces in cut.items() if part < len(pieces)]
            reports.append(bench.engine.update(update, rate))
            bench.screen.advance()
    return Lesson(tuple(reports), rate, advantage, log_weight, mean_old)


def _prepared(bench: Bench, batch: Batch, objective: Objective, several: bool) -> Batch:
    """The columns that are fixed for the step. With a single update the old log-probs equal those of the update's own
    forward, so the learner takes them from there."""
    columns = objective.needs & bench.engine.offers - AT_UPDATE - {"entropy", "value", "behaviour"}
    return _scored(bench, batch, objective, columns if several else columns - {"old"})


def _current(bench: Bench, batch: Batch, objective: Objective, several: bool) -> Batch:
    columns = objective.needs & AT_UPDATE
    return _scored(bench, batch, objective, columns if several else columns - {"update"})


def _scored(bench: Bench, batch: Batch, objective: Objective, columns: frozenset[str]) -> Batch:
    """The columns filled for the rows that will be run; a parent's only for rows that have one. Other rows hold zeros."""
    active = torch.ones(len(batch), dtype=torch.bool) if objective.regularizers else (batch.advantage != 0).any(-1)
    for wanted, rows in ((columns - PARENT, active), (columns & PARENT, active & batch.corrected)):
        index = rows.nonzero().flatten()
        part = bench.engine.score(batch.rows(index), wanted) if wanted and len(index) else None
        for column in wanted:
            full = torch.zeros(batch.parent_mask.shape if column in PARENT else batch.mask.shape)
            if part is not None:
                full[index] = getattr(part, column).cpu()
            batch = replace(batch, **{column: full})
    return batch


def _seen(bench: Bench, objective: Objective, batch: Batch | None):
    """For the report: each row's advantage, and for corrected rows log weight and mean old log-prob."""
    if batch is None:
        return (), (), ()
    advantage = tuple(row_mean(batch.advantage, batch.mask).flatten().tolist())
    log_weight: list[float | None] = [None] * len(batch)
    mean_old: list[float | None] = [None] * len(batch)
    rows = (batch.corrected & (batch.advantage != 0).any(-1)).nonzero().flatten()
    if batch.parent is not None and len(rows):
        part = batch.rows(rows)
        part = bench.engine.score(part, frozenset({"old"})) if part.old is None else part
        weights = row_mean(objective.log_weight(Policy(part.old), part).expand_as(part.mask), part.mask)
        for row, weight, mean in zip(rows.tolist(), weights[:, 0].tolist(), row_mean(part.old, part.valid)[:, 0].tolist(),
                                     strict=True):
            log_weight[row], mean_old[row] = weight, mean
    return advantage, tuple(log_weight), tuple(mean_old)
