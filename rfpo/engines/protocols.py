"""What the loop asks of an engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from torch import Tensor

from rfpo.batch import Batch
from rfpo.objective import Objective
from rfpo.records import Completion, Content, Opening, Request

Follow = Callable[[int, list[Completion]], Callable[[], Sequence[Request]] | None]
"""Called as soon as the index-th request has all its completions. What it returns, if anything, is called a little later,
and gives the requests that follow from them."""


class Sampler(Protocol):
    """Draws completions from the current policy."""

    @property
    def policy_version(self) -> int:
        """Counts optimizer updates."""
        ...

    @property
    def context_length(self) -> int:
        """Most tokens, prompt and completion together, that the model takes."""
        ...

    def encode(self, content: Content) -> tuple[int, ...]:
        """The token ids that the model is shown for this content. Raises UserError when messages are given to a tokenizer
        without a chat template."""
        ...

    def open(self, opening: Opening) -> tuple[int, ...]:
        """The token ids of an answer's beginning; with the end-of-sequence token where the answer ends there."""
        ...

    def ends(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """Where each token ends in the text of them all, in characters."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of completion tokens, without special tokens."""
        ...

    def sample(self, requests: Sequence[Request], finished: Callable[[Completion], None] | None = None,
               follow: Follow | None = None) -> list[list[Completion]]:
        """For each request its n completions, in order. `finished` is called as rows finish, for a progress display.

        `follow` may add requests while others are still being drawn; they are answered too, behind the first ones in the
        order in which they were added. When it is called depends on what was drawn and not on a clock.

        Raises UserError, naming the prompt's id and length, when a context leaves no room for one new token.
        """
        ...


@dataclass(frozen=True)
class Stream:
    """A batch, the objective it is trained with, and the coefficient of its loss. `batch` is one optimizer update's worth;
    its advantages are there and its counts are global. `name` is "policy", or that of a further stream."""

    batch: Batch
    objective: Objective
    coefficient: float = 1.0
    name: str = "policy"


@dataclass(frozen=True)
class UpdateReport:
    """What one optimizer update did. `stepped` is False when nothing was trained or the loss was not finite (`nan`).

    `logps` holds, for each stream, the log-probs [N,T] of its rows before the update, which the update's own pass gives
    for nothing; 0 for rows that were not run and where there is no token.
    """

    stepped: bool
    loss: float = 0.0
    gradient_norm: float = 0.0
    nan: bool = False
    trained_rows: int = 0
    trained_tokens: int = 0
    micro_batches: int = 0
    statistics: dict[str, float] = field(default_factory=dict)
    logps: tuple[Tensor, ...] = field(default=(), compare=False, repr=False)


class Learner(Protocol):
    """Scores and updates the policy."""

    offers: frozenset[str]
    """Columns it can fill; a piece that needs another is refused before the run starts."""

    scored_tokens: int
    """Completion tokens that `score` has passed through the model since it was loaded, whatever asked for them: a token that
    two columns with a pass of their own need counts twice. What an update's own pass reads is not among them."""

    def score(self, batch: Batch, columns: frozenset[str]) -> Batch:
        """The batch with these log-prob columns filled, under each row's train context ("old", "update", "reference",
        "parent", "parent_update"), or under the teacher's context ("teacher")."""
        ...

    def update(self, streams: Sequence[Stream], learning_rate: float) -> UpdateReport:
        """One optimizer update over the sum of the streams' losses. Rows whose advantage is zero everywhere are not run
        unless a regularizer reads them; without any row to run there is no optimizer step."""
        ...

    def save_model(self, directory: Path) -> None:
        """Weights (safetensors), configuration and tokenizer, loadable by transformers' from_pretrained."""
        ...

    def save_state(self, directory: Path) -> None:
        """Optimizer state and counters, so that `load_state` goes on bit for bit."""
        ...

    def load_state(self, directory: Path) -> None: ...
