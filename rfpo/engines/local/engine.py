"""LocalEngine: one transformers model that samples, scores and learns in this process."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from rfpo.batch import Batch
from rfpo.engines.local import learning, loading, scoring, storing
from rfpo.engines.local.abilities import abilities
from rfpo.engines.local.draws import Drawn, Row
from rfpo.engines.local.forward import Forward, row_lengths
from rfpo.engines.local.half import HalfCopy
from rfpo.engines.local.memory import TokenBudget, bound_product_caches, set_malloc
from rfpo.engines.local.round import Round
from rfpo.engines.local.text import Text
from rfpo.engines.protocols import Follow, Stream, UpdateReport
from rfpo.engines.settings import Model, Optimizer
from rfpo.errors import UserError
from rfpo.records import Completion, Content, Opening, Request

SAMPLING_TOKENS = 16
"""Sampling keeps no activations, so it takes this many times the tokens of a micro-batch at once."""
SAMPLING_BUDGET = f"the sampling batch ({SAMPLING_TOKENS} * tokens_per_micro_batch)"


@dataclass
class LocalEngine:
    """Sampler and Learner (rfpo.engines.protocols) over one network. Make one with `LocalEngine.load`.

    Randomness comes from the requests' keys alone. `temperature` is the one at which log-probs are scored and trained.
    """

    network: nn.Module
    text: Text
    forward: Forward
    optimizer: torch.optim.Optimizer
    budget: TokenBudget
    sampling_budget: TokenBudget
    max_gradient_norm: float = 1.0
    reference: nn.Module | None = None
    dtype: torch.dtype = torch.float32
    seed: int = 0
    policy_version: int = 0
    scored_tokens: int = 0
    half: HalfCopy = field(default_factory=HalfCopy)
    offers: frozenset[str] = field(init=False)

    def __post_init__(self):
        self.offers = frozenset({"behaviour", "old", "update", "parent", "parent_update", "teacher", "teacher_topk",
                                 "entropy"})
        if self.reference is not None or hasattr(self.network, "disable_adapter"):
            self.offers |= {"reference"}

    @classmethod
    def load(cls, model: Model, optimizer: Optimizer, *, temperature: float = 1.0, tokens_per_micro_batch: int = 16384,
             reference: bool = False, seed: int = 0) -> "LocalEngine":
        """The engine of a model directory or Hub name. `reference` keeps a frozen copy; adapters need none, because
        switching them off gives it back. Raises UserError, in one line, for whatever cannot be loaded."""
        set_malloc()
        bound_product_caches()
        device = device_of(model)
        network, tokenizer = loading.load_network(model, device), loading.load_tokenizer(model)
        frozen = loading.frozen_copy(network) if reference and not model.lora else None
        if model.lora:
            torch.manual_seed(seed)
            network = loading.with_lora(network, model.lora)
        if model.gradient_checkpointing:
            learning.checkpoint_activations(network)
        text = Text(tokenizer, network.generation_config)
        bf16 = model.precision == "bf16" or (model.precision == "auto" and device == "cuda")
        return cls(network=network.eval(), text=text,
                   forward=Forward(text.pad, temperature, device, bf16, abilities(network.eval())),
                   optimizer=adamw(network, optimizer), budget=TokenBudget(tokens_per_micro_batch),
                   sampling_budget=TokenBudget(SAMPLING_TOKENS * tokens_per_micro_batch, SAMPLING_BUDGET),
                   max_gradient_norm=optimizer.max_gradient_norm, reference=frozen, dtype=loading.checkpoint_dtype(model),
                   seed=seed)

    @property
    def context_length(self) -> int:
        return getattr(self.network.config.get_text_config(), "max_position_embeddings", None) or 2**31

    def encode(self, content: Content) -> tuple[int, ...]:
        return self.text.encode(content)

    def open(self, opening: Opening) -> tuple[int, ...]:
        return self.text.open(opening)

    def ends(self, tokens: Sequence[int]) -> tuple[int, ...]:
        return self.text.ends(tokens)

    def decode(self, tokens: Sequence[int]) -> str:
        return self.text.decode(tokens)

    def sample(self, requests: Sequence[Request], finished: Callable[[Completion], None] | None = None,
               follow: Follow | None = None) -> list[list[Completion]]:
        return Round(self, list(requests), finished, follow).run()

    def rows(self, index: int, request: Request) -> list[Row]:
        context = self.encode(request.content) + request.prefix
        room = self.context_length - len(context)
        if not context:
            raise UserError(f"prompt {request.prompt.id!r} has no tokens; a prompt must not be empty. Give it a text.")
        if room < 1:
            raise UserError(f"prompt {request.prompt.id!r} is {len(context)} tokens long and the model takes "
                            f"{self.context_length}, answer included; shorten it or leave it out.")
        limit = min(request.sampling.max_tokens, room)
        return [Row(index, sample, request, context, limit) for sample in range(request.n)]

    def completion(self, drawn: Drawn) -> Completion:
        row = drawn.row
        return Completion(request=row.request, context=row.context, tokens=drawn.tokens, logps=drawn.logps,
                          text=self.decode(drawn.tokens), finish=drawn.finish, policy_version=self.policy_version)

    def score(self, batch: Batch, columns: frozenset[str]) -> Batch:
        """See Learner.score. Raises UserError for a column that this engine does not offer."""
        if columns - self.offers:
            raise UserError(f"columns {sorted(columns - self.offers)} are not offered by the local engine; it offers "
                            f"{', '.join(sorted(self.offers))}. A reference must be asked for when the engine is loaded.")
        return scoring.fill(batch, columns, self._score_tokens, self._score_likeliest)

    def _score_tokens(self, batch: Batch, tokens: Tensor, valid: Tensor, reference: bool) -> Tensor:
        def work() -> Tensor:
            with self._policy(reference) as network:
                return scoring.score_tokens(self.forward, network, batch, tokens, valid, self.budget.tokens)

        self.scored_tokens += int(valid.sum())
        return self.budget.within(work, lambda: longest_row(batch, valid))

    def _score_likeliest(self, batch: Batch) -> tuple[Tensor, Tensor]:
        self.scored_tokens += int(batch.valid.sum())
        return self.budget.within(
            lambda: scoring.score_likeliest(self.forward, self.network, batch, self.budget.tokens),
            lambda: longest_row(batch, batch.valid))

    @contextmanager
    def sampler(self):
        """The network to sample with, under its autocast: in bf16 a copy (half.py), unless adapters make it one too many."""
        if self.forward.bf16 and not hasattr(self.network, "disable_adapter"):
            yield self.half.of(self.network, self.policy_version)
        else:
            with self.forward.autocast():  # around the whole of it: it keeps its bf16 copies of the weights until it ends
                yield self.network

    @contextmanager
    def _policy(self, reference: bool):
        """The current network, or the frozen one: a copy, or the network without its adapters."""
        if reference and self.reference is None:
            with self.network.disable_adapter():
                yield self.network
        else:
            yield self.reference if reference else self.network

    def update(self, streams: Sequence[Stream], learning_rate: float) -> UpdateReport:
        """See Learner.update. `old` and `update` columns left None are this pass's own log-probs, which is exact in the first
        update after sampling; a missing reference or parent column is scored for the rows that are run. A loss or gradient
        that is not finite leaves weights and moments as they were."""
        given, streams = streams, [learning.prepare(stream, self.score) for stream in streams]
        if not any(len(stream.batch) for stream in streams):
            return UpdateReport(stepped=False)
        tally = self.budget.within(lambda: self._gradient(streams),
                                   lambda: max(longest_row(s.batch, s.batch.valid) for s in streams))
        norm = float(nn.utils.clip_grad_norm_(storing.trained(self.network).values(), self.max_gradient_norm))
        good = learning.finite(tally.loss, norm)
        if good:
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate
            self.optimizer.step()
            self.policy_version += 1
        self.optimizer.zero_grad()
        return UpdateReport(stepped=good, nan=not good, loss=tally.loss, gradient_norm=norm, trained_rows=tally.rows,
                            trained_tokens=tally.tokens, micro_batches=tally.micro_batches, statistics=tally.statistics,
                            logps=learning.logps_of(given, tally))

    def _gradient(self, streams: Sequence[Stream]) -> learning.Tally:
        """Gradients from zero, so that it can be done again. Training mode turns on gradient checkpointing and the
        adapters' dropout, which is drawn anew in each update and alike after a resume."""
        self.optimizer.zero_grad()
        self.network.train()
        try:
            with torch.random.fork_rng(devices=() if self.forward.device == "cpu" else None):
                torch.manual_seed(self.seed + self.policy_version)
                return learning.accumulate(streams, self.network, self.forward, self.budget.tokens)
        finally:
            self.network.eval()

    def save_model(self, directory: Path) -> None:
        """Loads with from_pretrained: the checkpoint's own dtype, adapters merged, tokenizer beside it."""
        storing.save_network(self.network, Path(directory), self.dtype)
        self.text.tokenizer.save_pretrained(directory)

    def save_state(self, directory: Path) -> None:
        counters = {"policy_version": self.policy_version, "tokens_per_micro_batch": self.budget.tokens,
                    "sampling_tokens": self.sampling_budget.tokens}
        storing.save_state(self.network, self.optimizer, counters, Path(directory))

    def load_state(self, directory: Path) -> None:
        """Goes on bit for bit, in an engine loaded from the model that the run began with (its reference is that model).
        Raises UserError when the state is missing, broken or another model's."""
        counters = storing.load_state(self.network, self.optimizer, Path(directory))
        self.half.forget()
        self.policy_version = counters["policy_version"]
        self.budget.tokens, self.sampling_budget.tokens = counters["tokens_per_micro_batch"], counters["sampling_tokens"]


def device_of(model: Model) -> str:
    """Raises UserError when a GPU is asked for and there is none."""
    if model.device == "cuda" and not torch.cuda.is_available():
        raise UserError("model.device is 'cuda'; torch sees no GPU here. Set it to 'cpu' or 'auto'.")
    return model.device if model.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def adamw(network: nn.Module, optimizer: Optimizer) -> torch.optim.AdamW:
    return torch.optim.AdamW(storing.trained(network).values(), lr=optimizer.learning_rate, betas=optimizer.betas,
                             eps=optimizer.epsilon, weight_decay=optimizer.weight_decay)


def longest_row(batch: Batch, valid: Tensor) -> int:
    return max(map(sum, row_lengths(batch, valid)), default=0)
