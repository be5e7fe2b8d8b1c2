"""What dynamic sampling keeps."""

from collections.abc import Sequence

from rfpo.records import Sample


def mixed(samples: Sequence[Sample]) -> bool:
    """DAPO's filter, 0 < number of right answers < number of answers, on a group after corrections were merged.

    It reads outcomes, so that length penalties do not make an all-right group look mixed. False for no samples.
    """
    return len({sample.outcome for sample in samples}) > 1
