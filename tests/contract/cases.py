"""One small batch with every awkward row in it, and a model of two matrices whose log-probs fill its columns."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from rfpo.batch import Batch, collate
from rfpo.objective import Policy
from rfpo.records import Finish, Origin, Outcome, Parent, Sample

VOCABULARY = 6
CONTEXTS = 4
OPTIONAL = ("behaviour", "old", "update", "reference", "parent", "parent_update", "teacher", "teacher_topk", "value", "entropy")
PER_TOKEN = ("behaviour", "old", "update", "reference", "teacher", "value", "returns")
PER_CANDIDATE = ("teacher_topk",)
PER_PARENT_TOKEN = ("parent", "parent_update")


def sample(prompt, tokens, reward, *, trained=None, parent=None, shared=0, knows=True, counts=True, finish=Finish.STOP,
           teacher=None):
    """One row. `trained` is a string of 0 and 1, one for each token."""
    return Sample(
        context=(ord(prompt),), tokens=tokens, trained=tuple(bit == "1" for bit in trained or "1" * len(tokens)),
        outcome=Outcome.SOLVED if reward > 0.5 else Outcome.WRONG, reward=reward, group=(prompt, 0), finish=finish,
        behaviour=(-1.0,) * len(tokens) if knows else None, counts_for_baseline=counts,
        origin=Origin.CORRECTED if parent else Origin.SAMPLED, parent=Parent(parent, shared) if parent else None,
        teacher_context=(ord(prompt), *teacher) if teacher else None)


def samples() -> list[Sample]:
    """Four prompts: a merged group, a group with spans and nothing trained, a group of equal rewards, a group of one. Some have
    a teacher that is shown more."""
    return [
        sample("a", (1, 2, 3, 4, 5), 0.0, teacher=(5,)),
        sample("a", (2, 2), 0.25),
        sample("a", (1, 2, 4), 1.0, parent=(1, 2, 5, 5, 0, 3), shared=2, knows=False, counts=False),
        sample("a", (3, 1, 0, 2), 0.0, trained="0110", teacher=(4, 4)),
        sample("b", (4, 4, 1), 1.0, trained="101", teacher=(5,)),
        sample("b", (5, 0, 1, 1), 0.0, trained="0000", finish=Finish.LENGTH),
        sample("b", (2, 3, 3, 1), 0.5, parent=(2, 3), shared=2, trained="0111"),
        sample("b", (0, 3), 0.0, parent=(1, 1, 1), shared=0, counts=False),
        sample("c", (1, 5, 2), 1.0),
        sample("c", (3,), 1.0),
        sample("d", (4, 0, 0), 1.0),
    ]


def parameters(seed: int, dtype=torch.float64) -> Tensor:
    """[VOCABULARY + CONTEXTS, VOCABULARY]: next-token scores after each token, and after each context."""
    return torch.randn(VOCABULARY + CONTEXTS, VOCABULARY, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
                       ).mul(0.7).to(dtype)


def read(theta: Tensor, tokens: Tensor, context: Tensor) -> Policy:
    """What the two-matrix model says of these tokens; padding is read as if it were tokens."""
    before = torch.cat([VOCABULARY + context[:, None], tokens[:, :-1]], 1)[:, : tokens.shape[1]]
    logps = theta[before].log_softmax(-1)
    return Policy(logp=logps.gather(-1, tokens[..., None]).squeeze(-1), entropy=-(logps.exp() * logps).sum(-1),
                  value=theta[before].mean(-1))


def next_tokens(theta: Tensor, batch: Batch) -> Tensor:
    """[N,T,VOCABULARY]: log-probs of all tokens at each place."""
    before = torch.cat([VOCABULARY + batch.context[:, None], batch.tokens[:, :-1]], 1)[:, : batch.tokens.shape[1]]
    return theta[before].log_softmax(-1)


def policy(theta: Tensor, batch: Batch) -> Policy:
    says = read(theta, batch.tokens, batch.context)
    return says if batch.teacher_ids is None else replace(says, topk=next_tokens(theta, batch).gather(-1, batch.teacher_ids))


def columns(policy: Policy, change) -> Policy:
    """The policy with `change` applied to each of its columns."""
    return Policy(**{f.name: change(getattr(policy, f.name)) for f in fields(policy)})


def whole_batch(dtype=torch.float64) -> Batch:
    """The batch of a whole step, with every column filled and no advantages."""
    batch = floats(collate(samples(), max_length=7), dtype)
    columns = {}
    for seed, name in enumerate(("behaviour", "old", "update", "reference", "teacher")):
        near = parameters(0, dtype) + 0.5 * parameters(10 + seed, dtype)
        columns[name] = read(near, batch.tokens, batch.context).logp
        if name in ("old", "update"):
            columns["parent" if name == "old" else "parent_update"] = read(near, batch.parent_tokens, batch.context).logp
    columns["behaviour"] = torch.where(batch.known, columns["behaviour"], 0.0)
    taught = next_tokens(parameters(0, dtype) + 0.5 * parameters(15, dtype), batch)
    columns["teacher_topk"], columns["teacher_ids"] = taught.topk(3, -1)
    noise = torch.Generator().manual_seed(3)
    for name in ("value", "returns"):
        columns[name] = torch.randn(batch.mask.shape, generator=noise, dtype=torch.float64).to(dtype)
    return replace(batch, **columns)


def floats(batch: Batch, dtype) -> Batch:
    """The batch with its float columns in this dtype."""
    changed = {name: column.to(dtype) for name, column in tensors(batch).items() if column.is_floating_point()}
    return replace(batch, **changed, parts={name: part.to(dtype) for name, part in batch.parts.items()})


def tensors(batch: Batch) -> dict[str, Tensor]:
    return {f.name: getattr(batch, f.name) for f in fields(batch) if isinstance(getattr(batch, f.name), Tensor)}


def widened(batch: Batch, extra: int) -> Batch:
    """The same rows with more padding on the right, of the responses and of their parents."""
    return replace(batch, **{
        name: torch.cat([column, column.new_zeros(len(batch), extra, *column.shape[2:])], 1)
        for name, column in tensors(batch).items() if column.dim() >= 2})


def filled(batch: Batch, junk: float) -> Batch:
    """The batch with `junk` in every float column, and other tokens, wherever there is no token."""
    changed = {"tokens": torch.where(batch.valid, batch.tokens, 1),
               "parent_tokens": torch.where(batch.parent_mask, batch.parent_tokens, 1)}
    for names, mask in ((PER_TOKEN, batch.valid), (PER_PARENT_TOKEN, batch.parent_mask)):
        changed |= {name: torch.where(mask, getattr(batch, name), junk) for name in names}
    changed |= {name: torch.where(batch.valid[..., None], getattr(batch, name), junk) for name in PER_CANDIDATE}
    return replace(batch, **changed)


def at_ratio_one(theta: Tensor) -> Batch:
    """Nothing is off-policy: every old log-prob is the current one, and no row has a parent."""
    batch = whole_batch(theta.dtype)
    now = policy(theta, batch).logp.detach()
    return replace(batch, behaviour=torch.where(batch.known, now, 0.0), old=now, update=now, reference=now,
                   parent_mask=torch.zeros_like(batch.parent_mask), common_prefix=torch.zeros_like(batch.common_prefix),
                   parent_tokens=torch.zeros_like(batch.parent_tokens))


def without(batch: Batch, policy: Policy, names) -> tuple[Batch, Policy]:
    """Batch and policy with these optional columns absent."""
    gone = {name: None for name in names if name != "entropy"} | ({"known": None} if "behaviour" in names else {})
    gone |= {"teacher_ids": None} if "teacher_topk" in names else {}
    says = {name: None for name in names if name in ("entropy", "value")} | ({"topk": None} if "teacher_topk" in names else {})
    return replace(batch, **gone), replace(policy, **says)


def moved(batch: Batch, policy: Policy, names, by) -> tuple[Batch, Policy]:
    """Batch and policy with the function `by` applied to these optional columns."""
    changed = {name: by(getattr(batch, name)) for name in names if name != "entropy"}
    return (replace(batch, **changed),
            replace(policy, **{name: by(getattr(policy, name)) for name in names if name in ("entropy", "value")}))


@dataclass(frozen=True)
class Outcomes:
    """What an objective makes of a batch."""

    advantage: Tensor
    loss: Tensor
    gradient: Tensor
