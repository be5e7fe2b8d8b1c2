"""ScriptedEngine: answers written by a function. For tests and examples of everything around a model, without one."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from rfpo.batch import Batch
from rfpo.engines.protocols import Follow, Stream, UpdateReport
from rfpo.engines.streams import rows_to_run
from rfpo.errors import UserError
from rfpo.records import Completion, Content, Finish, Opening, Request, Sampling

END = 0
"""The end-of-sequence token. A character's token is its code point plus one."""


@dataclass
class ScriptedEngine:
    """Sampler and Learner (rfpo.engines.protocols). `script(request, j)` is the text of the j-th completion; it is cut at a
    stop string and at max_tokens as a model's would be. Every log-prob is `logp`. What it was asked to learn is in
    `updates`, what it was asked to answer in `requests`.

    >>> ScriptedEngine(lambda request, j: "46").sample([request])[0][0].text
    '46'
    """

    script: Callable[[Request, int], str]
    logp: float = -0.5
    context_length: int = 4096
    policy_version: int = 0
    scored_tokens: int = 0
    requests: list[Request] = field(default_factory=list)
    updates: list[tuple[Stream, ...]] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    offers: frozenset[str] = frozenset({"behaviour", "old", "update", "reference", "parent", "parent_update", "teacher",
                                                       "entropy"})

    def encode(self, content: Content) -> tuple[int, ...]:
        text = content if isinstance(content, str) else "".join(f"{m.role}: {m.content}\n" for m in content) + "assistant: "
        return tuple(ord(character) + 1 for character in text)

    def open(self, opening: Opening) -> tuple[int, ...]:
        cut = len(opening.tokens) if opening.cut is None else opening.cut
        kept = [token for token in opening.tokens if token != END]
        return (*kept[:cut], *self.encode(opening.text), *((END,) if opening.ends else ()))

    def ends(self, tokens: Sequence[int]) -> tuple[int, ...]:
        return tuple(len(self.decode(tokens[: number + 1])) for number in range(len(tokens)))

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(chr(token - 1) for token in tokens if token != END)

    def sample(self, requests: Sequence[Request], finished: Callable[[Completion], None] | None = None,
               follow: Follow | None = None) -> list[list[Completion]]:
        """One request after the other; what follows from one is asked for when all that were there before are answered."""
        waiting, answers, coming = list(requests), [], []
        while waiting or coming:
            waiting += [] if waiting else coming.pop(0)()
            for request in waiting:
                self.requests.append(request)
                answers.append([self._complete(request, j) for j in range(request.n)])
                for completion in answers[-1]:
                    if finished:
                        finished(completion)
                if follow and (answer := follow(len(answers) - 1, answers[-1])):
                    coming.append(answer)
            waiting = []
        return answers

    def _complete(self, request: Request, sample: int) -> Completion:
        context = self.encode(request.content) + request.prefix
        if len(context) >= self.context_length:
            raise UserError(f"prompt {request.prompt.id!r} is {len(context)} tokens long and the model takes "
                            f"{self.context_length}, answer included; shorten it or leave it out.")
        tokens, finish = self._tokens(self.script(request, sample), request.sampling)
        return Completion(request=request, context=context, tokens=tokens, logps=(self.logp,) * len(tokens),
                          text=self.decode(tokens), finish=finish, policy_version=self.policy_version)

    def _tokens(self, text: str, sampling: Sampling) -> tuple[tuple[int, ...], Finish]:
        ends = [text.index(stop) + len(stop) for stop in sampling.stop if stop in text]
        tokens = self.encode(text[: min(ends)]) if ends else (*self.encode(text), END)
        cut = len(tokens) > sampling.max_tokens
        return tokens[: sampling.max_tokens], Finish.LENGTH if cut else Finish.STOP

    def score(self, batch: Batch, columns: frozenset[str]) -> Batch:
        shapes = {name: batch.parent_mask if name.startswith("parent") else batch.valid for name in columns}
        self.scored_tokens += sum(int(mask.sum()) for mask in shapes.values())
        return replace(batch, **{name: torch.where(mask, self.logp, 0.0) for name, mask in shapes.items()})

    def update(self, streams: Sequence[Stream], learning_rate: float) -> UpdateReport:
        rows = sum(int(rows_to_run(stream).sum()) for stream in streams)
        if not rows:
            return UpdateReport(stepped=False)
        self.updates.append(tuple(streams))
        self.learning_rates.append(learning_rate)
        self.policy_version += 1
        tokens = sum(int(stream.batch.mask[rows_to_run(stream)].sum()) for stream in streams)
        logps = tuple(torch.where(stream.batch.valid & rows_to_run(stream)[:, None], self.logp, 0.0) for stream in streams)
        return UpdateReport(stepped=True, trained_rows=rows, trained_tokens=tokens, micro_batches=1, logps=logps)

    def save_model(self, directory: Path) -> None:
        self._write(Path(directory) / "model.json")

    def save_state(self, directory: Path) -> None:
        self._write(Path(directory) / "trainer.json")

    def load_state(self, directory: Path) -> None:
        self.policy_version = json.loads((Path(directory) / "trainer.json").read_text(encoding="utf-8"))["policy_version"]

    def _write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"policy_version": self.policy_version}) + "\n", encoding="utf-8")
