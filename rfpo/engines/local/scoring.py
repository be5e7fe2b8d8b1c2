"""Log-probs of given tokens, as columns of a batch."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from rfpo.batch import Batch, keep
from rfpo.engines.local.candidates import head_of, likeliest
from rfpo.engines.local.forward import Forward, contexts_of

CURRENT = ("old", "update")
PARENT = ("parent", "parent_update")
TOP = 100
"""Tokens at each place of which a teacher says what it thinks (SDPO's number)."""


def fill(batch: Batch, columns: frozenset[str], score: Callable[[Batch, Tensor, Tensor, bool], Tensor],
         likely: Callable[[Batch], tuple[Tensor, Tensor]]) -> Batch:
    """The batch with these columns filled by `score(batch, tokens, valid, reference)`, one pass over the rows for each of:
    the policy as it is now ("old", "update"), the same on the parents ("parent", "parent_update"), the reference, and the
    policy in the teacher's context ("teacher"), and what it thinks likely there ("teacher_topk", by `likely(batch)`).

    Columns asked for together hold the same numbers; what tells them apart is when they are asked for.
    """
    filled: dict[str, Tensor] = {}
    if columns & set(CURRENT):
        now = score(batch, batch.tokens, batch.valid, False)
        filled |= {name: now for name in columns & set(CURRENT)}
    if columns & set(PARENT):
        now = score(batch, batch.parent_tokens, batch.parent_mask, False)
        filled |= {name: now for name in columns & set(PARENT)}
    if "reference" in columns:
        filled["reference"] = score(batch, batch.tokens, batch.valid, True)
    taught = replace(batch, contexts=batch.teacher_contexts, context=batch.teacher_context)
    if "teacher" in columns:
        filled["teacher"] = score(taught, batch.tokens, batch.valid, False)
    if "teacher_topk" in columns:
        filled["teacher_ids"], filled["teacher_topk"] = likely(taught)
    return replace(batch, **filled)


@torch.no_grad()
def score_tokens(forward: Forward, network: nn.Module, batch: Batch, tokens: Tensor, valid: Tensor, budget: int) -> Tensor:
    """[N,T] fp32 log-probs of `tokens` under each row's train context; 0 where `valid` is False. Rows without a valid
    token (those without a parent) are not run."""
    result = torch.zeros(tokens.shape, dtype=torch.float32)
    contexts = contexts_of(batch)
    for index in forward.micro_batches(batch, valid, valid.any(-1).nonzero().squeeze(-1).tolist(), budget, units=False):
        width = int(valid[index].sum(-1).max())
        shown, present = tokens[index, :width].to(forward.device), valid[index, :width].to(forward.device)
        logp, _ = forward(network, [contexts[row] for row in index], shown, present)
        result[index, :width] = keep(logp, present).to(result)
    return result


@torch.no_grad()
def score_likeliest(forward: Forward, network: nn.Module, batch: Batch, budget: int) -> tuple[Tensor, Tensor]:
    """ids [N,T,K] and fp32 log-probs [N,T,K] of the TOP likeliest tokens at each place, likeliest first; 0 in the padding."""
    count = min(TOP, head_of(network).shape[0])
    ids, logps = (torch.zeros((*batch.tokens.shape, count), dtype=dtype) for dtype in (torch.long, torch.float32))
    contexts = contexts_of(batch)
    for index in forward.micro_batches(batch, batch.valid, batch.valid.any(-1).nonzero().squeeze(-1).tolist(), budget,
                                       units=False):
        width = int(batch.valid[index].sum(-1).max())
        shown, present = (x[index, :width].to(forward.device) for x in (batch.tokens, batch.valid))
        found = likeliest(forward, network, [contexts[row] for row in index], shown, present, count)
        ids[index, :width], logps[index, :width] = (x.cpu() for x in found)
    return ids, logps
