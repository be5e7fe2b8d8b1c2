"""Writing the model for others to load, and the learner's state for itself. safetensors and JSON; no pickle."""

import copy
import json
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from rfpo.engines.local.loading import first_line, quiet
from rfpo.errors import UserError

WEIGHTS, COUNTERS = "trainer.safetensors", "trainer.json"


def save_network(network: nn.Module, directory: Path, dtype: torch.dtype) -> None:
    """The network in the dtype of the checkpoint that it came from; adapters merged into a copy of it."""
    if hasattr(network, "merge_and_unload"):
        network = copy.deepcopy(network).merge_and_unload()
    with quiet(), weights_in(network, dtype):
        network.save_pretrained(directory)


@contextmanager
def weights_in(network: nn.Module, dtype: torch.dtype):
    """The weights rounded to `dtype` meanwhile, and afterwards the very masters that were there before."""
    masters = [(weight, weight.data) for weight in network.parameters() if weight.is_floating_point()]
    for weight, master in masters:
        weight.data = master.to(dtype)
    try:
        yield
    finally:
        for weight, master in masters:
            weight.data = master
        network.config.dtype = torch.float32


def save_state(network: nn.Module, optimizer: torch.optim.Optimizer, counters: dict, directory: Path) -> None:
    """The trained fp32 weights (the model's own file may be rounded to bf16), both moments, and the counters."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, weight in trained(network).items():
        tensors[f"weight.{name}"] = weight.detach().clone().contiguous()
        for moment, value in optimizer.state.get(weight, {}).items():
            tensors[f"{moment}.{name}"] = value.detach().clone().contiguous()
    save_file(tensors, directory / WEIGHTS)
    (directory / COUNTERS).write_text(json.dumps(counters, indent=1) + "\n", encoding="utf-8")


def load_state(network: nn.Module, optimizer: torch.optim.Optimizer, directory: Path) -> dict:
    """Puts weights and moments back and returns the counters."""
    tensors, counters = read_state(directory)
    weights = trained(network)
    if {name: weight.shape for name, weight in weights.items()} != {
            key.removeprefix("weight."): value.shape for key, value in tensors.items() if key.startswith("weight.")}:
        raise UserError(f"{directory / WEIGHTS} holds the state of another model; resume with the model of the run.")
    optimizer.state.clear()
    for key, value in tensors.items():
        moment, _, name = key.partition(".")
        if moment == "weight":
            weights[name].data.copy_(value)
        else:  # AdamW keeps its step count on the CPU
            optimizer.state[weights[name]][moment] = value if moment == "step" else value.to(weights[name].device)
    return counters


def read_state(directory: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Raises UserError when a file is missing or broken."""
    try:
        return load_file(directory / WEIGHTS), json.loads((directory / COUNTERS).read_text(encoding="utf-8"))
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{directory} holds no whole learner state ({first_line(error)}). Resume from another "
                        f"checkpoint.") from error


def trained(network: nn.Module) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
