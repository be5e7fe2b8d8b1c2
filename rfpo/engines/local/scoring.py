"""Log-probs of given tokens, as columns of a batch."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from rfpo.batch import Batch, keep
from rfpo.engines.local.forward import Forward, contexts_of

CURRENT = ("old", "update")
PARENT = ("parent", "parent_update")


def fill(batch: Batch, columns: frozenset[str], score: Callable[[Batch, Tensor, Tensor, bool], Tensor]) -> Batch:
    """The batch with these columns filled by `score(batch, tokens, valid, reference)`, one pass over the rows for each of:
    the policy as it is now ("old", "update"), the same on the parents ("parent", "parent_update"), the reference, and the
    policy in the teacher's context ("teacher").

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
    if "teacher" in columns:
        taught = replace(batch, contexts=batch.teacher_contexts, context=batch.teacher_context)
        filled["teacher"] = score(taught, batch.tokens, batch.valid, False)
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
