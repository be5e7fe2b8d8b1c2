"""What is asked of the model: a prompt, and a request for completions of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rfpo.records.random_key import RandomKey


@dataclass(frozen=True)
class Message:
    """One turn of a chat: `Message("user", "What is 2+2?")`."""

    role: str
    content: str


Content = str | tuple[Message, ...]
"""Plain text goes to the tokenizer verbatim; messages go through its chat template."""


@dataclass(frozen=True)
class Prompt:
    """One exercise.

    `id` is the key of everything that is known about a prompt; its text never is, because two exercises may share it.
    `solution` is the reference answer (the word `reference` is kept for the frozen policy). `data` is whatever the task's
    verifier needs besides, and must be plain JSON.

    >>> Prompt(id="sum/17", content="12+34=", task="sum", solution="46")
    """

    id: str
    content: Content
    task: str
    solution: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The prompt as a person reads it."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(f"{message.role}: {message.content}" for message in self.content)


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn. `temperature` 0 is greedy; log-probs are then those at temperature 1.

    `stop` strings end a completion and are kept in it. `max_tokens` counts the end-of-sequence token.
    """

    temperature: float = 1.0
    max_tokens: int = 64
    stop: tuple[str, ...] = ()

    def __post_init__(self):
        if not (0.0 <= self.temperature < 100.0):
            raise ValueError(f"temperature is {self.temperature}; it must be between 0 (greedy) and 100. Try 1.0.")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; it must be at least 1.")


@dataclass(frozen=True)
class Opening:
    """How an answer begins: put there, not drawn by the model, which goes on from it. It is a part of the answer.

    First `tokens`, the ids of an earlier answer, which are never re-tokenised: all of them, or as many as end at or before
    character `cut` of their text. Then `text`, tokenised by the engine. `ends`: the answer ends there, and nothing is drawn.

    >>> Opening(text="First, add the units: ")             # a reference's beginning
    >>> Opening(tokens=attempt.completion.tokens, cut=17)   # an answer up to its error
    >>> Opening(text="46", ends=True)                       # a demonstration
    """

    tokens: tuple[int, ...] = ()
    cut: int | None = None
    text: str = ""
    ends: bool = False


@dataclass(frozen=True)
class Request:
    """`n` completions of one context are wanted.

    The context is `content`, rendered by the engine, followed by `prefix`: token ids to continue from, which are never
    re-tokenised. Sample j of the request draws its tokens with `key.for_sample(key.sample + j)`.

    `opening` begins the answer, and the completion holds it; `to` says who is asked, the "policy" or the run's "critic";
    `judged` is False for what is not an answer to the prompt (a reflection, a critique, a hint): its verdict is UNGRADED.
    """

    prompt: Prompt
    content: Content
    key: RandomKey
    n: int = 1
    sampling: Sampling = Sampling()
    prefix: tuple[int, ...] = ()
    opening: Opening | None = None
    to: str = "policy"
    judged: bool = True
