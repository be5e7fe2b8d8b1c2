"""HiLL's hint reliance as a weight."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch, row_mean
from rfpo.checks import one_of, require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class Reliance(Weight):
    """Counts a response less, the more it was due to the help it was drawn with, as HiLL (arXiv 2604.00698) scores hints.

        w = exp( min(delta, 0) / temperature ),    delta = mean_t log pi_old(o_t | q) - mean_t log mu(o_t | q, help)

    The means are over the tokens whose mu is known, trained or not, summed in float64. In HiLL the factor is part of the
    *hinter's* reward, on its correct rollouts, at temperature .3; as a weight of the answer it is ours.

    Degenerate: 1 for a response that is as likely without the help, whose mu is unknown, or of another origin.
    """

    temperature: float = 0.3
    snapshot: str = "old"
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        require(self, "temperature", lambda x: 0 < x < math.inf, "above 0", 0.3)
        one_of(self, "snapshot", ("old", "update"))
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"behaviour", self.snapshot})

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        counted = batch.known & batch.valid
        delta = row_mean(getattr(batch, self.snapshot).double() - batch.behaviour.double(), counted)
        found = delta.clamp(max=0) / self.temperature
        return torch.where(of_origins(batch, self.origins), found, 0.0).to(policy.logp.dtype)
