"""A directory or a Hub name to a network and its tokenizer; every way in which that fails is one line."""

import copy
import json
import re
from contextlib import contextmanager
from pathlib import Path

import torch
from huggingface_hub import HfApi, try_to_load_from_cache
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from rfpo.engines.local.abilities import settle_attention
from rfpo.engines.local.attention import NAME as OWN_ATTENTION
from rfpo.engines.local.norms import fuse_norms
from rfpo.engines.settings import Lora, Model
from rfpo.errors import UserError

HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt")


def load_network(model: Model, device: str) -> nn.Module:
    """The network with fp32 weights, whatever the checkpoint's dtype: in bf16 an update of 1e-5 would be rounded away.

    `network.config.dtype` is changed with it; `checkpoint_dtype` tells what the file holds.
    """
    check_source(model)
    plain = "eager" if device == "cpu" else "sdpa"
    with one_line(model), quiet():
        try:
            network = from_pretrained(model, attention(model))
        except ValueError:
            if model.attention != "auto":
                raise
            network = from_pretrained(model, plain)  # it brings an attention of its own
    fuse_norms(without_dropout(network).to(device))
    settle_attention(network.eval(), plain)
    return network


def load_tokenizer(model: Model):
    """The tokenizer, padding with the end-of-sequence token if it has no padding token of its own."""
    with one_line(model), quiet():
        tokenizer = AutoTokenizer.from_pretrained(source(model), revision=model.revision,
                                                  trust_remote_code=model.trust_remote_code)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def checkpoint_dtype(model: Model) -> torch.dtype:
    """What the checkpoint's configuration says; fp32 if it says nothing."""
    with one_line(model), quiet():
        config = AutoConfig.from_pretrained(source(model), revision=model.revision, trust_remote_code=model.trust_remote_code)
    return config.dtype or torch.float32


def from_pretrained(model: Model, attention: str) -> nn.Module:
    return AutoModelForCausalLM.from_pretrained(
        source(model), revision=model.revision, trust_remote_code=model.trust_remote_code, use_safetensors=True,
        dtype=torch.float32, attn_implementation=attention)


def attention(model: Model) -> str:
    """The engine's own, unless another is asked for."""
    return OWN_ATTENTION if model.attention == "auto" else model.attention


def without_dropout(network: nn.Module) -> nn.Module:
    """Dropout of the checkpoint is switched off: the ratio compares the very policy that sampled, not a thinned one."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0
    return network


def with_lora(network: nn.Module, lora: Lora) -> nn.Module:
    """The network with fresh adapters, the only weights that are trained. Raises UserError when peft is not installed."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise UserError("model.lora is set and peft is not installed; run: pip install 'rfpo[lora]'.") from error
    modules = lora.modules if lora.modules == "all-linear" else lora.modules.replace(" ", "").split(",")
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=modules,
                        task_type="CAUSAL_LM")
    try:
        return get_peft_model(network, config)
    except ValueError as error:
        raise UserError(f"model.lora.modules is {lora.modules!r}; it must name modules of the model. "
                        f"Try 'all-linear'.") from error


def frozen_copy(network: nn.Module) -> nn.Module:
    """The reference policy."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def source(model: Model) -> str:
    """The directory, its `~` expanded, or else the Hub name."""
    directory = Path(model.path).expanduser()
    return str(directory) if directory.is_dir() else model.path


def check_source(model: Model) -> None:
    """What transformers would report as a puzzle is found out here. Raises UserError."""
    if not model.path:
        raise UserError("model.path is ''; it must be a directory saved by save_pretrained or a Hub name. "
                        "Try Qwen/Qwen3-0.6B.")
    directory = Path(source(model))
    if directory.is_dir():
        check_directory(directory, model)
    elif not HUB_NAME.fullmatch(model.path):
        raise UserError(f"model.path is {model.path!r}; there is no such directory. Give a directory saved by "
                        f"save_pretrained, or a Hub name such as Qwen/Qwen3-0.6B.")
    elif not isinstance(try_to_load_from_cache(model.path, "config.json", revision=model.revision), str):
        check_hub(model)


def check_hub(model: Model) -> None:
    """One question to the Hub. transformers asks the same six times with growing pauses, most of a minute when there is no
    network. Raises UserError."""
    try:
        HfApi().model_info(model.path, revision=model.revision, timeout=10)
    except Exception as error:  # its HTTP library's own errors among them, and the library differs between versions
        raise UserError(f"model.path is {model.path!r}; there is no such directory, and the Hub does not give it "
                        f"({first_line(error)}). Check the name, the network and, for a gated model, your login.") from error


def check_directory(directory: Path, model: Model) -> None:
    """Configuration, tokenizer and whole safetensors files are there. Raises UserError."""
    if not (directory / "config.json").is_file():
        raise UserError(f"model.path is {model.path!r}; it has no config.json, so it is not a model directory. Give one "
                        f"saved by save_pretrained.")
    try:
        json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"model.path is {model.path!r}; its config.json is not JSON. Save the model "
                        f"again.") from error
    weights = sorted(directory.glob("*.safetensors"))
    if not weights:
        pickled = " (a .bin file is a pickle, which can run code when it is read)" if any(directory.glob("*.bin")) else ""
        raise UserError(f"model.path is {model.path!r}; it has no .safetensors weights{pickled}. Save the model with "
                        f"save_pretrained.")
    for file in weights:
        check_safetensors(file)
    if not any((directory / name).is_file() for name in TOKENIZER_FILES):
        raise UserError(f"model.path is {model.path!r}; it has no tokenizer. Save the model's tokenizer beside it with "
                        f"tokenizer.save_pretrained.")


def check_safetensors(file: Path) -> None:
    """Reads the header, which gives the file's length away when it was cut short. Raises UserError."""
    try:
        with safe_open(file, framework="pt") as opened:
            opened.keys()
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is broken or cut short ({first_line(error)}). Copy or download it again.") from error


@contextmanager
def one_line(model: Model):
    """Whatever transformers raises while it loads, as one line that names the model."""
    try:
        yield
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        hint = "Check the files, and that it is a causal language model."
        if "trust_remote_code" in str(error):
            hint = "It runs code of its own: set model.trust_remote_code to true if you trust it."
        raise UserError(f"model.path is {model.path!r}; it cannot be loaded ({first_line(error)}). {hint}") from error


@contextmanager
def quiet():
    """Without transformers' progress bars, which would tear a live display."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
