"""A weight on tokens that were put there and not drawn."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch
from rfpo.checks import require
from rfpo.objective._origins import AWAY, check_origins, of_origins
from rfpo.objective.slots import Policy, Weight


@dataclass(frozen=True)
class PutTokens(Weight):
    """Which tokens of a given beginning are reinforced: only those of which the policy is least certain, or none.

        w_t = 1   for drawn tokens, and for the ceil(share n) of a row's n put ones whose entropy H_t is largest
        w_t = 0   for its other put tokens                            H_t of pi_theta(. | q, o_<t), in nats, detached

    A token was put there when nobody knows its behaviour log-prob: the opening of an answer that the policy went on from, or a
    whole demonstration. Prefix-RFT (arXiv 2507.01679) reinforces a share of high entropy, whose size, here .2, is UNVERIFIED;
    its released code ranks all prefix tokens of a micro-batch together, here each row's are ranked by themselves. share 0
    reinforces none, without reading an entropy: UFT (arXiv 2505.16984), which imitates them instead (regularizer `imitation`,
    which no weight touches).

    No denominator shrinks. Of equal entropies the earlier token is kept. Degenerate: 1 on rows of other origins, on rows
    without a put token, and everywhere with share 1.
    """

    share: float = 0.2
    origins: tuple[str, ...] = AWAY

    def __post_init__(self):
        require(self, "share", lambda x: 0 <= x <= 1, "from 0 to 1", 0.2)
        check_origins(self)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"behaviour", "entropy"} if self.share else {"behaviour"})

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract."""
        return {"reads_all_that_it_names": "where behaviour is known, and not what it is",
                "reinforce_at_ratio_one": "what was put there is left out, on-policy or not"}

    def log(self, policy: Policy, batch: Batch) -> Tensor:
        put = batch.mask & ~batch.known & of_origins(batch, self.origins)
        gone = put & (self._rank(policy.entropy, put) >= self._kept(put)) if self.share else put
        return torch.where(gone, -math.inf, 0.0).to(policy.logp.dtype)

    def _kept(self, put: Tensor) -> Tensor:
        """[N,1]: how many of a row's put tokens are kept."""
        return (self.share * put.sum(-1, keepdim=True).double() - 1e-9).ceil()

    @staticmethod
    def _rank(entropy: Tensor, put: Tensor) -> Tensor:
        """[N,T]: each put token's place among its row's, 0 for the largest entropy."""
        return entropy.masked_fill(~put, -math.inf).argsort(dim=-1, descending=True, stable=True).argsort(-1)
