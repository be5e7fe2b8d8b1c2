"""What is trained: one response under one context."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from rfpo.records.completion import Attempt, Finish, Outcome


class Origin(Enum):
    """Where a trained response came from."""

    SAMPLED = "sampled"  # drawn from the policy under the context it is trained in
    CORRECTED = "corrected"  # the model's own correction of a wrong answer, drawn under a correction prompt
    GIVEN = "given"  # a demonstration
    REPLAYED = "replayed"  # kept from an earlier step


@dataclass(frozen=True)
class Parent:
    """The wrong response that a row corrects: its tokens, under the same train context. `common_prefix` counts the leading
    tokens that both share; the first differing token is at that index."""

    tokens: tuple[int, ...]
    common_prefix: int


@dataclass(frozen=True)
class Provenance:
    """For the report only; no piece of the objective reads it. `attempt` is the judged completion behind the sample."""

    attempt: Attempt | None = None
    text: str = ""
    operator: str = ""
    tries: int = 0
    help: str = "nothing"
    located: bool = False
    leaks: tuple[str, ...] = ()
    parent_text: str = ""


@dataclass(frozen=True)
class Sample:
    """One row of the batch.

    `context` are the token ids it is trained under, which need not be those it was sampled under. `trained[t]` says whether
    token t is trained (any spans). `behaviour` are the log-probs in the context it was sampled in, None for a token (or a
    whole row) of which nobody knows it. `reward` is the verifier's score after shaping, with its parts by name. `group` is
    (prompt id, visit). `counts_for_baseline` is False for a row that must not move its group's baseline.

    Rows are compared within (group, context). A row that is trained under another context than the group it is compared with
    names the group's in `compared_in`. `segment` numbers the turn of each token. `teacher_context` is what a teacher was
    shown that sees more than the row does (self-distillation). Rows that share a `unit` stay in one micro-batch, as the two
    answers of a pair do.

    >>> Sample(context=(1, 2), tokens=(5, 6, 0), trained=(True, True, True), outcome=Outcome.SOLVED, reward=1.0,
    ...        group=("sum/17", 0))
    """

    context: tuple[int, ...]
    tokens: tuple[int, ...]
    trained: tuple[bool, ...]
    outcome: Outcome
    reward: float
    group: tuple[str, int]
    rewards: Mapping[str, float] = field(default_factory=dict)
    behaviour: tuple[float | None, ...] | None = None
    segment: tuple[int, ...] | None = None
    policy_version: int = 0
    finish: Finish = Finish.STOP
    origin: Origin = Origin.SAMPLED
    stream: str = "policy"
    counts_for_baseline: bool = True
    parent: Parent | None = None
    unit: Hashable | None = None
    teacher_context: tuple[int, ...] | None = None
    compared_in: tuple[int, ...] | None = None
    provenance: Provenance = Provenance()

    def __post_init__(self):
        if len(self.trained) != len(self.tokens):
            raise ValueError(f"trained has {len(self.trained)} entries for {len(self.tokens)} tokens; give one for each token.")
        if self.behaviour is not None and len(self.behaviour) != len(self.tokens):
            raise ValueError(f"behaviour has {len(self.behaviour)} entries for {len(self.tokens)} tokens; give one for each.")
        if self.outcome is Outcome.UNGRADED:
            raise ValueError("an UNGRADED answer is not trained; leave it out of the samples.")

    @property
    def comparison(self) -> tuple[int, ...]:
        """The context of the group that the row is compared with: its own, unless it names another."""
        return self.context if self.compared_in is None else self.compared_in

    @property
    def truncated(self) -> bool:
        return self.finish is Finish.LENGTH


def common_prefix(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """How many leading tokens two responses share."""
    for index, (left, right) in enumerate(zip(first, second, strict=False)):
        if left != right:
            return index
    return min(len(first), len(second))
