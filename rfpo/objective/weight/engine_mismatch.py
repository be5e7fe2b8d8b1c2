"""The importance weight between the engine that sampled and the learner that trains."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, keep, row_mean, row_sum
from rfpo.checks import one_of, require
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class EngineMismatch(Weight):
    """Truncated importance sampling (TIS) between learner and sampling engine, or its masked form (MIS, IcePop).

        rho_t = pi_old(o_t) / mu(o_t)                            pi_old by the learner, mu as the engine reported it
        w = min(max(rho, floor), cap)     mode "truncate"        w = rho if floor <= rho <= cap else 0     mode "mask"

    level "token": rho of each token [N,T]; "sequence": their product, "geometric": their geometric mean, over a row's
    trained tokens [N,1]. Masking does not shrink any denominator. Meant for rows sampled in the context that they are
    trained in; not beside ratio `behaviour`, which holds the mismatch already.

    Degenerate: where mu is unknown the weight is 1, and a row of unknown mu has sequence weight 1.
    """

    level: str = "token"
    cap: float = 2.0
    floor: float = 0.0
    mode: str = "truncate"
    needs: ClassVar[frozenset[str]] = frozenset({"behaviour", "old"})

    def __post_init__(self):
        one_of(self, "level", ("token", "sequence", "geometric"))
        require(self, "cap", lambda x: x >= 1, "at least 1", 2.0)
        require(self, "floor", lambda x: 0 <= x <= 1, "between 0 and 1", 0.0)
        one_of(self, "mode", ("truncate", "mask"))

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        counted = batch.known & batch.mask
        log_rho = keep(batch.old - batch.behaviour, counted)
        if self.level != "token":
            log_rho = {"sequence": row_sum, "geometric": row_mean}[self.level](log_rho, counted)
        low, high = math.log(self.floor) if self.floor > 0 else -math.inf, math.log(self.cap)
        if self.mode == "truncate":
            return log_rho.clamp(low, high)
        return torch.where((log_rho >= low) & (log_rho <= high), log_rho, -math.inf)
