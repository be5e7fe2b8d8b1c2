"""One optimizer update over several streams, in micro-batches that do not change the gradient."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from rfpo.batch import Batch, exp, keep
from rfpo.engines.local.candidates import with_candidates
from rfpo.engines.local.forward import Forward, contexts_of
from rfpo.engines.protocols import Stream
from rfpo.engines.streams import rows_to_run
from rfpo.objective import Objective, Policy

HERE = ("old", "update")
"""Columns that this very forward pass can give while no update was made since they would have been scored."""
ELSEWHERE = ("reference", "parent", "parent_update", "teacher", "teacher_topk")


@dataclass
class Tally:
    """Sums over the micro-batches of one update."""

    loss: float = 0.0
    rows: int = 0
    tokens: int = 0
    micro_batches: int = 0
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    logps: list[Tensor] = field(default_factory=list)

    def add(self, name: str, values: Tensor) -> None:
        """Values whose mean over the update is reported under `name`."""
        if values.numel():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = (total + float(values.double().sum()), count + values.numel())

    def share(self, name: str, part: Tensor, whole: Tensor) -> None:
        """Numbers of which the sum of a part over the sum of the whole is reported under `name`."""
        total, count = self.sums.get(name, (0.0, 0))
        self.sums[name] = (total + float(part.double().sum()), count + float(whole.double().sum()))

    @property
    def statistics(self) -> dict[str, float]:
        return {name: total / count for name, (total, count) in sorted(self.sums.items()) if count}


def prepare(stream: Stream, score: Callable[[Batch, frozenset[str]], Batch]) -> Stream:
    """The stream with the rows that are run, and with the columns that its objective needs from another forward pass."""
    batch = stream.batch.rows(rows_to_run(stream))
    missing = frozenset(name for name in stream.objective.needs & set(ELSEWHERE) if getattr(batch, name) is None)
    return replace(stream, batch=score(batch, missing) if missing and len(batch) else batch)


def accumulate(streams: Sequence[Stream], network: nn.Module, forward: Forward, budget: int) -> Tally:
    """Adds the gradient of sum_s coefficient_s * loss_s to the network's parameters."""
    tally = Tally()
    for stream in streams:
        batch = stream.batch
        tally.logps.append(torch.zeros(batch.tokens.shape))
        tally.rows += len(batch)
        tally.tokens += int(batch.mask.sum())
        for index in forward.micro_batches(batch, batch.valid, range(len(batch)), budget):
            micro_batch = batch.rows(torch.tensor(index)).trim().to(forward.device)
            loss, logp = backward(replace(stream, batch=micro_batch), network, forward, tally)
            tally.loss += loss
            tally.logps[-1][index, : logp.shape[1]] = keep(logp, micro_batch.valid).to(tally.logps[-1])
            tally.micro_batches += 1
    return tally


def logps_of(streams: Sequence[Stream], tally: Tally) -> tuple[Tensor, ...]:
    """The update's own log-probs, laid out as the rows that it was given."""
    found = []
    for stream, logps in zip(streams, tally.logps, strict=True):
        found.append(torch.zeros(stream.batch.tokens.shape))
        found[-1][rows_to_run(stream).cpu()] = logps
    return tuple(found)


def backward(stream: Stream, network: nn.Module, forward: Forward, tally: Tally) -> tuple[float, Tensor]:
    """The micro-batch's share of the loss and its log-probs, after its backward pass."""
    batch, objective = stream.batch, stream.objective
    policy = run(network, forward, batch, objective)
    batch = with_current(batch, objective, policy.logp)
    policy.logp.retain_grad()
    loss = stream.coefficient * objective(policy, batch)
    loss.backward()
    observe(tally, policy, batch, objective)
    return float(loss.detach()), policy.logp.detach()


def run(network: nn.Module, forward: Forward, batch: Batch, objective: Objective) -> Policy:
    """What the network says of the micro-batch."""
    shown, entropy = (contexts_of(batch), batch.tokens, batch.valid), "entropy" in objective.needs
    if "teacher_topk" not in objective.needs:
        return Policy(*forward(network, *shown, entropy=entropy))
    logp, spread, topk = with_candidates(forward, network, *shown, batch.teacher_ids, entropy)
    return Policy(logp, spread, topk=topk)


def with_current(batch: Batch, objective: Objective, logp: Tensor) -> Batch:
    """`old` and `update`, where needed and left None by the caller, are this pass's own log-probs: exact in the first
    update after sampling, and one pass over the rows saved."""
    now = keep(logp.detach(), batch.valid)
    return replace(batch, **{name: now for name in HERE if name in objective.needs and getattr(batch, name) is None})


def observe(tally: Tally, policy: Policy, batch: Batch, objective: Objective) -> None:
    """What the report shows of a micro-batch.

    clip_share: trained tokens with an advantage to which no gradient flows (a regularizer's gradient hides clipping);
    clip_share_corrected the same of corrected rows, gradient_share_corrected their share of the sum of |d loss / d logp|;
    mean_log_ratio: logp - old over trained tokens; weight_corrected: mean weight on the trained tokens of corrected rows;
    entropy: when the objective needs it.
    """
    with torch.no_grad():
        pulled = batch.mask & (batch.advantage != 0) if batch.advantage is not None else batch.mask
        slope = policy.logp.grad
        if policy.topk is None:  # else the gradient need not go through the drawn tokens' log-probs
            tally.add("clip_share", (slope == 0)[pulled].float())
        if batch.old is not None:
            tally.add("mean_log_ratio", (policy.logp - batch.old)[batch.mask])
        corrected = pulled & batch.corrected[:, None]
        if corrected.any() and policy.topk is None:
            tally.add("clip_share_corrected", (slope == 0)[corrected].float())
            tally.share("gradient_share_corrected", slope.abs()[corrected], slope.abs()[pulled])
        if objective.weights:
            corrected = batch.mask & batch.corrected[:, None]
            tally.add("weight_corrected", exp(objective.log_weight(policy, batch))[corrected])
        if policy.entropy is not None:
            tally.add("entropy", policy.entropy[batch.mask])


def checkpoint_activations(network: nn.Module) -> None:
    """Gradient checkpointing: activations are made again in the backward pass. transformers renamed the method in 5.2x."""
    enable = getattr(network, "activation_checkpointing_enable", None) or network.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def finite(*numbers: float) -> bool:
    return all(math.isfinite(number) for number in numbers)
