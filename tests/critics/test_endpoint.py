"""The critique client against a stub server on loopback."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rfpo.config.change import change
from rfpo.config.load import from_plain
from rfpo.config.save import to_plain
from rfpo.critics import Critic
from rfpo.critics.endpoint import Endpoint
from rfpo.errors import UserError
from rfpo.recipes import recipe
from rfpo.records import Message, Opening, Prompt, RandomKey, Request
from tests.critics.stub import choice, says, serving, status

KEY = "RFPO_TEST_KEY"


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setenv(KEY, "secret-4711")
    monkeypatch.setenv("no_proxy", "*")
    with serving() as stub:
        yield stub


@pytest.fixture
def endpoint(stub, tmp_path):
    return Endpoint(url=stub.url, model="m", api_key_env=KEY, timeout_seconds=5, retries=2, backoff=0.001, longest_wait=0.01,
                    cache=str(tmp_path / "kept"))


def ask(text="What is wrong?", n=1, attempt=0, **rest):
    return Request(Prompt("p", "Q", task="t"), text, RandomKey(prompt="p", attempt=attempt), n=n, to="critic", **rest)


def refused(endpoint, requests=None):
    with pytest.raises(UserError) as error:
        endpoint.answer(requests or [ask()])
    assert "\n" not in str(error.value) and "secret" not in str(error.value)
    return str(error.value)


def test_what_is_posted(stub, endpoint):
    assert isinstance(endpoint, Critic)
    chat = (Message("system", "Be brief."), Message("user", "Why?"))
    assert endpoint.answer([ask("Why?"), ask(chat)]) == [("fine",), ("fine",)]
    posted = sorted(stub.posted, key=lambda body: len(body["messages"]))
    assert posted[0] == {"model": "m", "messages": [{"role": "user", "content": "Why?"}], "temperature": 1.0, "max_tokens": 512}
    assert posted[1]["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    assert stub.headers[0]["Authorization"] == "Bearer secret-4711" and stub.paths == ["/v1/chat/completions"] * 2


def test_what_the_model_does_not_take_is_left_out(stub, endpoint):
    replace(endpoint, temperature=None, limit="max_completion_tokens", api_key_env="").answer([ask()])
    assert set(stub.posted[0]) == {"model", "messages", "max_completion_tokens"} and "Authorization" not in stub.headers[0]


def test_texts_come_in_the_order_of_the_requests(stub, endpoint):
    gate = threading.Event()

    def reply(handler, posted):
        word = posted["messages"][0]["content"]
        if word == "0":
            gate.wait(5)  # the first is answered last
        if word == "5":
            gate.set()
        says(f"to {word}")(handler, posted)

    stub.script = [reply]
    assert replace(endpoint, concurrency=3).answer([ask(str(i)) for i in range(6)]) == [(f"to {i}",) for i in range(6)]


def test_no_more_than_concurrency_at_once(stub, endpoint):
    running, most, lock = [0], [0], threading.Lock()

    def reply(handler, posted):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        with lock:
            running[0] -= 1
        says("ok")(handler, posted)

    stub.script = [reply]
    replace(endpoint, concurrency=2).answer([ask(str(i)) for i in range(8)])
    assert 1 <= most[0] <= 2


def test_n_texts_are_n_calls_each_with_its_own_random_number(stub, endpoint):
    stub.script = [says("a"), says("b"), says("c"), says("d")]
    one = replace(endpoint, concurrency=1)
    assert one.answer([ask(n=3)]) == [("a", "b", "c")]
    assert one.answer([ask(n=4)]) == [("a", "b", "c", "d")] and len(stub.posted) == 4


def test_the_same_request_twice_is_asked_once(stub, endpoint):
    stub.script = [says("a"), says("b")]
    assert endpoint.answer([ask(), ask()]) == [("a",), ("a",)] and len(stub.posted) == 1


def test_nothing_is_asked_without_requests(stub, endpoint):
    assert endpoint.answer([]) == [] and stub.posted == []


RESTARTED = """
import sys
from rfpo.critics.endpoint import Endpoint
from rfpo.records import Prompt, RandomKey, Request
made = Endpoint(url=sys.argv[1], model="m", api_key_env="", retries=0, cache=sys.argv[2])
print(made.answer([Request(Prompt("p", "Q", task="t"), "What is wrong?", RandomKey(prompt="p", attempt=0))]))
"""


def test_another_process_reads_what_is_kept(stub, endpoint):
    stub.script = [says("ünïcode\n\u2028")]
    first = replace(endpoint, api_key_env="").answer([ask()])
    done = subprocess.run([sys.executable, "-c", RESTARTED, stub.url, endpoint.cache], capture_output=True, text=True,
                          env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    assert done.stdout.strip() == repr(first) and len(stub.posted) == 1


@pytest.mark.parametrize("changes", [
    {"model": "n"}, {"temperature": 0.5}, {"temperature": None}, {"max_tokens": 9}, {"limit": "max_completion_tokens"},
])
def test_another_way_of_drawing_is_asked_again(stub, endpoint, changes):
    endpoint.answer([ask()])
    replace(endpoint, **changes).answer([ask()])
    assert len(stub.posted) == 2


def test_another_content_or_key_is_asked_again_and_another_patience_is_not(stub, endpoint):
    endpoint.answer([ask(), ask("Where?"), ask(attempt=1)])
    replace(endpoint, retries=0, timeout_seconds=1, concurrency=1, url=stub.url + "/").answer([ask()])
    assert len(stub.posted) == 3


def test_what_is_kept_holds_no_key(stub, endpoint):
    stub.script = [status(401, body=b'{"error": {"message": "Incorrect API key: secret-4711"}}')]
    assert "Incorrect API key: ***" in refused(endpoint)
    stub.script = [says("ok")]
    endpoint.answer([ask()])
    texts = [path.read_text() for path in Path(endpoint.cache).rglob("*.json")]
    assert len(texts) == 1 and "secret" not in texts[0] and json.loads(texts[0])["text"] == "ok"


def test_429_is_asked_again(stub, endpoint):
    stub.script = [status(429, [("Retry-After", "1000000")]), says("late")]
    assert endpoint.answer([ask()]) == [("late",)] and len(stub.posted) == 2


def test_500_twice_is_asked_a_third_time(stub, endpoint):
    stub.script = [status(500), status(503), says("third")]
    assert endpoint.answer([ask()]) == [("third",)] and len(stub.posted) == 3


@pytest.mark.parametrize("reply, says_what, mend", [
    (status(429, body=b'{"error": {"message": "slow\\ndown"}}'), "answered 429 (slow\\ndown), 3 times", "Lower concurrency"),
    (status(502, body=b"<html>\n<h1>Bad\ngateway</h1>"), "answered 502 (Bad gateway), 3 times", "try again later"),
    (says(b'{"choices": ['), "broken JSON, 3 times", "url"),
    (says(b"\xff\xfe"), "broken JSON", "url"),
    (says({"choices": []}), "no choice with a message", "url"),
    (says({"error": "x"}), "no choice with a message", "url"),
    (says([1]), "no choice with a message", "url"),
    (says({"choices": [{"text": "old"}]}), "no choice with a message", "url"),
    (says({"choices": ["x"]}), "no choice with a message", "url"),
    (says(choice(None, "length")), "wrote no text (finish_reason 'length')", "Raise max_tokens"),
    (says(choice("")), "wrote no text", "url"),
])
def test_what_does_not_pass_is_told_after_the_last_retry(stub, endpoint, reply, says_what, mend):
    stub.script = [reply]
    told = refused(endpoint)
    assert says_what in told and mend in told.split(says_what)[1] and repr("m") in told and stub.url in told
    assert len(stub.posted) == 3


def hangs(stub, body=b""):
    def reply(handler, _):
        if body:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            while not stub.released.wait(0.02):
                handler.wfile.write(body)
        stub.released.wait(20)

    return reply


@pytest.mark.parametrize("dripping", [b"", b" "], ids=["silent", "a byte now and then"])
def test_a_hang_ends_with_the_timeout(stub, endpoint, dripping):
    stub.script = [hangs(stub, dripping), says("awake")]
    quick = replace(endpoint, timeout_seconds=0.2)
    assert quick.answer([ask()]) == [("awake",)] and len(stub.posted) == 2
    stub.script = [hangs(stub, dripping)]
    told = refused(replace(quick, retries=1), [ask(attempt=1)])
    assert "gave no answer within 0.2 seconds, 2 times" in told and "Raise timeout_seconds" in told


def test_a_connection_that_breaks_off_is_asked_again(stub, endpoint):
    def breaks(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"choices"')

    def closes(handler, _):
        handler.connection.shutdown(socket.SHUT_RDWR)

    stub.script = [breaks, closes, says("whole")]
    assert endpoint.answer([ask()]) == [("whole",)] and len(stub.posted) == 3


def test_nobody_there(stub, endpoint):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = refused(replace(endpoint, url=f"http://127.0.0.1:{port}/v1"))
    assert "cannot be reached" in told and "3 times" in told and "Check url" in told


@pytest.mark.parametrize("code, names", [(401, KEY), (403, KEY), (404, "url and model"), (405, "url"), (302, "url"),
                                         (307, "url")])
@pytest.mark.parametrize("on_failure", ["raise", "skip"])
def test_what_every_request_would_meet_is_told_at_once(stub, endpoint, code, names, on_failure):
    stub.script = [status(code, [("Location", f"{stub.url}/elsewhere")])]
    told = refused(replace(endpoint, on_failure=on_failure))
    assert f"answered {code}." in told and names in told and stub.url in told and len(stub.paths) == 1


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_request_that_the_endpoint_refuses_is_not_asked_again(stub, endpoint, code):
    stub.script = [status(code, body=b'{"message": "too long."}')]
    assert f"answered {code} (too long). " in refused(endpoint) and len(stub.posted) == 1
    assert replace(endpoint, on_failure="skip").answer([ask()]) == [()]


def test_skip_gives_no_answer_counts_it_and_remembers_it(stub, endpoint, caplog):
    def reply(handler, posted):
        (status(500) if posted["messages"][0]["content"] == "bad" else says("good"))(handler, posted)

    stub.script = [reply]
    skipping = replace(endpoint, on_failure="skip", model="skipping")
    with caplog.at_level(logging.WARNING):
        assert skipping.answer([ask("one"), ask("bad"), ask("two")]) == [("good",), (), ("good",)]
    assert skipping.skipped == 1 and "answered 500, 3 times" in caplog.text and len(stub.posted) == 5
    stub.script = [says("up again")]
    assert skipping.answer([ask("bad")]) == [()] and len(stub.posted) == 5


def test_some_of_the_texts_of_one_request_may_be_missing(stub, endpoint):
    stub.script = [says("a"), status(400), says("c")]
    assert replace(endpoint, on_failure="skip", concurrency=1).answer([ask(n=3)]) == [("a", "c")]


def test_after_a_failure_the_rest_is_not_asked(stub, endpoint):
    stub.script = [says("paid"), status(404)]
    refused(replace(endpoint, concurrency=1), [ask(str(i)) for i in range(50)])
    asked = len(stub.posted)
    assert asked < 10
    stub.script = [says("other")]
    assert endpoint.answer([ask("0")]) == [("paid",)] and len(stub.posted) == asked


KILLED = """
import os, signal, sys
from rfpo.critics import _kept
from rfpo.critics.endpoint import Endpoint
from rfpo.records import Prompt, RandomKey, Request
_kept._give_name = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
made = Endpoint(url=sys.argv[1], model="m", api_key_env="", retries=0, cache=sys.argv[2])
made.answer([Request(Prompt("p", "Q", task="t"), "What is wrong?", RandomKey(prompt="p", attempt=0))])
"""


def test_a_kill_between_write_and_rename_leaves_no_half_file(stub, endpoint):
    done = subprocess.run([sys.executable, "-c", KILLED, stub.url, endpoint.cache], capture_output=True)
    assert done.returncode == -signal.SIGKILL and len(stub.posted) == 1
    assert list(Path(endpoint.cache).rglob("*.json")) == []
    stub.script = [says("again")]
    assert endpoint.answer([ask()]) == [("again",)] and len(stub.posted) == 2


def test_what_was_kept_first_stays(stub, endpoint):
    def reply(handler, posted):  # another process asks the same, and is quicker
        stub.script = [says("first")]
        replace(endpoint).answer([ask()])
        says("second")(handler, posted)

    stub.script = [reply]
    assert endpoint.answer([ask()]) == [("first",)] and len(stub.posted) == 2
    assert [path.suffix for path in Path(endpoint.cache).rglob("*") if path.is_file()] == [".json"]


@pytest.mark.parametrize("written", ["", "{", "[]", "{}", "null"])
def test_a_broken_kept_file_is_refused_by_its_name(stub, endpoint, written):
    endpoint.answer([ask()])
    (path,) = Path(endpoint.cache).rglob("*.json")
    path.write_text(written)
    told = refused(endpoint)
    assert str(path) in told and "Delete it" in told


def test_a_cache_that_cannot_be_written_is_refused_before_the_run(endpoint, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cache.*file/kept.*cannot be written"):
        replace(endpoint, cache=str(tmp_path / "file/kept")).check()
    endpoint.check()


@pytest.mark.parametrize("value, says_what", [(None, "is not set"), (" ", "is not set"), ("a\nb", "does not hold a key"),
                                              ("schlüssel", "does not hold a key")])
def test_a_key_that_is_not_there_is_refused_by_check_alone(endpoint, stub, monkeypatch, value, says_what):
    monkeypatch.delenv(KEY) if value is None else monkeypatch.setenv(KEY, value)
    again = replace(endpoint, retries=0)  # an old run file loads without the key
    with pytest.raises(UserError, match=f"{KEY} {says_what}") as error:
        again.check()
    assert "a\nb" not in str(error.value) and "\n" not in str(error.value)
    assert says_what in refused(again) and stub.posted == []


def test_what_is_kept_needs_no_key(endpoint, stub, monkeypatch):
    endpoint.answer([ask()])
    monkeypatch.delenv(KEY)
    assert endpoint.answer([ask()]) == [("fine",)]


@pytest.mark.parametrize("request_", [ask(prefix=(1,)), ask(opening=Opening(text="First"))])
def test_a_beginning_cannot_be_given(endpoint, request_):
    with pytest.raises(ValueError, match="whole texts"):
        endpoint.answer([request_])


@pytest.mark.parametrize("changes, says_what", [
    ({"url": "localhost:8000"}, "base of an endpoint"), ({"url": ""}, "base"), ({"url": "ftp://x/v1"}, "base"),
    ({"url": "http://x:99999999/v1"}, "base"), ({"url": "http://x/v1?k=1"}, "base"), ({"url": "http://a b/v1"}, "base"),
    ({"url": "http://me:pw@x/v1"}, "password"), ({"url": "http://x/v1/chat/completions/"}, "without /chat/completions"),
    ({"model": ""}, "model"), ({"api_key_env": "sk-123"}, "not the key"), ({"temperature": -1}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"), ({"retries": -1}, "retries"), ({"retries": 1.5}, "retries"),
    ({"concurrency": 0}, "concurrency"), ({"timeout_seconds": 0}, "timeout"), ({"backoff": -1}, "backoff"),
    ({"longest_wait": float("nan")}, "longest_wait"), ({"cache": ""}, "cache"), ({"cache": "kept"}, "whole path"),
    ({"limit": "tokens"}, "limit"),
    ({"on_failure": "skp"}, "did you mean 'skip'"),
])
def test_bad_fields_are_refused(changes, says_what):
    with pytest.raises(UserError, match=says_what) as error:
        Endpoint(**{"url": "http://x/v1", "model": "m"} | changes)
    assert "\n" not in str(error.value) and ":pw" not in str(error.value)


def test_a_run_file_holds_it_without_the_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    made = Endpoint(url="http://x/v1", model="m", api_key_env=KEY, temperature=None)
    run = recipe("rfpo")
    run = replace(run, fixing=replace(run.fixing, critic=made))
    assert from_plain(to_plain(run)) == run
    named = change(run, ["fixing.critic=endpoint", "fixing.critic.url=http://y/v1", "fixing.critic.model=n"])
    assert named.fixing.critic == Endpoint(url="http://y/v1", model="n")
