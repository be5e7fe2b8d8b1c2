"""XRPO's novelty."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import Batch, keep
from rfpo.checks import one_of, require
from rfpo.objective.advantage._confidence import SOURCES, column_of, mean_logp
from rfpo.objective.advantage._group import group_statistics
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.slots import Advantage


@dataclass(frozen=True)
class Sharpened(Advantage):
    """XRPO's novelty-guided sharpening (arXiv 2510.06672): a right answer that is unusual for its group counts more.

        A_i = A + min( max( boost (1 - eta_i), 0 ), share A )  where A > 0,    eta_i = exp( s_i - mean_g s )

    s_i is the row's mean log-prob over its trained tokens, mean_g over the baseline's rows of its group whose s is known.
    boost 2.5 and share .5 are the paper's, by third-party notes. Wrong answers are left alone, as in the paper; third-party
    code sharpens them too. `source` as in confidence_penalty: for corrections "old" is the one in the train context.

    Degenerate: a row that is as likely as its group's mean or likelier, or whose s is unknown, keeps its base advantage.
    """

    base: Advantage = GroupZscore()
    boost: float = 2.5
    share: float = 0.5
    source: str = "behaviour"

    def __post_init__(self):
        require(self, "boost", lambda x: 0 <= x < math.inf, "at least 0", 2.5)
        require(self, "share", lambda x: 0 <= x < math.inf, "at least 0", 0.5)
        one_of(self, "source", SOURCES)

    @property
    def needs(self) -> frozenset[str]:
        return self.base.needs | column_of(self.source)

    @property
    def narrows(self) -> dict[str, str]:
        """See tests/contract: what the base does not keep."""
        return getattr(self.base, "narrows", {})

    def __call__(self, batch: Batch) -> Tensor:
        logp, known = mean_logp(batch, self.source)
        mean = group_statistics(logp, batch.group, batch.baseline & known).mean
        novelty = keep((self.boost * -torch.expm1((logp - mean).clamp(max=0))), known)[:, None].to(batch.reward.dtype)
        base = self.base(batch)
        return base + torch.minimum(novelty, self.share * base.clamp(min=0))
