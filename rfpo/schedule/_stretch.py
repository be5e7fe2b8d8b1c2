"""The stretch of the run over which a schedule moves."""

from rfpo.checks import require


def check_stretch(schedule) -> None:
    """0 <= from_ < to <= 1."""
    require(schedule, "from_", lambda x: 0 <= x < 1, "a share of the run, at least 0 and below 1", 0.0)
    require(schedule, "to", lambda x: schedule.from_ < x <= 1, f"above from_, which is {schedule.from_}, and at most 1", 1.0)


def share(schedule, progress: float) -> float:
    """How much of the stretch is behind: 0 before it, 1 after it."""
    return min(max((progress - schedule.from_) / (schedule.to - schedule.from_), 0.0), 1.0)
