"""Any OpenAI-compatible chat endpoint."""

import json
import logging
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from rfpo.checks import one_of, require
from rfpo.critics import Critic
from rfpo.critics._asking import BROKEN, Call, Failed, Patience, post
from rfpo.critics._kept import Kept
from rfpo.errors import UserError
from rfpo.records import Content, Request

_SKIPPED: Counter = Counter()
"""Requests without an answer in this process, by endpoint."""


@dataclass(frozen=True, kw_only=True)
class Endpoint(Critic):
    """Any OpenAI-compatible chat endpoint, such as vLLM's, Ollama's or a provider's; `POST {url}/chat/completions`.

    `url` is the base ("http://localhost:8000/v1") and `model` the name that the endpoint knows. `api_key_env` names the
    environment variable that holds the key; the key itself is written nowhere. "" sends none. Plain text is sent as one user
    message. Each of a request's n texts is a call of its own, up to `concurrency` at once; texts come in the order of the
    requests. `temperature` None leaves it to the endpoint, and `limit` is what it calls max_tokens (some models know
    "max_completion_tokens" alone).

    Every text is kept under `cache`, by endpoint, model, messages, the request's random key and how it is drawn: a resumed
    run gets the same texts and nothing is paid for twice. Delete the folder to ask anew.

    Statuses 408, 409, 425, 429 and 5xx, a break, a silence of `timeout_seconds`, and an answer that holds no text are asked
    again `retries` times, after `backoff`, 2 `backoff`, 4 `backoff`, ... seconds or what Retry-After says, at most
    `longest_wait`. Then `on_failure` is "raise", a UserError that says what happened, or "skip": no text for that request, a
    line in the log, `skipped` one higher. A skip is kept too, so that a resumed run skips alike. Whatever every other
    request would meet as well (401, 403, 404, 405, a redirect) is always a UserError, at once.
    """

    url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    temperature: float | None = 1.0
    max_tokens: int = 512
    limit: str = "max_tokens"
    timeout_seconds: float = 120.0
    retries: int = 5
    backoff: float = 1.0
    longest_wait: float = 60.0
    concurrency: int = 8
    cache: str = "~/.cache/rfpo/critics"
    on_failure: str = "raise"

    def __post_init__(self):
        _check_url(self.url)
        require(self, "model", lambda x: isinstance(x, str) and x.strip(), "the name of a model", "gpt-4.1-mini")
        require(self, "api_key_env", lambda x: x == "" or (x.isidentifier() and x.isascii()),
                "the name of an environment variable, and not the key", "OPENAI_API_KEY")
        require(self, "temperature", lambda x: x is None or 0 <= x < 100, "between 0 and 100, or left out", 1.0)
        require(self, "max_tokens", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 512)
        require(self, "retries", lambda x: isinstance(x, int) and 0 <= x <= 100, "a whole number from 0 to 100", 5)
        require(self, "concurrency", lambda x: isinstance(x, int) and 1 <= x <= 256, "a whole number from 1 to 256", 8)
        require(self, "timeout_seconds", lambda x: 0 < x <= 86_400, "above 0 and at most a day, 86400", 120.0)
        for name in ("backoff", "longest_wait"):
            require(self, name, lambda x: 0 <= x <= 86_400, "between 0 and a day, 86400", 1.0)
        require(self, "cache", lambda x: isinstance(x, str) and (x.startswith("~") or Path(x).is_absolute()),
                "a folder by its whole path, so that a run resumed from elsewhere finds it", "~/.cache/rfpo/critics")
        one_of(self, "limit", ("max_tokens", "max_completion_tokens"))
        one_of(self, "on_failure", ("raise", "skip"))

    @property
    def skipped(self) -> int:
        """Texts that were asked for in this process and did not come."""
        return _SKIPPED[self]

    def check(self) -> None:
        """The key is there and the cache can be written. The endpoint is not asked: a question may cost money."""
        self._headers()
        Kept(self.cache).check()

    def answer(self, requests: Sequence[Request]) -> list[tuple[str, ...]]:
        """See Critic. Raises UserError as the class says, and ValueError for a request with an opening or a prefix."""
        asked = [self._names(request) for request in requests]
        calls = {name: request for request, names in zip(requests, asked, strict=True) for name in names}
        kept = dict(zip(calls, self._all(calls), strict=True))
        for name, request in calls.items():
            if kept[name]["text"] is None:
                self._count(request, kept[name]["failed"])
        texts = {name: record["text"] for name, record in kept.items()}
        return [tuple(texts[name] for name in names if texts[name] is not None) for names in asked]

    def _names(self, request: Request) -> list[str]:
        """For each text, the file that keeps it: a hash of whatever may change it."""
        if request.prefix or request.opening:
            raise ValueError("a critic writes whole texts; ask it without a prefix or an opening.")
        numbers = [request.key.for_sample(request.key.sample + j).number() for j in range(request.n)]
        what = [self.url.rstrip("/"), self.model, _messages(request.content), self.temperature, self.max_tokens, self.limit]
        return [sha256(json.dumps([*what, number]).encode()).hexdigest() for number in numbers]

    def _all(self, calls: dict[str, Request]) -> list[dict]:
        ended, pool = Event(), ThreadPoolExecutor(min(self.concurrency, max(1, len(calls))), "critic")
        try:
            return list(pool.map(lambda item: self._one(*item, ended), calls.items()))
        finally:
            ended.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _one(self, name: str, request: Request, ended: Event) -> dict:
        kept = Kept(self.cache)
        return kept.get(name) or kept.put(name, self._ask(request, ended))

    def _count(self, request: Request, why: str) -> None:
        _SKIPPED[self] += 1
        logging.getLogger("rfpo.critics").warning("no critic's text for prompt %r (%d so far): %s", request.prompt.id,
                                                  self.skipped, why)

    def _ask(self, request: Request, ended: Event) -> dict:
        body = {"model": self.model, "messages": _messages(request.content), self.limit: self.max_tokens}
        if self.temperature is not None:
            body["temperature"] = self.temperature
        call = Call(f"{self.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), self._headers(), self.api_key_env)
        patience = Patience(self.timeout_seconds, self.retries, self.backoff, self.longest_wait)
        try:
            return {"model": self.model, "prompt": request.prompt.id} | post(call, patience, _read, ended.wait)
        except Failed as failed:
            if self.on_failure == "raise" or failed.hopeless:
                raise UserError(f"the critic {self.model!r} at {self.url} {failed}. {failed.mend}") from failed
            return {"model": self.model, "prompt": request.prompt.id, "text": None, "failed": str(failed)}

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "rfpo"}
        if not self.api_key_env:
            return headers
        key = os.environ.get(self.api_key_env, "").strip()
        if not key or not (key.isascii() and key.isprintable()):
            fault = "does not hold a key (it has characters that no header may have)" if key else "is not set"
            raise UserError(f"the environment variable {self.api_key_env} {fault}; the critic {self.model!r} at {self.url} "
                            "takes its key from it. Set it, or set api_key_env to '' if no key is needed.")
        return headers | {"Authorization": f"Bearer {key}"}


def _messages(content: Content) -> list[dict[str, str]]:
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    return [{"role": message.role, "content": message.content} for message in content]


def _read(body: bytes) -> dict:
    """The text of the first choice. Raises Failed for an answer that holds none."""
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise Failed("answered with broken JSON", BROKEN, again=True) from error
    try:
        choice = answer["choices"][0]
        text, ended = choice["message"]["content"], choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Failed("answered with JSON that holds no choice with a message", BROKEN, again=True) from error
    if not isinstance(text, str) or not text.strip():
        mend = "Raise max_tokens." if ended == "length" else BROKEN
        raise Failed(f"wrote no text (finish_reason {ended!r})", mend, again=True)
    return {"text": text, "finish_reason": ended, "usage": answer.get("usage")}


def _check_url(url: str) -> None:
    """Raises UserError for what is no base URL. A name and password in it would be written into run files."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(character.isspace() for character in url):
        raise UserError(f"Endpoint.url is {url!r}; it must be the base of an endpoint. Try 'http://localhost:8000/v1'.")
    if "@" in parts.netloc:
        raise UserError("Endpoint.url holds a name or a password; a run file would hold it too. Give the key by api_key_env.")
    if parts.path.rstrip("/").endswith("/completions"):
        raise UserError(f"Endpoint.url is {url!r}; it must be the base, without /chat/completions.")
