"""HINT's affinity of a response with the policy."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective._affinity import log_affinity
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class Affinity(Weight):
    """HINT's down-weighting of responses that were drawn with a hint, by how near they are (arXiv 2510.09388).

        w = ( EUR exp(-UC / tau) )^power,   EUR = share of the tokens with 1 - band <= r <= 1 + band,
                                            UC  = standard deviation of log r in the band

    of        "context": r = pi_old(o_t | q) / mu(o_t | q, hint), what the hint has changed, a number of the whole step.
              "drift": r = pi_theta / pi_old, both without the hint, as in the released code, where w is therefore 1 in the
              first update. Which of them the paper means is UNVERIFIED.
    tau       None is log(1 + band) / 2.

    Of each response by itself. HINT takes one number for a re-rolled group, weighted by |A|, which a micro-batch cannot
    know; advantage `times_affinity` does. Over trained tokens, with a known mu for "context"; in float64.

    Degenerate: 1 for a response without a counted token or of another origin; 0 with none in the band.
    """

    of: str = "context"
    band: float = 0.2
    tau: float | None = None
    power: float = 1.0
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        one_of(self, "of", ("context", "drift"))
        require(self, "band", lambda x: 0 < x < 1, "above 0 and below 1", 0.2)
        require(self, "tau", lambda x: x is None or 0 < x < math.inf, "above 0, or left out", 0.1)
        require(self, "power", lambda x: 0 < x < math.inf, "above 0", 1.0)
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"behaviour", "old"} if self.of == "context" else {"old"})

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        if self.of == "context":
            counted, log_ratio = batch.mask & batch.known, batch.old - batch.behaviour
        else:
            counted, log_ratio = batch.mask, policy.logp - batch.old
        each = torch.arange(len(batch), device=batch.mask.device)
        found = self.power * log_affinity(keep(log_ratio, counted), counted, each, self.band, self.tau)[:, None]
        return torch.where(of_origins(batch, self.origins), found, 0.0).to(policy.logp.dtype)
