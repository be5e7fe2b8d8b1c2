"""The work that both sides of a comparison are given: a model directory, prompts, and a reward."""

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast, Qwen3Config

CONFIGURATIONS = {"qwen3": Qwen3Config, "llama": LlamaConfig}
MICRO_BATCH = 2048
"""Tokens in one of rfpo's micro-batches, unless a command says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One training step: `prompts` x `completions`, prompts of `prompt_tokens` (a tenth more or less), at most `new_tokens`
    each, temperature 1, one update, AdamW, no KL.

    `stop` is about the share of the vocabulary that ends a completion: 0 and every completion has exactly `new_tokens`
    tokens; 0.05 and their lengths are geometric with a mean of about 20.
    """

    architecture: str = "qwen3"
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    key_value_heads: int = 4
    vocabulary: int = 128
    prompts: int = 32
    completions: int = 8
    prompt_tokens: int = 75
    new_tokens: int = 64
    stop: float = 0.0
    seed: int = 0

    @property
    def rows(self) -> int:
        return self.prompts * self.completions

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Work":
        return cls(**json.loads(text))


def write_model(work: Work, folder: Path) -> None:
    """A model with random weights and its tokenizer, of which the word w17 is token 17."""
    torch.manual_seed(work.seed)
    config = CONFIGURATIONS[work.architecture](
        vocab_size=work.vocabulary, hidden_size=work.hidden, intermediate_size=3 * work.hidden, num_hidden_layers=work.layers,
        num_attention_heads=work.heads, num_key_value_heads=work.key_value_heads, head_dim=work.hidden // work.heads,
        max_position_embeddings=8192, tie_word_embeddings=True, pad_token_id=0, bos_token_id=None, eos_token_id=None)
    model = AutoModelForCausalLM.from_config(config)
    words = {f"w{index}": index for index in range(work.vocabulary)} | {"<eos>": work.vocabulary}  # beyond the model's reach
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="w0", eos_token="<eos>", padding_side="left")
    ends = list(range(1, 1 + round(work.stop * work.vocabulary)))
    model.generation_config.eos_token_id = [work.vocabulary, *ends]
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    fast.save_pretrained(folder)


def prompts(work: Work, step: int) -> list[str]:
    """Other prompts at every step, the same on both sides."""
    rng = random.Random(work.seed * 1000 + step)
    low, high = round(0.9 * work.prompt_tokens), max(1, round(1.1 * work.prompt_tokens))
    return [" ".join(f"w{rng.randrange(1, work.vocabulary)}" for _ in range(rng.randint(max(1, low), high)))
            for _ in range(work.prompts)]


def solved(completion_ids: tuple[int, ...]) -> bool:
    """A coin thrown by the completion itself."""
    return crc32(repr(tuple(completion_ids)).encode()) % 2 == 0
