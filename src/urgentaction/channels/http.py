"""HTTP to gateways: one way to build a client, one way to make a request, one judgement on what a failure means.

**The point of no return** is the last byte of the request. httpx's exceptions alone do not tell on which side of it
something broke: a failed write may come out as a read error, because the transport goes on to look for an early
answer. So every request carries a trace hook (httpcore's `trace` extension), and the hook notes whether the body was
handed to the kernel completely:

- not complete (no connection, no free place in the pool, no TLS, a write that failed or timed out): the gateway can't
  have a whole request, so nothing was sent → `NotSent`;
- complete, and then silence, a reset or garbage: it may have been acted on → `NoAnswer`.

An asynchronous request that runs out of time while its body is being written counts as complete: what asyncio holds
of it may leave all the same before the connection is closed.

A request is never repeated here, and redirects are never followed: a repeated POST is a second fax. Environment
variables (proxies, certificates, .netrc) are ignored. Connections are kept for a few seconds only, because a POST on
a connection that the other side is just closing ends as `NoAnswer`.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import json
import logging
import ssl
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx

from urgentaction.channels.contract import Refused, RetryClass, Unknown

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
WHOLE_SECONDS = 30.0
KEPT_SECONDS = 5.0
MAX_ANSWER_BYTES = 1_000_000
_LONGEST_WAIT = timedelta(days=1)
# Uncompressed answers: they are small, and one that unpacks to a gigabyte is no answer.
_HEADERS = {"User-Agent": "urgentaction", "Accept-Encoding": "identity"}

# httpcore looks for it more than ten times in an asynchronous request, and does without where it is missing. But then
# the whole path is searched each time, which doubles what a request costs.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# Both log whole URLs and headers, and a gateway's URLs carry telephone numbers (`?To=…`) and account names.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers, and the body, cut off where it was too long or the connection broke."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """A 2xx status."""
        return 200 <= self.status < 300

    def json_object(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty where it is anything else."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def retry_after(self) -> timedelta | None:
        """The wait asked for (RFC 9110 §10.2.3: seconds or a date), at most a day; None where none was."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return min(timedelta(seconds=min(int(value), 10**6)), _LONGEST_WAIT)
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max(until - datetime.now(UTC), timedelta()), _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request did not reach the gateway completely, so nothing came of it."""

    code: str
    text: str
    retry_class: RetryClass = RetryClass.SOON

    def outcome(self) -> Refused:
        """The same in the contract's words."""
        # What keeps a request from leaving at all is the certificate, the URL or a credential, never one message:
        # ours to put right, or else the gateway's own trouble.
        is_ours = self.retry_class is RetryClass.FIX_FIRST
        return Refused(self.retry_class, self.code, self.text, is_about_us=is_ours, is_gateway_fault=not is_ours)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The whole request went out, and no answer came back."""

    why: str

    def outcome(self) -> Unknown:
        """The same in the contract's words."""
        return Unknown(self.why)


def build_client(*, headers: Mapping[str, str] | None = None, read_seconds: float = READ_SECONDS) -> httpx.Client:
    """The client every HTTP gateway uses: certificates verified, no redirects, nothing from the environment.

    Args:
        read_seconds: how long an answer may take to begin, and to go on.
    """
    return httpx.Client(
        headers={**_HEADERS, **(headers or {})},
        timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=KEPT_SECONDS),
        verify=_trusted(),
        follow_redirects=False,
        trust_env=False,
    )


def build_async_clients(
    number: int, *, headers: Mapping[str, str] | None = None, read_seconds: float = READ_SECONDS
) -> list[httpx.AsyncClient]:
    """The same for requests that are under way together: so many clients, each with one connection at most."""
    return [
        httpx.AsyncClient(
            headers={**_HEADERS, **(headers or {})},
            timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_SECONDS),
            verify=_trusted(),
            follow_redirects=False,
            trust_env=False,
        )
        for _ in range(number)
    ]


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Whom this process trusts, read once: for each client it would take 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


def exchange(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None = None,
    json_body: Mapping[str, Any] | None = None,
    form: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Answer | NotSent | NoAnswer:
    """Make one request, once, in at most WHOLE_SECONDS and a read timeout, and say what became of it."""
    try:
        request = client.build_request(method, url, params=params, json=json_body, data=form, headers=headers)
    except httpx.InvalidURL as error:
        return judge(error, is_request_complete=False)
    return hand_over(client, request, auth=auth)


def hand_over(
    client: httpx.Client, request: httpx.Request, *, auth: tuple[str, str] | None = None
) -> Answer | NotSent | NoAnswer:
    """`exchange`, for a request that the client has built already."""
    trace = _Trace()
    ends = time.monotonic() + WHOLE_SECONDS
    request.extensions = {**request.extensions, "trace": trace.note}
    try:
        response = client.send(request, auth=auth or httpx.USE_CLIENT_DEFAULT, stream=True)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return judge(error, is_request_complete=trace.is_request_complete)
    try:
        body = _read(response, ends)
    finally:
        response.close()
    return _answer(response, body)


async def exchange_async(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None = None,
    json_body: Mapping[str, Any] | None = None,
    form: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Answer | NotSent | NoAnswer:
    """`exchange` beside others in one event loop. The time it may take in all is the same, whatever dribbles in."""
    trace = _Trace()
    body = bytearray()
    response: httpx.Response | None = None
    try:
        async with asyncio.timeout(WHOLE_SECONDS + (client.timeout.read or 0.0)):
            request = client.build_request(
                method,
                url,
                params=params,
                json=json_body,
                data=form,
                headers=headers,
                extensions={"trace": trace.note_async},
            )
            response = await client.send(request, auth=auth or httpx.USE_CLIENT_DEFAULT, stream=True)
            async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        break
    except (httpx.TransportError, httpx.InvalidURL, TimeoutError) as error:
        if response is None:
            is_out_of_time = isinstance(error, (httpx.WriteTimeout, TimeoutError))
            return judge(
                error, is_request_complete=trace.is_request_complete or (trace.is_body_begun and is_out_of_time)
            )
        _note_broken_body(error)
    finally:
        if response is not None:
            await response.aclose()
    return _answer(response, bytes(body[:MAX_ANSWER_BYTES]))


def judge(error: Exception, *, is_request_complete: bool) -> NotSent | NoAnswer:
    """What an httpx exception means, given whether the last byte of the request had left (module docstring)."""
    if is_request_complete:
        is_late = isinstance(error, (httpx.TimeoutException, TimeoutError))
        what = "did not answer in time" if is_late else "broke off before answering"
        return NoAnswer(f"The gateway {what}, after it had the whole request ({type(error).__name__}).")
    if _is_certificate_fault(error):
        return NotSent("tls", "The gateway's certificate was not accepted.", RetryClass.FIX_FIRST)
    match error:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return NotSent("request", "The request could not be put together.", RetryClass.FIX_FIRST)
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return NotSent("connect", "No connection to the gateway.")
        case httpx.PoolTimeout():
            return NotSent("pool", "All connections to the gateway were in use.")
        case _:
            return NotSent("write", f"The connection broke before the request was complete ({type(error).__name__}).")


def class_of_status(status: int) -> RetryClass | None:
    """What an HTTP status means where the gateway's own code says nothing; None: nobody can tell (unknown).

    500, 502 and 504 say that something broke behind the door, not on which side of the work.
    """
    if status in _STATUS_CLASSES:
        return _STATUS_CLASSES[status]
    if status >= 500:
        return None
    return RetryClass.FIX_FIRST if status < 400 else RetryClass.LATER


def is_about_us(status: int) -> bool:
    """Whether a status alone blames our account or our URL: a redirect, 401 to 405. The rest may be one message's."""
    return status < 400 or status in {401, 402, 403, 404, 405}


def is_gateway_fault(status: int) -> bool:
    """Whether a status says that the gateway can't take anything just now, and has not taken this (RFC 9110, 8470)."""
    return status in _FAULTS


_FAULTS = frozenset({408, 425, 503})
_STATUS_CLASSES: Mapping[int, RetryClass] = {
    400: RetryClass.FIX_FIRST,
    401: RetryClass.FIX_FIRST,
    402: RetryClass.FIX_FIRST,
    403: RetryClass.FIX_FIRST,
    404: RetryClass.FIX_FIRST,
    405: RetryClass.FIX_FIRST,
    408: RetryClass.SOON,
    413: RetryClass.FIX_FIRST,
    415: RetryClass.FIX_FIRST,
    422: RetryClass.FIX_FIRST,
    425: RetryClass.SOON,
    429: RetryClass.THROTTLE,
    503: RetryClass.SOON,
}


class _Trace:
    """Hears from the transport how far a request has come."""

    def __init__(self) -> None:
        self.is_body_begun = False
        self.is_request_complete = False

    def note(self, event: str, _details: Mapping[str, Any]) -> None:
        if event.endswith("send_request_body.started"):
            self.is_body_begun = True
        elif event.endswith("send_request_body.complete"):
            self.is_request_complete = True

    async def note_async(self, event: str, details: Mapping[str, Any]) -> None:
        self.note(event, details)


def _answer(response: httpx.Response, body: bytes) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def _read(response: httpx.Response, ends: float) -> bytes:
    """The body as far as it came. The status is known by now, and it decides; a broken body only costs details."""
    body = bytearray()
    try:
        for piece in response.iter_raw():
            body += piece
            if len(body) > MAX_ANSWER_BYTES or time.monotonic() > ends:
                break
    except httpx.TransportError as error:
        _note_broken_body(error)
    return bytes(body[:MAX_ANSWER_BYTES])


def _note_broken_body(error: Exception) -> None:
    logging.getLogger(__name__).warning("A gateway's answer broke off in its body (%s).", type(error).__name__)


def _is_certificate_fault(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
