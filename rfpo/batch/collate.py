"""Samples to a Batch: padding, numbering of groups, and the global counts."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rfpo.batch.batch import ORIGINS, Batch, TokenCounts
from rfpo.records import Sample


def pad(rows: Sequence[Sequence], fill, dtype) -> Tensor:
    """[N,T]: ragged rows, padded on the right."""
    width = max((len(row) for row in rows), default=0)
    return torch.tensor([list(row) + [fill] * (width - len(row)) for row in rows], dtype=dtype).reshape(len(rows), width)


def number(keys: Sequence) -> tuple[list[int], list]:
    """Each key's index in order of first appearance, and the distinct keys."""
    distinct = {key: None for key in keys}
    index = {key: i for i, key in enumerate(distinct)}
    return [index[key] for key in keys], list(distinct)


def collate(samples: Sequence[Sample], max_length: int) -> Batch:
    """A Batch of one stream's samples. `max_length` is the run's limit on new tokens (T_max).

    Raises ValueError for no samples. Rows of one group may have different train contexts: the group's number is that of
    (prompt id, visit, context), so guided rows are compared with guided ones, unless a sample says with whom.
    """
    if not samples:
        raise ValueError("collate got no samples; a step without samples makes no batch and no optimizer step.")
    mask = pad([s.trained for s in samples], False, torch.bool)
    group, groups = number([(s.group, s.comparison) for s in samples])
    context, contexts = number([s.context for s in samples])
    teacher, teacher_contexts = number([s.teacher_context or s.context for s in samples])
    behaviour = [s.behaviour or (None,) * len(s.tokens) for s in samples]
    parents = [s.parent.tokens if s.parent else () for s in samples]
    names = sorted({name for s in samples for name in s.rewards})
    return Batch(
        tokens=pad([s.tokens for s in samples], 0, torch.long),
        valid=pad([[True] * len(s.tokens) for s in samples], False, torch.bool),
        mask=mask,
        reward=torch.tensor([s.reward for s in samples], dtype=torch.float32),
        group=torch.tensor(group),
        baseline=torch.tensor([s.counts_for_baseline for s in samples]),
        origin=torch.tensor([ORIGINS.index(s.origin.value) for s in samples]),
        truncated=torch.tensor([s.truncated for s in samples]),
        unit=torch.tensor(_units(samples)),
        contexts=tuple(contexts),
        context=torch.tensor(context),
        parent_tokens=pad(parents, 0, torch.long),
        parent_mask=pad([[True] * len(p) for p in parents], False, torch.bool),
        common_prefix=torch.tensor([s.parent.common_prefix if s.parent else 0 for s in samples]),
        teacher_contexts=tuple(teacher_contexts),
        teacher_context=torch.tensor(teacher),
        behaviour=pad([[logp or 0.0 for logp in row] for row in behaviour], 0.0, torch.float32),
        known=pad([[logp is not None for logp in row] for row in behaviour], False, torch.bool),
        parts={name: torch.tensor([s.rewards.get(name, 0.0) for s in samples]) for name in names},
        counts=TokenCounts(tokens=int(mask.sum()), rows=len(samples), trained_rows=int(mask.any(-1).sum()),
                           groups=len(groups), max_length=max_length),
    )


def recount(batch: Batch) -> Batch:
    """The batch as one optimizer update of its own: the counts are those of its rows."""
    counts = TokenCounts(tokens=int(batch.mask.sum()), rows=len(batch), trained_rows=int(batch.mask.any(-1).sum()),
                         groups=len(batch.group.unique()), max_length=batch.counts.max_length)
    return replace(batch, counts=counts)


def split(batch: Batch, parts: int) -> list[Batch]:
    """The batch cut into at most `parts` updates of whole groups, in order, each with counts of its own."""
    groups = batch.group.unique()
    chunks = [chunk for chunk in groups.tensor_split(min(parts, len(groups))) if len(chunk)]
    return [recount(batch.rows(torch.isin(batch.group, chunk))) for chunk in chunks]


def _units(samples: Sequence[Sample]) -> list[int]:
    """Rows that name no unit are each their own."""
    return number([("unit", s.unit) if s.unit is not None else ("row", i) for i, s in enumerate(samples)])[0]
