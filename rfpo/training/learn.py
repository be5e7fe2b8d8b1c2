"""From samples to optimizer updates."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from math import ceil, cos, pi

import torch

from rfpo.batch import Batch, collate, row_mean, split
from rfpo.config.run import MOST_REPEATS, Run
from rfpo.engines.protocols import Stream, UpdateReport
from rfpo.errors import UserError, near_miss
from rfpo.objective import Objective, Policy, Weight
from rfpo.records import Sample
from rfpo.schedule._resolve import resolve
from rfpo.training.bench import Bench
from rfpo.training.state import LoopState

AT_UPDATE = frozenset({"update", "parent_update"})
"""Columns that are scored anew at the start of each optimizer update; the others once a step."""
PARENT = frozenset({"parent", "parent_update"})


@dataclass(frozen=True)
class Lesson:
    """What a step's learning did: a report an update, and what is known of each of the policy stream's samples."""

    reports: tuple[UpdateReport, ...]
    learning_rate: float
    rows: tuple["Seen", ...]


@dataclass(frozen=True)
class Seen:
    """A row of the policy stream as it was trained. All but the advantage are known of corrected rows only: log R_off as it
    enters the objective (clamped, 0 without one), the log of all weights that multiply the row's loss (of R_off alone, where a
    weight reads the entropy, which is known in the update only), the mean old log-prob,
    and the mean distance of old log-probs from those of the correction prompt, in nats."""

    advantage: float
    log_r_off: float | None = None
    log_weight: float | None = None
    mean_old: float | None = None
    guided_gap: float | None = None


def learning_rate(run: Run, updates: int, progress: float) -> float:
    """Linear warm-up over `warmup_steps` updates, then the decay over the run's progress."""
    optimizer = run.optimizer
    warm = min(1.0, (updates + 1) / optimizer.warmup_steps) if optimizer.warmup_steps else 1.0
    decay = {"constant": 1.0, "linear": 1.0 - progress, "cosine": 0.5 * (1.0 + cos(pi * progress))}[optimizer.decay]
    return optimizer.learning_rate * warm * decay


def epochs_of(run: Run, state: LoopState) -> int:
    """Passes over the step's samples: the run's epochs, or as many as its ledger of updates still owes."""
    if not run.updates_by_step:
        return run.epochs
    owed = sum(run.updates_by_step[: state.step + 1]) - state.updates
    return min(max(1, ceil(owed / run.updates_per_step)), MOST_REPEATS)


def learn(bench: Bench, state: LoopState, samples: Sequence[Sample], progress: float) -> Lesson | None:
    """All optimizer updates of one step; None when there is nothing to train. Advantages see the whole step; rows whose
    advantage is zero stay in the counts and are neither scored nor run, unless a regularizer reads them."""
    run = bench.run
    policy, streams = resolve(run.objective, progress), resolve(run.streams, progress)
    named = {"policy": (policy, 1.0)} | {name: (s.loss, s.coefficient) for name, s in streams.items()}
    for name in {s.stream for s in samples} - named.keys():
        raise UserError(f"a sample is for the stream {name!r}, which the run does not have; {near_miss(name, named)} "
                        f"Add streams.{name} to the run.")
    by_stream = {name: [s for s in samples if s.stream == name] for name in named}
    batches = {name: _judged(bench, collate(rows, run.sampling.max_tokens), named[name][0])
               for name, rows in by_stream.items() if rows}
    if not batches:
        return None
    epochs = epochs_of(run, state)
    several = run.updates_per_step * epochs > 1
    bench.screen.phase("scoring")
    batches = {name: _prepared(bench, batch, named[name][0], several) for name, batch in batches.items()}
    seen = _seen(bench, policy, batches.get("policy")) if several else None
    reports = []
    bench.screen.phase("learning", run.updates_per_step * epochs)
    for _ in range(epochs):
        cut = {name: split(batch, run.updates_per_step) for name, batch in batches.items()}
        for part in range(max(map(len, cut.values()))):
            update = {name: Stream(_current(bench, pieces[part], named[name][0], several), *named[name], name)
                      for name, pieces in cut.items() if part < len(pieces)}
            rate = learning_rate(run, state.updates + sum(report.stepped for report in reports), progress)
            reports.append(bench.engine.update(list(update.values()), rate))
            bench.screen.advance()
    if seen is None:
        seen = _seen(bench, policy, _known(update, reports[0]))
    return Lesson(tuple(reports), rate, seen)


def _known(update: dict[str, Stream], report: UpdateReport) -> Batch | None:
    """The policy's batch of a step's only update, with the log-probs that the update has made anyway."""
    if "policy" not in update:
        return None
    batch = update["policy"].batch
    logps = dict(zip(update, report.logps, strict=True)) if report.logps else {}
    parent = batch.parent_update if batch.parent is None else batch.parent
    return replace(batch, old=logps.get("policy", batch.old), parent=parent)


def _judged(bench: Bench, batch: Batch, objective: Objective) -> Batch:
    """The batch with its advantages. What they read is scored first, for every row: which have none is not known yet."""
    reads = objective.advantage.needs if isinstance(objective, Objective) else frozenset()
    columns = reads & bench.engine.offers - {"behaviour"}
    every = torch.ones(len(batch), dtype=torch.bool)
    return objective.with_advantages(_filled(bench, batch, columns, every) if columns else batch)


def _prepared(bench: Bench, batch: Batch, objective: Objective, several: bool) -> Batch:
    """The columns that are fixed for the step. With a single update the old log-probs equal those of the update's own
    forward, so the learner takes them from there."""
    columns = objective.needs & bench.engine.offers - AT_UPDATE - {"entropy", "value", "behaviour"}
    columns = frozenset(name for name in columns if getattr(batch, name) is None)
    return _scored(bench, batch, objective, columns if several else columns - {"old"})


def _current(bench: Bench, batch: Batch, objective: Objective, several: bool) -> Batch:
    columns = objective.needs & AT_UPDATE
    return _scored(bench, batch, objective, columns if several else columns - {"update"})


def _scored(bench: Bench, batch: Batch, objective: Objective, columns: frozenset[str]) -> Batch:
    """The columns filled for the rows that will be run; a parent's only for rows that have one. Other rows hold zeros."""
    every = torch.ones(len(batch), dtype=torch.bool)
    return _filled(bench, batch, columns, every if objective.regularizers else (batch.advantage != 0).any(-1))


def _filled(bench: Bench, batch: Batch, columns: frozenset[str], active: torch.Tensor) -> Batch:
    """The columns scored for the active rows, zeros elsewhere."""
    for wanted, rows in ((columns - PARENT, active), (columns & PARENT, active & batch.corrected)):
        index = rows.nonzero().flatten()
        part = bench.engine.score(batch.rows(index), wanted) if wanted and len(index) else None
        for column in wanted | ({"teacher_ids"} if "teacher_topk" in wanted else set()):
            full = torch.zeros(batch.parent_mask.shape if column in PARENT else batch.mask.shape)
            if part is not None:
                found = getattr(part, column).cpu()
                full = found.new_zeros(len(batch), *found.shape[1:]).index_copy(0, index, found)
            batch = replace(batch, **{column: full})
    return batch


def _seen(bench: Bench, objective: Objective, batch: Batch | None) -> tuple[Seen, ...]:
    if batch is None:
        return ()
    seen = [Seen(advantage) for advantage in row_mean(batch.advantage, batch.mask)[:, 0].tolist()]
    rows = (batch.corrected & (batch.advantage != 0).any(-1)).nonzero().flatten()
    if off_policy_ratios(objective) and len(rows):
        part = batch.rows(rows)
        lacking = frozenset(name for name in ("old", "parent") if getattr(part, name) is None)
        part = bench.engine.score(part, lacking) if lacking else part
        part = replace(part, update=part.old, parent_update=part.parent)  # the first update's: no update was made yet
        policy = Policy(part.old)
        r_off = sum((w.log(policy, part) for w in off_policy_ratios(objective)), torch.zeros_like(part.old))
        whole = r_off if any("entropy" in weight.needs for weight in objective.weights) else objective.log_weight(policy, part)
        columns = [row_mean(x.expand_as(part.mask), part.mask)[:, 0].tolist() for x in (part.advantage, r_off, whole)]
        columns.append(row_mean(part.old, part.valid)[:, 0].tolist())
        gaps = row_mean((part.behaviour - part.old).abs(), part.known)[:, 0].tolist()
        for row, known, gap, *numbers in zip(rows.tolist(), part.known.any(-1).tolist(), gaps, *columns, strict=True):
            seen[row] = Seen(*numbers, guided_gap=gap if known else None)
    return tuple(seen)


def off_policy_ratios(piece) -> list:
    """The weights that compare a row with its parent, wherever the objective holds them: R_off."""
    if isinstance(piece, Weight) and piece.needs & PARENT:
        return [piece]
    if isinstance(piece, tuple):
        return [found for each in piece for found in off_policy_ratios(each)]
    return [found for f in fields(piece) for found in off_policy_ratios(getattr(piece, f.name))] if is_dataclass(piece) else []
