"""HINT's affinity of a re-rolled group, in the advantage."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch, exp, keep
from rfpo.checks import require
from rfpo.objective._affinity import log_affinity
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class TimesAffinity(Advantage):
    """HINT's down-weighting (arXiv 2510.09388) with one number for all re-rolled rows of a group.

        A_i = A_base,i ( EUR_g exp(-UC_g / tau) )^power    for rows of `origins`;   EUR, UC as in weight `affinity`, over all
                                                           their tokens in the group, with r = pi_old(o | q) / mu(o | q, hint)

    Multiplying the advantage is multiplying the loss, for every surrogate that is linear in the advantage's size. HINT's
    code takes the number over a training micro-batch of the group, and of the drift pi_theta / pi_old, both without the
    hint; here it is over the group, and fixed for the step. Which ratio the paper means is UNVERIFIED.

    Degenerate: 1 where no token of the group is counted (no known mu, no advantage); 0 with none in the band.
    """

    base: Advantage = GroupZscore()
    band: float = 0.2
    tau: float | None = None
    power: float = 1.0
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        require(self, "band", lambda x: 0 < x < 1, "above 0 and below 1", 0.2)
        require(self, "tau", lambda x: x is None or 0 < x < math.inf, "above 0, or left out", 0.1)
        require(self, "power", lambda x: 0 < x < math.inf, "above 0", 1.0)
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs | {"behaviour", "old"}

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: what the base does not keep, and its own."""
        own = {"baseline_rows_only": "every re-rolled row's advantage weighs in its group's affinity",
               "reads_all_that_it_names": "a hard band: far outside it every mu gives the weight 0"}
        return getattr(self.base, "narrows", {}) | own

    def __call__(self, batch: Batch) -> Tensor:
        base = self.base(batch).expand_as(batch.mask)
        counted = batch.mask & batch.known & of_origins(batch, self.origins)
        index = torch.unique(batch.group, return_inverse=True)[1]
        log_ratio, share = keep(batch.old - batch.behaviour, counted), keep(base.abs(), counted)
        found = self.power * log_affinity(log_ratio, share, index, self.band, self.tau)[:, None]
        return base * torch.where(of_origins(batch, self.origins), exp(found), 1.0).to(base.dtype)
