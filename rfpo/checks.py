"""How a piece checks its own fields: one line that names the field, the value, what is expected and a value to try."""

from collections.abc import Iterable

from rfpo.errors import UserError, near_miss


def scheduled(value) -> bool:
    """A schedule stands where a float will be; the loop resolves it, and the resolved piece checks the number."""
    return hasattr(value, "at") and callable(value.at)


def require(piece, name: str, holds, expected: str, example) -> None:
    """Raise UserError unless `holds(value)` for the field `name` of `piece`. A schedule is let through.

    >>> require(self, "high", lambda x: x > 0, "positive", 0.2)
    UserError: Clip.high is -0.1; it must be positive. Try 0.2.
    """
    value = getattr(piece, name)
    if scheduled(value):
        return
    try:
        good = bool(holds(value))
    except TypeError:
        good = False
    if not good:
        raise UserError(f"{type(piece).__name__}.{name} is {value!r}; it must be {expected}. Try {example!r}.")


def one_of(piece, name: str, allowed: Iterable[str]) -> None:
    """Raise UserError unless the field is one of `allowed`, with the nearest allowed word."""
    value, allowed = getattr(piece, name), tuple(allowed)
    if value not in allowed:
        raise UserError(f"{type(piece).__name__}.{name} is {value!r}; it must be one of {', '.join(allowed)}; "
                        + near_miss(str(value), allowed))
