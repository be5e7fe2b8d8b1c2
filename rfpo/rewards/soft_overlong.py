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

    `limit` and `buffer` count tokens, the end-of-sequence token among them. Left out, limit is the max_tokens with which the
    answer was sampled, and buffer a fifth of the limit, as in the paper (4096 of 20480). The penalty is kept as the part
    "overlong"; it is 0 up to limit - buffer tokens. Raises ValueError for a sample that nobody sampled and no limit.
    """

    limit: int | None = None
    buffer: int | None = None

    def __post_init__(self):
        require(self, "limit", lambda x: x is None or (isinstance(x, int) and x >= 1), "a whole number of at least 1", 20480)
        most = "" if self.limit is None else f" to limit, which is {self.limit}"
        require(self, "buffer", lambda x: x is None or (isinstance(x, int) and 1 <= x <= (self.limit or x)),
                f"a whole number from 1{most}", max(1, (self.limit or 20480) // 5))

    def __call__(self, sample: Sample) -> Sample:
        limit = self.limit or _sampled_with(sample)
        buffer = self.buffer or max(1, limit // 5)
        penalty = -min(max(len(sample.tokens) - (limit - buffer), 0) / buffer, 1.0)
        return replace(sample, reward=sample.reward + penalty, rewards={**sample.rewards, "overlong": penalty})


def _sampled_with(sample: Sample) -> int:
    if sample.provenance.attempt is None:
        raise ValueError("SoftOverlong.limit is None and the sample was not drawn with a max_tokens; give a limit.")
    return sample.provenance.attempt.completion.request.sampling.max_tokens
