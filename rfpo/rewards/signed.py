"""Rewards -1 and +1 instead of 0 and 1."""

from dataclasses import dataclass, replace

from rfpo.records import Sample
from rfpo.rewards import Shaping


@dataclass(frozen=True, kw_only=True)
class Signed(Shaping):
    """v -> 2 v - 1 on the verifier's part of the reward: a wrong answer costs what a right one earns (DAPO).

    Other parts, such as a length penalty, keep their size, wherever in the chain they stand. A group z-score is unchanged
    by it; anything without a group baseline is not.
    """

    def __call__(self, sample: Sample) -> Sample:
        verifier = sample.rewards.get("verifier", sample.reward)
        parts = {**sample.rewards, "verifier": 2.0 * verifier - 1.0}
        return replace(sample, reward=sample.reward + verifier - 1.0, rewards=parts)
