"""Rewards -1 and +1 instead of 0 and 1."""

from dataclasses import dataclass, replace

from rfpo.records import Sample


@dataclass(frozen=True, kw_only=True)
class Signed:
    """v -> 2 v - 1 on the verifier's part of the reward, so that a wrong answer costs as much as a right one earns (DAPO).

    Other parts, such as a length penalty, keep their size, wherever in the chain they stand. A group z-score is unchanged
    by it; anything without a group baseline is not.
    """

    def __call__(self, sample: Sample) -> Sample:
        verifier = sample.rewards.get("verifier", sample.reward)
        parts = {**sample.rewards, "verifier": 2.0 * verifier - 1.0}
        return replace(sample, reward=sample.reward + verifier - 1.0, rewards=parts)
