"""REX-RAG's ratio."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Ratio


@dataclass(frozen=True)
class Mixture(Ratio):
    """The ratio to a mixture of the old policy and of whoever wrote the row, as in REX-RAG (arXiv 2508.08149).

        r_t = pi_theta / ( (1 - alpha) pi_old + alpha mu )          for rows of `origins`;   pi_theta / pi_old for the others

        mu of a token in the prefix shared with the parent   pi_old error_rate^(-1/j), j the prefix's length: the row was
                                                             begun again because the parent is wrong
        mu of a token that was put there, not drawn          inserted
        mu of a token that was drawn                         behaviour

    alpha       the share of such rows, in REX-RAG that of clones, about .2.
    inserted    REX-RAG has the frequency of the token in the trie of its templates, 1 for the first; here one number.
    error_rate  the share of wrong answers, which REX-RAG measures in the batch; 1 leaves the prefix at pi_old.
    REX-RAG has mu = pi_old on drawn tokens, which is the same where the train context is the one they were drawn in.

    Degenerate: 0 on tokens that are not trained; with alpha 0 it is ratio `token`; bounded by 1/((1 - alpha) pi_old).
    """

    alpha: float = 0.2
    inserted: float = 1.0
    error_rate: float = 1.0
    origins: tuple[str, ...] = AWAY
    needs: ClassVar[frozenset[str]] = frozenset({"behaviour", "old"})

    def __post_init__(self):
        require(self, "alpha", lambda x: 0 <= x < 1, "at least 0 and below 1", 0.2)
        require(self, "inserted", lambda x: 0 < x <= 1, "above 0 and at most 1", 1.0)
        require(self, "error_rate", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)
        check_origins(self)

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {} if self.alpha == 0 else {"reinforce_at_ratio_one": "tokens that were put have a density of their own"}

    def __call__(self, policy: Policy, batch: Batch) -> Tensor:
        old = batch.old.double()
        share = math.log(self.alpha) if self.alpha else -math.inf
        mixed = torch.logaddexp(old + math.log1p(-self.alpha), self._log_mu(batch) + share)
        log_ratio = policy.logp.double() - torch.where(of_origins(batch, self.origins), mixed, old)
        return keep(log_ratio.to(policy.logp.dtype), batch.mask)

    def _log_mu(self, batch: Batch) -> Tensor:
        log_mu = torch.where(batch.known, batch.behaviour.double(), math.log(self.inserted))
        if batch.common_prefix is None:
            return log_mu
        length = batch.common_prefix[:, None]
        shared = torch.arange(batch.mask.shape[1], device=batch.mask.device) < length
        return torch.where(shared, batch.old.double() - math.log(self.error_rate) / length.clamp(min=1), log_mu)
