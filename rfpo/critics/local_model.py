"""Another local model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from rfpo import students
from rfpo.checks import require
from rfpo.critics import Critic
from rfpo.engines.settings import Model, Optimizer
from rfpo.errors import UserError
from rfpo.records import Message, Request, Sampling

if TYPE_CHECKING:
    from rfpo.engines.local import LocalEngine


@dataclass(frozen=True, kw_only=True)
class LocalModel(Critic):
    """Another causal language model on this machine, frozen: a directory, a Hub name or a student's, through the local engine.

    It is loaded once, when it is first asked or checked, and shared by all that name the same `model` and `at_once`. Its texts
    are drawn with the requests' own keys, so that a resumed run gets the same ones and nothing is kept on disk. Memory: the
    masters in fp32, on a GPU with a bf16 copy beside them; `at_once` is the engine's tokens_per_micro_batch.

    `as_chat` puts plain text into one user message, for a critic with a chat template whose policy has none. A text that the
    model has no room for gets no answer.
    """

    model: Model
    temperature: float = 1.0
    max_tokens: int = 256
    as_chat: bool = False
    at_once: int = 16384

    def __post_init__(self):
        if not self.model.path or self.model.lora:
            raise UserError(f"LocalModel.model has {'adapters' if self.model.path else 'no path'}; a critic is a whole model. "
                            "Give model.path a directory or a Hub name.")
        require(self, "temperature", lambda x: 0 <= x < 100, "between 0 (greedy) and 100", 1.0)
        for name, example in (("max_tokens", 256), ("at_once", 16384)):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", example)

    def check(self) -> None:
        """Loads it. Raises UserError when it cannot be loaded."""
        _engine(self.model, self.at_once)

    def answer(self, requests: Sequence[Request]) -> list[tuple[str, ...]]:
        """See Critic. Raises UserError when the model cannot be loaded, or is given messages and has no chat template;
        ValueError for a request with an opening or a prefix."""
        engine = _engine(self.model, self.at_once)
        asked = [self._asked(request) for request in requests]
        fit = [request for request in asked if len(engine.encode(request.content)) < engine.context_length]
        written = iter(engine.sample(fit) if fit else ())
        return [tuple(completion.text for completion in next(written)) if any(request is one for one in fit) else ()
                for request in asked]

    def _asked(self, request: Request) -> Request:
        if request.prefix or request.opening:
            raise ValueError("a critic writes whole texts; ask it without a prefix or an opening.")
        chat = self.as_chat and isinstance(request.content, str)
        return replace(request, content=(Message("user", request.content),) if chat else request.content,
                       sampling=Sampling(self.temperature, self.max_tokens))


@cache
def _engine(model: Model, at_once: int) -> "LocalEngine":
    from rfpo.engines.local import LocalEngine  # brings in torch, which a run file that only names a critic does without

    found = replace(model, path=students.resolve(model.path))
    engine = LocalEngine.load(found, Optimizer(), tokens_per_micro_batch=at_once)
    engine.network.requires_grad_(False)
    return engine
