"""Tiny random models of real architectures, saved as a user's would be. Characters are tokens."""

import string
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

CHARACTERS = string.digits + string.ascii_lowercase + "+-*/=;:., ()\n"
SPECIAL = ("<pad>", "<eos>")


def character_tokenizer() -> PreTrainedTokenizerFast:
    """One token a character; <pad> is 0, <eos> is 1, "0" is 2."""
    vocabulary = {token: index for index, token in enumerate((*SPECIAL, *CHARACTERS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")


def tiny_network(architecture: str = "qwen3", seed: int = 0, **changes):
    """A random Qwen3 or Llama: hidden 32, 2 layers. The weights are large enough for uneven next-token distributions."""
    config = dict(vocab_size=len(SPECIAL) + len(CHARACTERS), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                  num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.3,
                  pad_token_id=0, eos_token_id=1, bos_token_id=None) | changes
    torch.manual_seed(seed)
    if architecture == "qwen3":
        return Qwen3ForCausalLM(Qwen3Config(head_dim=8, tie_word_embeddings=True, **config))
    return LlamaForCausalLM(LlamaConfig(tie_word_embeddings=False, **config))


def save_tiny_model(directory: Path, architecture: str = "qwen3", seed: int = 0, dtype=torch.float32, **changes) -> Path:
    """The model and its tokenizer in `directory`, as save_pretrained leaves them."""
    tiny_network(architecture, seed, **changes).to(dtype).save_pretrained(directory)
    character_tokenizer().save_pretrained(directory)
    return directory
