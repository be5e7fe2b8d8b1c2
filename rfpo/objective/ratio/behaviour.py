"""The true importance ratio."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.objective.slots import Policy, Ratio


@dataclass(frozen=True)
class Behaviour(Ratio):
    """The ratio to whoever sampled the token, in the context it was sampled in: importance sampling as it is defined.

        log r_t = log pi_theta(o_t | q, o_<t) - log mu(o_t | c, o_<t)

    For a plain rollout mu is the engine's own log-probability, so that the ratio also holds the mismatch between engine
    and learner (do not add engine_mismatch); for a correction it is the probability under the correction prompt c.

    Degenerate: where nobody knows mu the old policy stands in, as in `token`; 0 on tokens that are not trained.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"behaviour", "old"})

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        return keep(policy.logp - torch.where(batch.known, batch.behaviour, batch.old), batch.mask)
