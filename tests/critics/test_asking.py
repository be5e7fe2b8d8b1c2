"""How long is waited, and what for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rfpo.critics._asking import Call, Failed, Patience, _seconds, post
from tests.critics.stub import says, serving, status

PATIENCE = Patience(timeout=5, retries=3, backoff=0.5, longest=30.0)


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with serving() as stub:
        yield stub


def pauses(stub, script, patience=PATIENCE, stop_at=99):
    """How long each pause was to be; `stop_at`: nobody wants the answer any more at that pause."""
    waited = []

    def wait(seconds):
        waited.append(seconds)
        return len(waited) == stop_at

    stub.script = script
    try:
        post(Call(stub.url, b"{}", {}), patience, lambda body: body, wait)
    except Failed as failed:
        return waited, str(failed)
    return waited, "answered"


def test_pauses_double(stub):
    assert pauses(stub, [status(500)]) == ([0.5, 1.0, 2.0], "answered 500, 4 times")


def test_retry_after_is_waited_for_up_to_the_longest_wait(stub):
    script = [status(429, [("Retry-After", "7")]), status(503, [("Retry-After", "86400")]), status(429), says("ok")]
    assert pauses(stub, script) == ([7.0, 30.0, 2.0], "answered")


def test_retry_after_never_shortens_a_pause(stub):
    assert pauses(stub, [status(429, [("Retry-After", "0.1")]), says("ok")])[0] == [0.5]


def test_no_pause_after_the_last_time_and_none_without_retries(stub):
    assert pauses(stub, [status(500)], Patience(5, 0, 0.5, 30.0)) == ([], "answered 500")


def test_a_pause_ends_with_the_wish_for_an_answer(stub):
    waited, told = pauses(stub, [status(500)], stop_at=2)
    assert waited == [0.5, 1.0] and told == "answered 500, 2 times" and len(stub.posted) == 2


def test_what_does_not_pass_is_not_waited_for(stub):
    assert pauses(stub, [status(400)]) == ([], "answered 400")


@pytest.mark.parametrize("said, seconds", [("7", 7.0), (" 1.5 ", 1.5), ("", None), ("soon", None), ("-1", None), ("nan", None),
                                           ("inf", None), ("9" * 400, None)])
def test_retry_after_in_seconds(said, seconds):
    assert _seconds(said) == seconds


def test_retry_after_as_a_date():
    at = datetime.now(UTC)
    assert 0 < _seconds(format_datetime(at + timedelta(seconds=100), usegmt=True)) <= 100
    assert _seconds(format_datetime(at - timedelta(seconds=100), usegmt=True)) == 0.0
