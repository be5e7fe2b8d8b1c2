"""RLTF's mask of tokens that the policy would hardly have written."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import one_of, require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class LogpFloor(Weight):
    """Leaves out the tokens that are there only because of what the sampler was told, as in RLTF (arXiv 2602.02482).

        w_t = 0 where log pi(o_t | q, o_<t) < floor, 1 elsewhere                         floor -5 nats, p = .0067

    No denominator shrinks. `snapshot` "current" masks by the policy that is being updated, so that a token may come back;
    "old" and "update" are fixed before. Which of them RLTF's code takes is UNVERIFIED; they agree in a step's only update.

    Degenerate: 1 on rows of other origins, and on a token whose log-prob is exactly the floor.
    """

    floor: float = -5.0
    snapshot: str = "current"
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        require(self, "floor", lambda x: -math.inf < x < 0, "below 0, in nats", -5.0)
        one_of(self, "snapshot", ("current", "old", "update"))
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.snapshot} - {"current"})

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        logp = policy.logp if self.snapshot == "current" else getattr(batch, self.snapshot)
        gone = of_origins(batch, self.origins) & (logp < self.floor)
        return torch.where(gone, -math.inf, 0.0).to(policy.logp.dtype)
