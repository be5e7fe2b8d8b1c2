"""What dynamic sampling keeps."""

from collections.abc import Sequence

from rfpo.records import Sample


def mixed(samples: Sequence[Sample]) -> bool:
    """DAPO's filter, 0 < number of right answers < number of answers, on a group after corrections were merged.

    It reads outcomes, so that length penalties do not make an all-right group look mixed. Of answers that are compared in
    several groups (a second turn, guided tries) one group must be mixed; rows of a further stream have a loss of their own and
    are always worth keeping. False for no samples.
    """
    outcomes: dict[tuple, set] = {}
    for sample in samples:
        if sample.stream != "policy":
            return True
        outcomes.setdefault(sample.comparison, set()).add(sample.outcome)
    return any(len(found) > 1 for found in outcomes.values())
