"""Counter-based randomness: every draw is a pure function of what it is for, never of what was drawn before."""

from dataclasses import dataclass, replace
from hashlib import blake2b


@dataclass(frozen=True)
class RandomKey:
    """Names one stream of random numbers.

    The same key gives the same numbers whatever the batch layout, the order of the work or the number of workers, so a
    resumed run draws what the uninterrupted one drew, and two arms of a comparison share their draws until they differ.

    `purpose` is "rollout", an operator's name, or "evaluation".

    >>> RandomKey(seed=0, step=3, prompt="p7").number() == RandomKey(seed=0, step=3, prompt="p7").number()
    True
    """

    seed: int = 0
    step: int = 0
    prompt: str = ""
    visit: int = 0
    purpose: str = "rollout"
    attempt: int = 0
    sample: int = 0

    def number(self) -> int:
        """A 128-bit integer, to be used as the key of a counter-based generator such as numpy's Philox."""
        fields = (self.seed, self.step, self.prompt, self.visit, self.purpose, self.attempt, self.sample)
        return int.from_bytes(blake2b(repr(fields).encode(), digest_size=16).digest(), "little")

    def for_sample(self, sample: int) -> "RandomKey":
        return replace(self, sample=sample)
