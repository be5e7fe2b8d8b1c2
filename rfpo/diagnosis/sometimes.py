"""A share of the groups, by chance."""

from dataclasses import dataclass

from rfpo.checks import require
from rfpo.diagnosis import Diagnosis
from rfpo.pieces import kind_of
from rfpo.records import Group, RandomKey


@dataclass(frozen=True, kw_only=True)
class Sometimes(Diagnosis):
    """Stuck with probability `share`, whatever came of the group.

    For methods that help a part of the prompts: R3L reflects on half of its rollouts (arXiv 2601.03715), REX-RAG clones about
    a fifth of those that ended wrong (2508.08149): all_of([each_wrong, sometimes]). The draw is keyed by seed, step, prompt
    and visit, so that a resumed run decides alike; every `sometimes` of a run shares it.

    Degenerate: share=1 is every group, graded or not.
    """

    share: float = 0.5

    def __post_init__(self):
        require(self, "share", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)

    def __call__(self, group: Group) -> bool:
        key = RandomKey(seed=group.seed, step=group.step, prompt=group.prompt.id, visit=group.visit, purpose=kind_of(self))
        return key.number() < self.share * 2**128
