"""What an engine is told about the model and the optimizer."""

from dataclasses import dataclass

from rfpo.checks import one_of, require


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters (peft) on the named modules; "all-linear" takes every linear layer but the head."""

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    modules: str = "all-linear"

    def __post_init__(self):
        require(self, "rank", lambda x: isinstance(x, int) and x > 0, "a positive whole number", 16)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A causal language model of `transformers`: a directory, a Hub name, or the name of a student shipped with rfpo.

    `precision` is that of forward and backward: "fp32", "bf16" (autocast over fp32 masters), or "auto" (bf16 on a GPU,
    fp32 on a CPU). Masters are fp32 whatever the checkpoint holds.
    """

    path: str = ""
    revision: str | None = None
    precision: str = "auto"
    device: str = "auto"
    attention: str = "auto"
    gradient_checkpointing: bool = False
    lora: Lora | None = None
    trust_remote_code: bool = False

    def __post_init__(self):
        one_of(self, "precision", ("auto", "fp32", "bf16"))
        one_of(self, "device", ("auto", "cpu", "cuda"))
        one_of(self, "attention", ("auto", "eager", "sdpa", "flash_attention_2"))


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """AdamW. The learning rate rises linearly over `warmup_steps` updates and then follows `decay` over the run."""

    learning_rate: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    warmup_steps: int = 0
    decay: str = "constant"
    max_gradient_norm: float = 1.0

    def __post_init__(self):
        require(self, "learning_rate", lambda x: 0 < x < 1, "above 0 and below 1", 1e-6)
        require(self, "betas", lambda betas: all(0 <= x < 1 for x in betas), "two numbers, each at least 0 and below 1",
                (0.9, 0.999))
        require(self, "weight_decay", lambda x: x >= 0, "0 or more", 0.01)
        require(self, "epsilon", lambda x: x > 0, "positive", 1e-8)
        require(self, "max_gradient_norm", lambda x: x > 0, "positive", 1.0)
        require(self, "warmup_steps", lambda x: x >= 0, "0 or more", 10)
        one_of(self, "decay", ("constant", "linear", "cosine"))
