"""The slots of an objective. A piece is a frozen dataclass in the room of its slot: configuration and function at once.

`needs` names the columns of Batch and Policy, beyond those that are always there, that a piece reads: any of
"behaviour", "old", "update", "parent", "parent_update", "reference", "teacher", "teacher_topk", "entropy", "value". The
learner makes the union. Every piece in a room is found by its file's name; the file's one public dataclass is the piece.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from rfpo.batch import Batch


@dataclass(frozen=True)
class Policy:
    """What the updating policy says of the rows in hand; gradients flow.

    logp [N,T]: log pi_theta of the completion tokens in the train context, at the sampling temperature, in nats.
    entropy [N,T]: of the full next-token distribution, in nats; value [N,T]: a critic's; topk [N,T,K]: log-probs of the tokens
    `Batch.teacher_ids` (needs "teacher_topk"). None unless a piece needs them.
    """

    logp: Tensor
    entropy: Tensor | None = None
    value: Tensor | None = None
    topk: Tensor | None = None

    def detach(self) -> "Policy":
        return Policy(*(None if x is None else x.detach() for x in (self.logp, self.entropy, self.value, self.topk)))


@runtime_checkable
class Advantage(Protocol):
    """Rewards to advantages [N,T], detached, over the whole step at once."""

    room: ClassVar[str] = "rfpo.objective.advantage"

    @property
    def needs(self) -> frozenset[str]: ...
    def __call__(self, batch: Batch) -> Tensor: ...


@runtime_checkable
class Weight(Protocol):
    """A detached multiplier of the surrogate, as a log weight [N,1] or [N,T]; -inf is weight 0, 0 is weight 1."""

    room: ClassVar[str] = "rfpo.objective.weight"

    @property
    def needs(self) -> frozenset[str]: ...
    def log(self, policy: Policy, batch: Batch) -> Tensor: ...


@runtime_checkable
class Ratio(Protocol):
    """Which probabilities are compared: a log ratio [N,T], through which the gradient flows."""

    room: ClassVar[str] = "rfpo.objective.ratio"

    @property
    def needs(self) -> frozenset[str]: ...
    def __call__(self, policy: Policy, batch: Batch) -> Tensor: ...


@runtime_checkable
class Surrogate(Protocol):
    """The trust region: log ratio and advantage to a loss per token [N,T], to be minimised."""

    room: ClassVar[str] = "rfpo.objective.surrogate"

    @property
    def needs(self) -> frozenset[str]: ...
    def __call__(self, log_ratio: Tensor, policy: Policy, batch: Batch) -> Tensor: ...


@runtime_checkable
class Regularizer(Protocol):
    """An extra loss per token [N,T], with its coefficient in it, added after the weights."""

    room: ClassVar[str] = "rfpo.objective.regularizer"

    @property
    def needs(self) -> frozenset[str]: ...
    def __call__(self, policy: Policy, batch: Batch) -> Tensor: ...


@runtime_checkable
class Aggregation(Protocol):
    """Losses per token [N,T] to one scalar, by `batch.counts` and a row's own length only."""

    room: ClassVar[str] = "rfpo.objective.aggregation"

    def __call__(self, loss: Tensor, batch: Batch) -> Tensor: ...


@dataclass(frozen=True)
class Side:
    """One side of P pairs: all that a pair loss may know of the chosen answers, or of the rejected ones.

    Sums are over an answer's trained tokens, in nats, in the context that each row is trained in. An answer may be several
    rows (the turns of a dialogue, or the same tokens under two contexts): then they are over all of them.

        logp [P]      of the policy that is updated; gradients flow
        length [P]    trained tokens, at least 1
        rows [P]      rows that the answer is made of
        reward [P]    the answer's reward, after shaping
        origin [P]    long, index into ORIGINS (the largest, where rows differ)
        old [P]       of the policy at the start of the step, reference [P] of the frozen one; None unless needed
    """

    logp: Tensor
    length: Tensor
    rows: Tensor
    reward: Tensor
    origin: Tensor
    old: Tensor | None = None
    reference: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """[P]: log-prob a token."""
        return self.logp / self.length


@runtime_checkable
class PairLoss(Protocol):
    """A loss [P] for each pair of a chosen and a rejected answer, to be minimised; `needs` may name "old" and "reference"."""

    room: ClassVar[str] = "rfpo.objective.pairwise"

    @property
    def needs(self) -> frozenset[str]: ...
    def __call__(self, chosen: Side, rejected: Side) -> Tensor: ...
