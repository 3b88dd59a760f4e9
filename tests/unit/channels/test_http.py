"""Failed requests fall on the right side of the point of no return, seen with real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Protocol

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.channels.hostile import HANG_UP, SILENCE, HttpScript, Server, http_answer
from urgentaction.channels import http
from urgentaction.channels.contract import Refused, RetryClass

Start = Callable[[HttpScript], Server]
PATIENCE = 0.4
BIG = {"body": "x" * 8_000_000}  # more than the kernel buffers of a connection hold


class Client(Protocol):
    def __call__(self, method: str, url: str, *, form: dict[str, str]) -> object: ...


@contextmanager
def synchronous() -> Iterator[Client]:
    with http.build_client(read_seconds=PATIENCE) as made:
        yield partial(http.exchange, made)


@contextmanager
def asynchronous() -> Iterator[Client]:
    (made,) = http.build_async_clients(1, read_seconds=PATIENCE)
    with asyncio.Runner() as runner:
        yield lambda method, url, *, form: runner.run(http.exchange_async(made, method, url, form=form))
        runner.run(made.aclose())


@pytest.fixture(params=[synchronous, asynchronous])
def open_client(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Client]]:
    opened: Callable[[], AbstractContextManager[Client]] = request.param
    return opened


@pytest.fixture
def client(open_client: Callable[[], AbstractContextManager[Client]]) -> Iterator[Client]:
    with open_client() as made:
        yield made


def post(client: Client, port: int, form: dict[str, str] | None = None) -> object:
    return client("POST", f"http://127.0.0.1:{port}/v1/things?To=%2B12025550123", form=form or {"a": "b"})


def test_nobody_listening_is_not_sent(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = post(client, port)
    assert isinstance(result, http.NotSent)
    assert (result.code, result.retry_class) == ("connect", RetryClass.SOON)
    assert result.outcome() == Refused(RetryClass.SOON, "connect", result.text, is_gateway_fault=True)


def test_a_connection_that_breaks_in_the_middle_of_the_request_is_not_sent(client: Client, start: Start) -> None:
    result = post(client, start(HttpScript([HANG_UP], reads=1000)).port, BIG)
    assert isinstance(result, http.NotSent)
    assert result.code == "write"
    assert result.outcome().is_gateway_fault


def test_a_request_that_is_not_read_to_its_end_is_not_sent_unless_something_else_may_still_send_it() -> None:
    is_over = threading.Event()

    def read_a_little(connection: socket.socket) -> None:
        connection.recv(1000)
        is_over.wait()

    with contextlib.closing(Server(read_a_little)) as server:
        with synchronous() as client:
            assert isinstance(post(client, server.port, BIG), http.NotSent)
        with asynchronous() as client:
            assert isinstance(post(client, server.port, BIG), http.NoAnswer)
        is_over.set()


def test_an_answer_that_dribbles_in_is_waited_for_no_longer_than_in_all(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, the next one too, and so on without an end."""
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.1)

    def dribble(connection: socket.socket) -> None:
        connection.recv(65_536)
        while True:
            connection.sendall(b"HTTP/1.1 200 OK\r\n"[:1])
            connection.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                if not connection.recv(1):
                    return

    server = Server(dribble)
    with contextlib.closing(server), asynchronous() as client:
        assert isinstance(post(client, server.port), http.NoAnswer)


@pytest.mark.parametrize("answer", [HANG_UP, SILENCE, b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_silence_after_the_whole_request_is_no_answer(client: Client, start: Start, answer: bytes) -> None:
    script = HttpScript([answer])
    result = post(client, start(script).port)
    assert isinstance(result, http.NoAnswer)
    assert script.requests[0].endswith(b"a=b")


def test_a_request_is_made_once(client: Client, start: Start) -> None:
    script = HttpScript([HANG_UP])
    post(client, start(script).port)
    assert len(script.requests) == 1


def test_a_redirect_is_an_answer_and_not_followed(client: Client, start: Start) -> None:
    script = HttpScript([http_answer(307, headers="Location: /elsewhere\r\n")])
    result = post(client, start(script).port)
    assert isinstance(result, http.Answer)
    assert (result.status, len(script.requests)) == (307, 1)


def test_a_status_counts_even_if_the_body_breaks_off(client: Client, start: Start) -> None:
    result = post(client, start(HttpScript([http_answer(400, b'{"code": 212', length=500)])).port)
    assert isinstance(result, http.Answer)
    assert result.status == 400
    assert result.json_object() == {}


def test_an_endless_body_is_cut(client: Client, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 1000)
    result = post(client, start(HttpScript([http_answer(200, b"x" * 300_000)])).port)
    assert isinstance(result, http.Answer)
    assert len(result.body) == 1000


def test_proxies_of_the_environment_are_ignored(
    open_client: Callable[[], AbstractContextManager[Client]], start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with open_client() as client:
        assert isinstance(post(client, start(HttpScript([http_answer(200, b"{}")])).port), http.Answer)


def test_urls_with_numbers_are_not_logged(client: Client, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    post(client, start(HttpScript([http_answer(200, b"{}")])).port)
    assert "2025550123" not in caplog.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta()),
        ("99999999999999999999", timedelta(days=1)),
        ("Fri, 01 Jan 2010 00:00:00 GMT", timedelta()),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("１２", None),
    ],
)
def test_retry_after(value: str, expected: timedelta | None) -> None:
    assert http.Answer(429, {"retry-after": value}, b"").retry_after() == expected


def test_retry_after_as_a_date() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    wait = http.Answer(429, {"retry-after": until}, b"").retry_after()
    assert wait is not None
    assert timedelta(seconds=80) < wait <= timedelta(seconds=90)


@given(text=st.text(max_size=40))
def test_retry_after_never_fails(text: str) -> None:
    wait = http.Answer(429, {"retry-after": text}, b"").retry_after()
    assert wait is None or timedelta() <= wait <= timedelta(days=1)


@given(status=st.integers(100, 599).filter(lambda status: not 200 <= status < 300))
def test_every_status_has_a_class_or_is_openly_unknown(status: int) -> None:
    found = http.class_of_status(status)
    assert (found is None) == (status >= 500 and status != 503)


@pytest.mark.parametrize("error", [httpx.PoolTimeout("full"), httpx.ConnectTimeout("slow"), httpx.WriteError("cut")])
def test_a_gateway_out_of_reach_is_at_fault_and_nobody_else(error: httpx.TransportError) -> None:
    outcome = http.judge(error, is_request_complete=False).outcome()
    assert isinstance(outcome, Refused)
    assert (outcome.is_gateway_fault, outcome.is_about_us) == (True, False)


def test_a_request_that_can_not_be_put_together_is_ours_to_fix() -> None:
    outcome = http.judge(httpx.UnsupportedProtocol("gopher"), is_request_complete=False).outcome()
    assert isinstance(outcome, Refused)
    assert (outcome.is_gateway_fault, outcome.is_about_us) == (False, True)


@given(status=st.integers(100, 599))
def test_a_faulty_gateway_has_certainly_taken_nothing(status: int) -> None:
    assert not http.is_gateway_fault(status) or http.class_of_status(status) is RetryClass.SOON


@given(body=st.binary(max_size=60))
def test_any_body_is_an_object_or_empty(body: bytes) -> None:
    assert isinstance(http.Answer(200, {}, body).json_object(), dict)
