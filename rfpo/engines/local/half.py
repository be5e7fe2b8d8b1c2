"""A bf16 copy of a network's weights, to sample with."""

import copy

import torch
from torch import nn


class HalfCopy:
    """The network with its weights in bf16, brought up to date when it is asked for.

    Autocast would turn every weight and every activation to bf16 and back at each of the many small steps of sampling; on
    a CPU the copy draws two to three times as fast. What it draws is drawn from a slightly other distribution than the one
    that is trained (the behaviour log-probs say from which), so old log-probs are never taken from it. Buffers stay as they
    are: the rotation of positions needs fp32.
    """

    def __init__(self):
        self.network: nn.Module | None = None
        self.version: int | None = None

    def forget(self) -> None:
        """The weights were changed from outside."""
        self.version = None

    @torch.no_grad()
    def of(self, network: nn.Module, version: int) -> nn.Module:
        if self.network is None:
            self.network = copy.deepcopy(network).eval().requires_grad_(False)
            for weight in self.network.parameters():
                weight.data = weight.data.to(torch.bfloat16)
            self.version = version
        if self.version != version:
            for half, weight in zip(self.network.parameters(), network.parameters(), strict=True):
                half.copy_(weight)
            self.version = version
        return self.network
