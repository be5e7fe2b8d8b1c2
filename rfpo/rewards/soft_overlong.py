"""A penalty that grows as an answer nears the length limit."""

from dataclasses import dataclass, replace

from rfpo.checks import require
from rfpo.records import Sample
from rfpo.rewards import Shaping


@dataclass(frozen=True, kw_only=True)
class SoftOverlong(Shaping):
    """DAPO's soft overlong punishment (arXiv 2503.14476, equation 13), added to the reward.

    With T tokens,

        0                               T <= limit - buffer
        (limit - buffer - T) / buffer   limit - buffer < T <= limit
        -1                              T > limit

    `limit` and `buffer` count tokens, the end-of-sequence token among them; limit is commonly the run's max_tokens. The
    penalty is kept as the part "overlong". Answers of at most limit - buffer tokens are returned with a penalty of 0.
    """

    limit: int = 20480
    buffer: int = 4096

    def __post_init__(self):
        require(self, "limit", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 20480)
        require(self, "buffer", lambda x: isinstance(x, int) and 1 <= x <= self.limit,
                f"a whole number from 1 to limit, which is {self.limit}", max(1, self.limit // 5))

    def __call__(self, sample: Sample) -> Sample:
        over = len(sample.tokens) - (self.limit - self.buffer)
        penalty = -min(max(over, 0) / self.buffer, 1.0)
        return replace(sample, reward=sample.reward + penalty, rewards={**sample.rewards, "overlong": penalty})
