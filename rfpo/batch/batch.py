"""Batch: the numbers that the objective reads. Immutable; everything in it is detached."""

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

ORIGINS = ("sampled", "corrected", "given", "replayed")
"""Names of the numbers in `Batch.origin`, in order."""


@dataclass(frozen=True)
class TokenCounts:
    """Denominators of one optimizer update, counted over the whole update before it is cut into micro-batches and before
    rows without an advantage are left out, so that neither can change the gradient.

    `tokens` trained tokens; `rows` responses; `trained_rows` responses with at least one trained token; `groups` prompts;
    `max_length` the constant T_max of constant-length aggregation (the run's limit on new tokens).
    """

    tokens: int
    rows: int
    trained_rows: int
    groups: int
    max_length: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """N responses of at most T tokens; T counts completion tokens only, padded on the right.

    A *number* about another row is already a column here (the parent's log-probs, say), so a row means the same alone as
    in company and micro-batching cannot change the result.

    Always there
        tokens      [N,T] long   token ids of the responses
        valid       [N,T] bool   this is a token, not padding
        mask        [N,T] bool   this token is trained; implies valid
        reward      [N]          scalar reward after shaping
        group       [N]   long   rows of one group share a number
        baseline    [N]   bool   the row counts for its group's baseline
        origin      [N]   long   index into ORIGINS
        truncated   [N]   bool   the response ran into the length limit
        unit        [N]   long   rows that must stay in one micro-batch share a number
        contexts                 each distinct train context once, as token ids
        context     [N]   long   index into contexts
        teacher_contexts, teacher_context   the same of the contexts that a teacher is shown; a row's own where it has none
        counts                   TokenCounts of the stream

    There when a piece `needs` them, else None (log-probs in nats, at the sampling temperature, in the train context)
        behaviour   [N,T]        of whoever sampled it, in the context in which it was sampled
        known       [N,T] bool   where behaviour is known (False for rows without behaviour log-probs)
        old         [N,T]        of the policy at the start of the step
        update      [N,T]        of the policy at the start of this optimizer update
        reference   [N,T]        of the frozen reference policy
        parent      [N,P]        old log-probs of the wrong response that this row corrects; 0 rows of mask for others
        parent_update [N,P]      the same at the start of this optimizer update
        parent_mask [N,P] bool   tokens of the parent; all False for a row without a parent
        common_prefix [N] long   leading tokens shared with the parent; the first differing token is at this index
        teacher     [N,T]        of the policy at the start of the step, in the teacher's context
        teacher_ids, teacher_topk [N,T,K]   its likeliest tokens at each place, likeliest first, and their log-probs
        value       [N,T]        critic's values, and returns [N,T] their targets
        parts       {name: [N]}  rewards by name

    Filled by the loop
        advantage   [N,T]        from the Advantage piece, over the whole step
        memory                   what the loop keeps for stateful pieces
    """

    tokens: Tensor
    valid: Tensor
    mask: Tensor
    reward: Tensor
    group: Tensor
    baseline: Tensor
    origin: Tensor
    truncated: Tensor
    unit: Tensor
    contexts: tuple[tuple[int, ...], ...]
    context: Tensor
    counts: TokenCounts
    teacher_contexts: tuple[tuple[int, ...], ...] = ()
    teacher_context: Tensor | None = None
    parent_tokens: Tensor | None = None
    parent_mask: Tensor | None = None
    common_prefix: Tensor | None = None
    behaviour: Tensor | None = None
    known: Tensor | None = None
    old: Tensor | None = None
    update: Tensor | None = None
    reference: Tensor | None = None
    parent: Tensor | None = None
    parent_update: Tensor | None = None
    teacher: Tensor | None = None
    teacher_ids: Tensor | None = None
    teacher_topk: Tensor | None = None
    value: Tensor | None = None
    returns: Tensor | None = None
    parts: dict[str, Tensor] = field(default_factory=dict)
    advantage: Tensor | None = None
    memory: dict = field(default_factory=dict)

    def __len__(self) -> int:
        return self.tokens.shape[0]

    @property
    def corrected(self) -> Tensor:
        """[N] bool: the row has a parent, so that an off-policy ratio is defined for it."""
        if self.parent_mask is None:
            return torch.zeros(len(self), dtype=torch.bool, device=self.mask.device)
        return self.parent_mask.any(-1)

    @property
    def taught(self) -> Tensor:
        """[N] bool: a teacher is shown another context than the row's own."""
        if self.teacher_context is None:
            return torch.zeros(len(self), dtype=torch.bool, device=self.mask.device)
        pairs = zip(self.teacher_context.tolist(), self.context.tolist(), strict=True)
        return torch.tensor([self.teacher_contexts[shown] != self.contexts[own] for shown, own in pairs], dtype=torch.bool,
                            device=self.mask.device)

    def rows(self, index: Tensor) -> "Batch":
        """The rows named by `index` (long, or bool [N]). Counts, contexts and memory stay those of the whole."""
        picked = {f.name: getattr(self, f.name)[index] for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **picked, parts={name: part[index] for name, part in self.parts.items()})

    def trim(self) -> "Batch":
        """The same rows without columns that are padding in all of them."""
        width = {True: _width(self.valid), False: 0 if self.parent_mask is None else _width(self.parent_mask)}
        changed = {}
        for f in fields(self):
            column = getattr(self, f.name)
            if isinstance(column, Tensor) and column.dim() >= 2:
                changed[f.name] = column[:, : width[not f.name.startswith("parent")]]
        return replace(self, **changed)

    def to(self, device) -> "Batch":
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **moved, parts={name: part.to(device) for name, part in self.parts.items()})


def _width(mask: Tensor) -> int:
    used = mask.any(0).nonzero()
    return int(used[-1]) + 1 if len(used) else 0
