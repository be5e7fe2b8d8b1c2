"""Numbers in words."""

from math import exp


def percent(share: float) -> str:
    """Whole per cent, with a digit more near 0 and 1, where it matters: 47%, 0.4%, 99.8%."""
    near_an_end = 0 < share < 0.01 or 0.99 < share < 1
    return f"{share:.1%}" if near_an_end else f"{share:.0%}"


def ratio(log: float) -> str:
    """A ratio from its logarithm; e^50 stands for all that is larger."""
    return f"{exp(min(log, 50.0)):.2f}"


def tokens(count: float) -> str:
    """853, 12k, 1.4M."""
    if count < 9_999.5:
        return f"{count:.0f}"
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.1f}M"


def duration(seconds: float) -> str:
    """1:05 or 2:01:05."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
