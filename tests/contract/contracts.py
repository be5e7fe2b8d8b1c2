"""What every piece promises. Each contract is a function that takes a piece, or a whole Objective, and asserts.

Pieces of the library are found by walking the rooms, so a new one is held to these from its first day. The mutants in
tests/mutants show that each contract can fail.

A piece that cannot keep a contract says so in its own class, by the contract's name and with the reason:

    narrows: ClassVar[dict[str, str]] = {"group_sees_itself_only": "whitened over the whole step"}

(or a property, where it depends on a field). A narrowing that is not needed fails as well.
"""

import math
import pickle
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import get_type_hints

import torch
from torch import Tensor
from torch.testing import assert_close

from rfpo.batch import Batch
from rfpo.errors import UserError
from rfpo.objective import Objective, Policy, Weight
from rfpo.objective.objective import masked, masked_policy
from rfpo.pieces import find, kind_of
from tests.contract import cases, honest

SLOTS = ("advantage", "weight", "ratio", "surrogate", "regularizer", "aggregation")
PARTITIONS = (((0, 1, 2, 3, 4, 5), (6, 7, 8, 9, 10)), ((5,), (10, 0), (1, 9), (7, 2, 4), (3, 6, 8)))


def slot(piece) -> str:
    """The slot that a piece fills: its room's last word, or "objective"."""
    if isinstance(piece, Objective):
        return "objective"
    room = getattr(piece, "room", type(piece).__module__.rpartition(".")[0])
    return room.rpartition(".")[2]


def host(piece) -> Objective:
    """The plainest objective around a piece."""
    if isinstance(piece, Objective):
        return piece
    plain = {"advantage": honest.Centred(), "ratio": honest.TokenRatio(), "surrogate": honest.Linear(),
             "aggregation": honest.TokenMean()}
    if slot(piece) == "weight":
        plain["ratio"] = honest.OnPolicy()  # two overflows at once are the objective's affair, not the weight's
    if slot(piece) in ("weight", "regularizer"):
        return Objective(**plain, **{f"{slot(piece)}s": (piece,)})
    if slot(piece) == "aggregation":
        plain["surrogate"] = honest.Littering()
    return Objective(**plain | {slot(piece): piece})


def outcomes(piece, theta: Tensor, batch: Batch, litter: float = 0.0, parts=None) -> cases.Outcomes:
    """Advantages over the whole batch; loss and gradient summed over the parts, each trimmed as a learner would."""
    objective = host(piece)
    theta = theta.detach().clone().requires_grad_()
    batch = objective.with_advantages(batch)
    total = theta.new_zeros(())
    for part in parts or (None,):
        rows = batch if part is None else batch.rows(torch.tensor(part)).trim()
        says = cases.policy(theta, rows)
        padding = torch.where(rows.valid, 0.0, litter).to(theta.dtype)
        says = cases.columns(says, lambda x, padding=padding: x + padding.view(*padding.shape, *(1,) * (x.dim() - 2)))
        total = total + objective(says, rows)
    gradient, = torch.autograd.grad(total, theta, allow_unused=True)
    return cases.Outcomes(batch.advantage, total.detach(), torch.zeros_like(theta) if gradient is None else gradient)


def same(first: cases.Outcomes, second: cases.Outcomes) -> None:
    assert_close(second.loss, first.loss, rtol=1e-9, atol=1e-10)
    assert_close(second.gradient, first.gradient, rtol=1e-9, atol=1e-10)


def alone(piece, policy: Policy, batch: Batch, log_ratio: Tensor | None = None) -> Tensor:
    """What the piece itself returns, called as an objective calls it; surrogates and aggregations are fed `log_ratio`."""
    return called(piece, masked_policy(policy, batch.mask), masked(batch), log_ratio)


def called(piece, policy: Policy, batch: Batch, log_ratio: Tensor | None) -> Tensor:
    arguments = {"advantage": (batch,), "surrogate": (log_ratio, policy, batch), "aggregation": (log_ratio, batch)}
    if slot(piece) == "weight":
        return piece.log(policy.detach(), batch)
    return piece(*arguments.get(slot(piece), (policy, batch)))


def scene(dtype=torch.float64, spread: float = 0.0) -> tuple[Policy, Batch, Tensor]:
    """A policy whose three columns are leaves, the batch with centred advantages, and a log ratio that follows logp."""
    theta = cases.parameters(0, dtype)
    batch = host(honest.Centred()).with_advantages(cases.whole_batch(dtype))
    says = cases.policy(theta, batch)
    leaves = cases.columns(says, lambda x: x.detach().clone().requires_grad_())
    return leaves, batch, leaves.logp - batch.old


# Numbers


def right_shape_and_dtype(piece):
    """[N,T] in the batch's own precision ([N,1] too for weights and advantages); a scalar from an aggregation."""
    for dtype in (torch.float32, torch.float64):
        policy, batch, log_ratio = scene(dtype)
        if slot(piece) == "advantage":
            batch = replace(batch, advantage=None)
        result = alone(piece, policy, batch, log_ratio)
        shapes = [() if slot(piece) == "aggregation" else tuple(batch.mask.shape)]
        if slot(piece) in ("weight", "advantage"):
            shapes.append((len(batch), 1))
        assert tuple(result.shape) in shapes, f"shape {tuple(result.shape)} is none of {shapes}"
        assert result.dtype == dtype, f"{result.dtype} from a batch in {dtype}"


def padding_is_never_read(piece):
    """Junk, infinities and NaN in the padding, and more padding, change neither advantages, loss nor gradient."""
    theta, batch = cases.parameters(0), cases.whole_batch()
    clean = outcomes(piece, theta, batch)
    pieces = [piece]
    if slot(piece) == "aggregation":
        pieces = [replace(host(piece), surrogate=honest.Littering(junk)) for junk in (-3.0, 1e4, math.nan, math.inf)]
    for subject in pieces:
        same(clean, outcomes(subject, theta, cases.widened(batch, 3)))
        for junk in (0.5, -200.0, 1e4, math.inf, math.nan):
            dirty = outcomes(subject, theta, cases.filled(cases.widened(batch, 2), junk), litter=junk)
            assert_close(dirty.advantage[:, :-2], clean.advantage, rtol=1e-9, atol=1e-10)
            same(clean, dirty)


def micro_batches_add_up(piece):
    """The losses and gradients of the parts of an update add up to those of the whole."""
    theta, batch = cases.parameters(0), cases.whole_batch()
    whole = outcomes(piece, theta, batch)
    for parts in PARTITIONS:
        same(whole, outcomes(piece, theta, batch, parts=parts))


def row_order_is_free(piece):
    """Permuted rows give the permuted advantages, and the same loss and gradient."""
    theta, batch = cases.parameters(0), cases.whole_batch()
    order = torch.tensor([7, 2, 9, 0, 10, 5, 3, 1, 8, 6, 4])
    first, second = outcomes(piece, theta, batch), outcomes(piece, theta, batch.rows(order))
    assert_close(second.advantage, first.advantage[order], rtol=1e-9, atol=1e-10)
    same(first, second)


def finite_far_from_the_old_policy(piece):
    """Log ratios of +80 and -80 nats a token, empty rows and groups of one give finite numbers in fp32."""
    theta, batch = cases.parameters(0, torch.float32), cases.whole_batch(torch.float32)
    now, parent = cases.policy(theta, batch).logp.detach(), batch.parent
    for nats in (80.0, -80.0):
        far = replace(batch, behaviour=torch.where(batch.known, now - nats, 0.0), old=now - nats, update=now - nats,
                      reference=now - nats, parent=parent + nats, parent_update=parent + nats)
        for part in (None, ((5,),), ((10,),)):
            result = outcomes(piece, theta, far, parts=part)
            for name in ("advantage", "loss", "gradient"):
                assert getattr(result, name).isfinite().all(), f"{name} is not finite at {nats:+} nats"


def gradient_matches_finite_differences(piece):
    """In float64, with whatever the piece detaches held still."""
    theta = cases.parameters(0)
    objective = host(piece)
    batch = objective.with_advantages(cases.whole_batch())
    held: list[Tensor] = []

    def loss(x):
        return objective(cases.policy(x, batch), batch)

    leaf = theta.clone().requires_grad_()
    with detached_values(held, record=True):
        gradient, = torch.autograd.grad(loss(leaf), leaf, allow_unused=True)
    assert gradient is not None, "no gradient reaches the policy"
    for index in range(0, theta.numel(), 7):
        step = torch.zeros_like(theta).view(-1).index_fill(0, torch.tensor([index]), 1e-6).view_as(theta)
        sides = []
        for sign in (1, -1):
            with detached_values(held, record=False):
                sides.append(loss(theta + sign * step))
        assert_close(gradient.view(-1)[index], (sides[0] - sides[1]) / 2e-6, rtol=1e-5, atol=1e-8)


@contextmanager
def detached_values(held: list[Tensor], record: bool):
    """Tensor.detach notes what it returns, or returns what it noted, in order."""
    original, turn = Tensor.detach, iter(held)

    def detach(tensor):
        if not record:
            return next(turn)
        held.append(original(tensor))
        return held[-1]

    Tensor.detach = detach
    try:
        yield
    finally:
        Tensor.detach = original


def reinforce_at_ratio_one(piece):
    """Where nothing is off-policy the gradient is that of REINFORCE: -A grad log pi."""
    theta = cases.parameters(0)
    batch = cases.at_ratio_one(theta)
    objective = host(piece)
    batch = objective.with_advantages(batch)
    says = cases.policy(theta, batch)
    logp = says.logp.detach().requires_grad_()
    loss = objective(replace(says, logp=logp), batch)
    assert loss.requires_grad, "no gradient reaches the drawn tokens"
    gradient, = torch.autograd.grad(loss, logp, allow_unused=True)
    assert gradient is not None, "no gradient reaches the policy"
    weight = torch.zeros_like(logp, requires_grad=True)
    weight, = torch.autograd.grad(objective.aggregation(weight, batch), weight)
    assert_close(gradient, -batch.advantage * weight, rtol=1e-9, atol=1e-12)


# What is read


def reads_only_what_it_names(piece):
    """Columns that are not in `needs` may be absent or NaN."""
    needs = getattr(piece, "needs", frozenset())
    assert isinstance(needs, frozenset), f"needs is {needs!r}, not a frozenset"
    assert needs <= set(cases.OPTIONAL), f"needs names {sorted(needs - set(cases.OPTIONAL))}, which nobody offers"
    others = [name for name in cases.OPTIONAL if name not in needs]
    policy, batch, _ = scene()
    log_ratio = policy.logp - batch.old
    batch = replace(batch, returns=None)
    if slot(piece) == "advantage":
        batch = replace(batch, advantage=None)
    expected = response(piece, policy, batch, log_ratio)
    for changed in (cases.without(batch, policy, others),
                    cases.moved(batch, policy, others, lambda x: torch.full_like(x, math.nan))):
        changed_policy = replace(changed[1], logp=policy.logp)
        for left, right in zip(expected, response(piece, changed_policy, changed[0], log_ratio), strict=True):
            assert_close(right, left)


def reads_all_that_it_names(piece):
    """A column in `needs` matters: the learner computes what is named, and no more should be named."""
    policy, batch, log_ratio = scene()
    expected = response(piece, policy, batch, log_ratio)
    for name in sorted(getattr(piece, "needs", ())):
        seen = [response(piece, changed_policy, changed_batch, log_ratio) for changed_batch, changed_policy in
                (cases.moved(batch, policy, [name], lambda x, c=c: c * x) for c in (0.2, 0.9, 5.0))]
        assert any(not torch.equal(a, b) for pair in seen for a, b in zip(expected, pair, strict=True)), (
            f"{name!r} is needed but not read")


def response(piece, policy: Policy, batch: Batch, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
    """What the piece returns, and the gradient of its sum on the policy's log-probs."""
    result = alone(piece, policy, batch, log_ratio)
    gradient = None
    if result.requires_grad:
        gradient, = torch.autograd.grad(result.sum(), policy.logp, retain_graph=True, allow_unused=True)
    return result.detach(), torch.zeros_like(policy.logp) if gradient is None else gradient


def leaves_its_inputs_alone(piece):
    """Neither batch, policy nor log ratio is written to."""
    policy, batch, log_ratio = scene()
    policy, log_ratio = policy.detach(), log_ratio.detach()
    inputs = {**cases.tensors(batch), "logp": policy.logp, "entropy": policy.entropy, "log_ratio": log_ratio}
    before = {name: column.clone() for name, column in inputs.items()}
    if slot(piece) == "objective":
        piece(policy, piece.with_advantages(batch))
    else:
        called(piece, policy, batch, log_ratio)
    for name, column in inputs.items():
        assert torch.equal(column, before[name]), f"{name} was written to"


# Advantages


def advantages_are_detached(piece):
    """No gradient flows through an advantage, whatever the columns carry."""
    batch = cases.whole_batch()
    alive = replace(batch, reward=batch.reward.clone().requires_grad_(), value=batch.value.clone().requires_grad_())
    assert not host(piece).with_advantages(alive).advantage.requires_grad


def group_sees_itself_only(piece):
    """Other rewards in one group change nothing in the others."""
    batch = cases.whole_batch()
    other = replace(batch, reward=torch.where(batch.group == 0, 1 - batch.reward ** 2, batch.reward))
    first, second = (host(piece).with_advantages(b).advantage for b in (batch, other))
    assert not torch.equal(first[:4], second[:4]), "the advantages do not depend on the rewards"
    assert_close(second[4:], first[4:])


def baseline_rows_only(piece):
    """The reward of a row that does not count for the baseline moves no other row's advantage."""
    batch = cases.whole_batch()
    for row in (~batch.baseline).nonzero().flatten():
        here = torch.arange(len(batch)) == row
        moved = replace(batch, reward=torch.where(here, batch.reward + 0.7, batch.reward))
        first, second = (host(piece).with_advantages(b).advantage for b in (batch, moved))
        assert_close(second[~here], first[~here])
        assert (second[row] > first[row])[batch.mask[row]].all(), "the row's own advantage does not grow with its reward"


def equal_rewards_teach_nothing(piece):
    """When every reward is the same every advantage is 0."""
    batch = cases.whole_batch()
    for reward in (0.0, 1.0, 0.3):
        advantage = host(piece).with_advantages(replace(batch, reward=torch.full_like(batch.reward, reward))).advantage
        assert_close(advantage, torch.zeros_like(advantage), rtol=0, atol=1e-7)


# Surrogates


def zero_advantage_teaches_nothing(piece):
    """Rows whose advantage is 0 have neither loss nor gradient, so a learner may leave them out."""
    policy, batch, log_ratio = scene()
    loss, gradient = response(piece, policy, replace(batch, advantage=torch.zeros_like(batch.advantage)), log_ratio)
    assert_close(loss[batch.mask], torch.zeros_like(loss[batch.mask]))
    assert_close(gradient, torch.zeros_like(gradient))


# Weights


class Planted(Weight):
    """A weight that leans on the current policy, or given numbers."""

    needs = frozenset()

    def __init__(self, numbers: Tensor | None = None):
        self.numbers = numbers

    def log(self, policy, batch):
        return 0.1 * policy.logp if self.numbers is None else self.numbers


def inner_weights_are_detached(piece):
    """A weight multiplies; it is never differentiated, even when it is computed from the current policy."""
    policy, batch, log_ratio = scene()
    held = 0.1 * masked_policy(policy, batch.mask).logp.detach()
    first, second = (weighted_gradient(piece, weight, policy, batch, log_ratio) for weight in (Planted(), Planted(held)))
    assert_close(second, first)


def minus_infinity_is_weight_zero(piece):
    """A row of log weight -inf has no gradient, and makes nothing that is not finite."""
    policy, batch, log_ratio = scene()
    gone = torch.where(torch.arange(len(batch)) == 2, -math.inf, 0.0)[:, None].to(batch.reward.dtype)
    gradient = weighted_gradient(piece, Planted(gone), policy, batch, log_ratio)
    assert gradient.isfinite().all() and (gradient[2] == 0).all()
    assert (gradient != 0).any()


def weighted_gradient(piece, weight: Weight, policy: Policy, batch: Batch, log_ratio: Tensor) -> Tensor:
    """[N,T] of the policy's log-probs: the gradient of a plain objective that holds `weight` wherever the piece takes one."""
    places = [name for name in get_type_hints(type(piece)) if slot_of_annotation(type(piece), name) == "weight"]
    if slot(piece) == "objective":
        objective = replace(piece, weights=(weight,), regularizers=())
    else:
        objective = host(replace(piece, **dict.fromkeys(places, weight)))
    return torch.autograd.grad(objective(policy, batch), policy.logp, retain_graph=True)[0]


def weights_are_detached(piece):
    """The log weight carries no gradient into the loss."""
    policy, batch, _ = scene()
    log_weight = host(piece).log_weight(policy, batch)
    assert not log_weight.requires_grad
    assert not log_weight.isnan().any() and (log_weight < math.inf).all()


def one_without_a_parent(piece):
    """A weight that reads the parent is 1 on rows that have none; on the others it is something else."""
    if not piece.needs & {"parent", "parent_update"}:
        return
    policy, batch, _ = scene()
    log_weight = alone(piece, policy, batch).expand_as(batch.mask)
    assert (log_weight[~batch.corrected] == 0).all()
    assert (log_weight[batch.corrected] != 0).any()


# Aggregation


def linear_in_the_loss(piece):
    """Twice the loss is twice the scalar, sums add, a larger loss anywhere is never a smaller scalar."""
    _, batch, _ = scene()
    noise = torch.Generator().manual_seed(5)
    a, b = (torch.randn(batch.mask.shape, generator=noise, dtype=torch.float64) for _ in range(2))
    assert_close(piece(2 * a + 3 * b, batch), 2 * piece(a, batch) + 3 * piece(b, batch))
    leaf = a.clone().requires_grad_()
    weight, = torch.autograd.grad(piece(leaf, batch), leaf)
    assert (weight[batch.mask] > 0).all() and (weight[~batch.mask] == 0).all()


def nothing_trained_is_zero(piece):
    """A micro-batch, or a whole update, without trained tokens has loss 0."""
    _, batch, _ = scene()
    empty = replace(batch, mask=torch.zeros_like(batch.mask), counts=replace(batch.counts, tokens=0, trained_rows=0))
    assert piece(torch.ones(batch.mask.shape, dtype=torch.float64), empty).item() == 0.0


# Values


def is_a_value(piece):
    """A frozen dataclass: pickled, printed, compared, hashed, rebuilt from its kind and fields, never changed."""
    assert is_dataclass(piece)
    again = pickle.loads(pickle.dumps(piece))
    assert again == piece and hash(again) == hash(piece)
    assert repr(again) == repr(piece) and repr(piece).startswith(type(piece).__name__ + "(")
    assert from_plain(to_plain(piece)) == piece
    for field in fields(piece):
        try:
            setattr(piece, field.name, getattr(piece, field.name))
        except FrozenInstanceError:
            continue
        raise AssertionError(f"{field.name} can be assigned to")
    if slot(piece) != "objective":
        assert type(piece).__doc__.strip()


def to_plain(value):
    """Pieces as {kind and fields}, nested; everything else must be plain."""
    if is_dataclass(value):
        kind = {"kind": f"{type(value).__module__}:{type(value).__qualname__}" if isinstance(value, Objective)
                else kind_of(value), "slot": slot(value)}
        return kind | {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [to_plain(v) for v in value]
    assert value is None or isinstance(value, bool | int | float | str), f"{value!r} cannot be written to a file"
    return value


def from_plain(value):
    if isinstance(value, Mapping):
        given = {key: from_plain(v) for key, v in value.items() if key not in ("kind", "slot")}
        return find(f"rfpo.objective.{value['slot']}", value["kind"])(**given)
    return tuple(from_plain(v) for v in value) if isinstance(value, list) else value


BAD = {float: (math.nan, "a word", []), int: (math.nan, "a word", [], 0.5), str: ("no such word", 7), bool: ("a word",)}
DOUBTFUL = {float: (math.inf, -math.inf, 1e30, -1e30), int: (-10 ** 9, 10 ** 30), str: ("",), bool: ()}


def refuses_bad_values(piece):
    """NaN, a word in place of a number, a number in place of a word: one line that names Piece.field. Never another error."""
    for field in fields(piece):
        kind = plain_kind(type(piece), field.name)
        for value in BAD.get(kind, ()) + DOUBTFUL.get(kind, ()):
            line = refusal(piece, field.name, value)
            assert line or value in DOUBTFUL[kind], f"{field.name} takes {value!r}"
            assert not line or (f"{type(piece).__name__}.{field.name} is" in line and "\n" not in line), line


def refusal(piece, name: str, value) -> str:
    """What the user is told when the field is given this value; empty when it is taken."""
    try:
        replace(piece, **{name: value})
    except UserError as error:
        return str(error)
    return ""


def plain_kind(cls, name: str) -> type | None:
    """float, int, str or bool, with or without None; None for anything else."""
    hint = get_type_hints(cls)[name]
    return next((kind for kind in getattr(hint, "__args__", (hint,)) if kind in BAD), None)


def variants(piece) -> list:
    """The piece, and for each field with a choice the piece with every other choice: words, switches, left-out numbers."""
    found = [piece]
    for field in fields(piece):
        kind, words = plain_kind(type(piece), field.name), ()
        if kind is str:  # the refusal lists the words that are known
            words = refusal(piece, field.name, "no such word").partition("one of ")[2].partition(";")[0].split(", ")
        elif kind is bool:
            words = (True, False)
        elif kind and type(None) in getattr(get_type_hints(type(piece))[field.name], "__args__", ()):
            words = (None,)
        found += [replace(piece, **{field.name: word}) for word in words if word not in ("", getattr(piece, field.name))]
    return found


def slot_of_annotation(cls, name: str) -> str | None:
    """The slot whose protocol a field is annotated with."""
    hint = get_type_hints(cls)[name]
    return hint.room.rpartition(".")[2] if hasattr(hint, "room") else None


EVERY = (right_shape_and_dtype, padding_is_never_read, micro_batches_add_up, row_order_is_free,
         finite_far_from_the_old_policy, gradient_matches_finite_differences, reads_only_what_it_names,
         reads_all_that_it_names, leaves_its_inputs_alone, is_a_value, refuses_bad_values)
BY_SLOT = {
    "advantage": (advantages_are_detached, group_sees_itself_only, baseline_rows_only, equal_rewards_teach_nothing),
    "weight": (reinforce_at_ratio_one, weights_are_detached, one_without_a_parent),
    "ratio": (reinforce_at_ratio_one,),
    "surrogate": (reinforce_at_ratio_one, zero_advantage_teaches_nothing),
    "regularizer": (),
    "aggregation": (linear_in_the_loss, nothing_trained_is_zero),
}
WITH_A_WEIGHT = (inner_weights_are_detached, minus_infinity_is_weight_zero)
OBJECTIVE = (padding_is_never_read, micro_batches_add_up, row_order_is_free, finite_far_from_the_old_policy,
             gradient_matches_finite_differences, reinforce_at_ratio_one, leaves_its_inputs_alone, is_a_value,
             advantages_are_detached, *WITH_A_WEIGHT)


def contracts_of(piece) -> tuple:
    if slot(piece) == "objective":
        return OBJECTIVE
    holds = any(slot_of_annotation(type(piece), f.name) == "weight" for f in fields(piece))
    return EVERY + BY_SLOT[slot(piece)] + (WITH_A_WEIGHT if holds else ())


def narrowed(piece) -> Mapping[str, str]:
    """The contracts that a piece says it does not keep, with its reasons."""
    return getattr(piece, "narrows", {})


