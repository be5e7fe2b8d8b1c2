"""Bugs, planted in pieces outside the package."""

from dataclasses import dataclass
from typing import ClassVar

from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio


@dataclass(frozen=True, kw_only=True)
class NeverMerged(ReplaceOne):
    """Forgets the corrections."""

    def __call__(self, group, corrections, tries=()):
        return super().__call__(group, (), tries)


@dataclass(frozen=True)
class WrongSign(OffPolicyRatio):
    """The ratio the wrong way up."""

    def log(self, policy, batch):
        return -super().log(policy, batch)


@dataclass(frozen=True)
class AlwaysLeaks:
    """Stands for an operator that gives the answer away and a test that sees it."""

    room: ClassVar[str] = "rfpo.correction.leaks"
    kinds: ClassVar[tuple[str, ...]] = ("planted",)

    def find(self, correction, group):
        return self.kinds
