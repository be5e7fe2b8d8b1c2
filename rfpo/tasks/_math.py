"""Mathematical equality by math-verify, without its time-outs: those answer "wrong" in silence. Whoever calls this in
training does so in a process that can be killed."""

import logging
import re
import signal
import threading
from functools import lru_cache

ANCHOR = re.compile(r"\$|\\\(|\\\[|\\boxed|\n")
WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{4,}")
GOLD_SECONDS = 5


def read(text: str, seconds: int | None = None) -> list:
    """The expressions that math-verify finds in a text; empty when there is none. Raises what math-verify raises.

    A bare expression is put in a box first, because without one `2\\sqrt{3}+1` is read as 2. A sentence is not: in a box
    its letters would be read as a product.
    """
    from math_verify import parse

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its time-outs are off
    bare = not ANCHOR.search(text) and not WORD.search(text)
    return parse(f"\\boxed{{{text}}}" if bare else text, parsing_timeout=seconds, raise_on_error=True)


def is_readable_gold(text: str) -> bool:
    """Whether a reference answer can be read, within GOLD_SECONDS where a signal can stop it."""
    from math_verify.errors import TimeoutException

    stoppable = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    try:
        return bool(read(text, GOLD_SECONDS if stoppable else None))
    except (Exception, TimeoutException):  # the latter is a BaseException
        return False


def equal(gold: str, answer: str) -> bool | None:
    """Whether the answer equals the reference; None when nothing can be read in the answer. The order matters:
    math-verify's comparison is not symmetric."""
    from math_verify import verify

    try:
        found = read(answer)
    except Exception:
        return None
    return verify(_read_once(gold), found, timeout_seconds=None, raise_on_error=True) if found else None


@lru_cache(maxsize=4096)
def _read_once(gold: str) -> list:
    return read(gold)
