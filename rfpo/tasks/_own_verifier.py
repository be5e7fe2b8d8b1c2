"""A user's function as a verifier: `def verify(completion: str, answer: str | None, row: dict)`."""

import math
from collections.abc import Callable, Mapping

from rfpo.errors import UserError
from rfpo.pieces import find
from rfpo.records import Location, Verdict

KEYS = ("solved", "score", "feedback", "error", "location")
RETURNS = "return True or False, a number from 0 to 1, a rfpo Verdict, or a dict of solved or score, feedback, error, location"


def load(name: str) -> Callable:
    """The function named `module:function`, from the Python path or the current folder."""
    function = find("rfpo.tasks", name)
    if not callable(function):
        raise UserError(f"Data.verifier is {name!r}, which is no function; name one: "
                        f"def verify(completion, answer, row).")
    return function


def as_verdict(value, solved_at: float) -> Verdict:
    """What a user's function returned, as a verdict. Raises ValueError for nonsense, which makes the answer UNGRADED.

    >>> as_verdict(0.5, solved_at=1.0).outcome
    <Outcome.WRONG: 'wrong'>
    """
    if isinstance(value, Verdict):
        return value
    if not isinstance(value, Mapping):
        return _from_score(_score(value), solved_at)
    unknown = [key for key in value if key not in KEYS]
    if unknown or ("solved" in value) == ("score" in value):
        raise ValueError(f"the verifier returned a dict with the keys {list(value)}; {RETURNS}")
    score = _score(value["solved"] if "solved" in value else value["score"])
    if score >= solved_at:
        return Verdict.solved(score=score)
    return Verdict.wrong(score=score, feedback=str(value.get("feedback", "")), error=str(value.get("error", "")),
                         location=_location(value.get("location")))


def _from_score(score: float, solved_at: float) -> Verdict:
    return Verdict.solved(score=score) if score >= solved_at else Verdict.wrong(score=score)


def _score(value) -> float:
    value = value.item() if hasattr(value, "item") else value  # numpy's and torch's scalars
    if not isinstance(value, (bool, int, float)) or not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError(f"the verifier returned {value!r:.60}; {RETURNS}")
    return float(value)


def _location(value) -> Location | None:
    if value is None or isinstance(value, Location):
        return value
    try:
        return Location(int(value["step"]), int(value["start"]), int(value["end"]), str(value.get("description", "")))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(f"the verifier returned the location {value!r:.60}; it is a dict of step, start, end, "
                         f"description") from error
