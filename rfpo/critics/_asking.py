"""One POST of JSON, sent again where that may help. Standard library only."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from time import monotonic
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

T = TypeVar("T")

MOST_BYTES = 2**24
"""A longer answer is not read to its end."""
SHOWN = 200
"""Characters of the other side's own words that an error repeats."""

BROKEN = "See that url is the base of an OpenAI-compatible endpoint."
HINTS = {
    400: "See that the model takes these messages, temperature and max_tokens.",
    401: "Check the key in {env}.", 403: "Check the key in {env}, and that it may use this model.",
    404: "Check url and model.", 408: "Raise timeout_seconds or retries.", 413: "The request is too long for this endpoint.",
    429: "Lower concurrency, or raise retries and longest_wait.",
}
"""What to do, by status; `{env}` is the name of the key's environment variable."""

AGAIN = (408, 409, 425, 429)
"""Statuses below 500 that may pass."""
HOPELESS = (401, 403, 404, 405)
"""Statuses that every other request would get too."""


class Failed(Exception):
    """No answer. `again`: asking again may help, after `after` seconds where the other side says so. `hopeless`: no other
    request would be answered either."""

    def __init__(self, what: str, mend: str, *, again: bool = False, after: float | None = None, hopeless: bool = False):
        super().__init__(what)
        self.mend, self.again, self.after, self.hopeless = mend, again, after, hopeless


@dataclass(frozen=True)
class Patience:
    """`retries` after the first time; before retry k (from 0) a pause of `backoff` 2^k seconds, or what Retry-After says if
    that is more, but at most `longest` seconds."""

    timeout: float
    retries: int
    backoff: float
    longest: float

    def pause(self, number: int, after: float | None) -> float:
        return min(self.longest, max(after or 0.0, self.backoff * 2**number))


@dataclass(frozen=True)
class Call:
    """What is posted, and where. `env` names the key's variable, for hints; its value stands in `headers` alone."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    env: str = ""


def post(call: Call, patience: Patience, read: Callable[[bytes], T], wait: Callable[[float], bool]) -> T:
    """What `read` makes of the answer; it raises Failed for one that it cannot read. `wait(seconds)` pauses, and is True when
    nobody wants the answer any more. Raises Failed when all retries are spent, or at once where they would not help."""
    for number in range(patience.retries + 1):
        try:
            return read(_send(call, patience.timeout))
        except Failed as failed:
            last = failed
        if not last.again or number == patience.retries or wait(patience.pause(number, last.after)):
            break
    if number:
        raise Failed(f"{last}, {number + 1} times", last.mend, hopeless=last.hopeless) from last
    raise last


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the key to another host, and turn the POST into a GET."""

    def redirect_request(self, *_):
        return None


def _send(call: Call, seconds: float) -> bytes:
    request = Request(call.url, data=call.body, headers=dict(call.headers), method="POST")
    until = monotonic() + seconds
    late = Failed(f"gave no answer within {seconds:g} seconds", "Raise timeout_seconds, or see whether it is up.", again=True)
    try:
        with build_opener(_NoRedirect).open(request, timeout=seconds) as response:
            return _body(response, until)
    except HTTPError as error:
        raise _refused(call, error) from error
    except TimeoutError as error:
        raise late from error
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise late from error
        raise Failed(f"cannot be reached ({error.reason})", "Check url, and whether it is up.", again=True) from error
    except (HTTPException, OSError) as error:
        raise Failed(f"broke off ({type(error).__name__})", "See whether it is up.", again=True) from error


def _body(response, until: float) -> bytes:
    """Piece by piece: a server that sends a byte now and then is late too. Raises TimeoutError, and Failed for too much."""
    body = b""
    while piece := response.read1(2**16):
        body += piece
        if monotonic() > until:
            raise TimeoutError
        if len(body) > MOST_BYTES:
            raise Failed(f"answered with more than {MOST_BYTES} bytes", BROKEN)
    return body


def _refused(call: Call, error: HTTPError) -> Failed:
    status = error.code
    hint = HINTS.get(status, "Look at its log, or try again later." if status >= 500 else BROKEN)
    said = _said(error, call)
    return Failed(f"answered {status}{f' ({said})' if said else ''}",
                  hint.format(env=f"the environment variable {call.env}" if call.env else "api_key_env, which is empty"),
                  again=status >= 500 or status in AGAIN, hopeless=status in HOPELESS or 300 <= status < 400,
                  after=_seconds(error.headers.get("Retry-After", "")))


def _said(error: HTTPError, call: Call) -> str:
    """The other side's words in one line, without the key if it repeats it."""
    try:
        text = error.read(4096).decode(errors="replace")
    except (HTTPException, OSError):
        return ""
    match = re.search(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', text)
    line = " ".join((match.group(1) if match else re.sub(r"<[^<>]*>", " ", text)).split())
    key = call.headers.get("Authorization", "").removeprefix("Bearer ")
    return (line.replace(key, "***") if key else line)[:SHOWN].rstrip(".")


def _seconds(after: str) -> float | None:
    """Retry-After, in seconds or as a date; None for anything else."""
    after = after.strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", after):
        return float(after)
    try:
        date = parsedate_to_datetime(after)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
