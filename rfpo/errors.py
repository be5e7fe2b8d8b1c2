"""The one exception that means "the user can mend this"; the command line prints it as a single line and exits with 2."""

from difflib import get_close_matches


class UserError(ValueError):
    """A mistake in what the user gave us. The message names the field, the value, what was expected and what to do.

    >>> raise UserError("objective.surrogate.high is -0.1; it must be positive. Set it to 0.2.")
    """


def near_miss(word: str, known) -> str:
    """`did you mean 'x'?` when something in `known` is close to `word`, else the list of what is known: a whole sentence."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are: {', '.join(known)}."
