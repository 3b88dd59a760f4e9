"""What the gateways tell the client later: signing, trying again, and the mischief a script asks for.

Calls go to loopback or to hosts named at the start, never through a proxy, never after a redirect.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import aiohttp
import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator

from .config import Config
from .faults import Step
from .ledger import Events

TIMEOUT_SECONDS = 15.0  # Twilio's read timeout; Telnyx waits less
LONGEST_PAUSE = 10.0
#: More of them under way would only take time from the requests that come in.
MOST_AT_ONCE = 8
_OK, _REDIRECT, _SERVER_ERROR = 200, 300, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP request of a callback, signed for this very moment."""

    url: str
    body: bytes
    headers: Mapping[str, str]


#: Makes the request for the n-th try (from 1): signatures carry the time, Telnyx counts tries in the body.
Compose = Callable[[int], Attempt]


def twilio_callback(url: str, parameters: Mapping[str, str], *, token: str) -> Compose:
    """A form post with `X-Twilio-Signature`: HMAC-SHA1 over the URL without its fragment and the sorted parameters."""
    address = url.partition("#")[0]
    parameters = dict(parameters)

    @cache
    def composed() -> Attempt:
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "user-agent": "TwilioProxy/1.1",
            "x-twilio-signature": RequestValidator(token).compute_signature(address, parameters),
            "i-twilio-idempotency-token": str(uuid4()),
        }
        return Attempt(url=address, body=urlencode(parameters).encode(), headers=headers)

    return lambda _attempt: composed()


def twilio_retries(url: str) -> int | None:
    """The retry count a URL asks for in its fragment (`#rc=3`, 0 to 5), or None where it asks for none."""
    asked = parse_qs(urlsplit(url).fragment).get("rc", [""])[-1]
    return min(int(asked), 5) if asked.isdecimal() else None


def telnyx_webhook(url: str, event_type: str, payload: Mapping[str, object], *, key: Ed25519PrivateKey) -> Compose:
    """An event in Telnyx's envelope, Ed25519 over `timestamp|body`; the event's id is the same at every try."""
    data = {
        "event_type": event_type,
        "id": str(uuid4()),
        "occurred_at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "payload": dict(payload),
        "record_type": "event",
    }

    def compose(attempt: int) -> Attempt:
        body = json.dumps({"data": data, "meta": {"attempt": attempt, "delivered_to": url}}).encode()
        timestamp = str(int(time.time()))
        signature = key.sign(timestamp.encode() + b"|" + body)
        headers = {
            "content-type": "application/json",
            "user-agent": "telnyx-webhooks",
            "telnyx-timestamp": timestamp,
            "telnyx-signature-ed25519": base64.b64encode(signature).decode(),
        }
        return Attempt(url=url, body=body, headers=headers)

    return compose


class Caller:
    """Sends callbacks and records each one's fate as an event."""

    def __init__(self, config: Config, events: Events) -> None:
        self._config = config
        self._events = events
        #: With this one the fax gateway fetches media.
        self.client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS)
        self._session: aiohttp.ClientSession | None = None
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    def _callbacks(self) -> aiohttp.ClientSession:
        """With this one everything else is told: twenty thousand may wait for their turn, which httpx can't bear."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MOST_AT_ONCE),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_SECONDS, sock_read=TIMEOUT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    async def _post(self, request: Attempt) -> int:
        async with self._callbacks().post(
            request.url, data=request.body, headers=request.headers, allow_redirects=False
        ) as answer:
            await answer.read()
            return answer.status

    async def deliver(self, compose: Compose, *, name: str, channel: str, ref: str, retries: int | None = None) -> bool:
        """Calls until an answer below 500 comes or the limit is reached. Returns whether it was a 2xx.

        Args:
            name: what is told, for the event: `delivered`, `fax.failed`.
            retries: how often to try again; None for the sandbox's own limit.
        """
        limit = self._config.callback_attempts if retries is None else retries + 1
        pause = self._config.callback_pause
        for attempt in range(1, limit + 1):
            try:
                async with self._turns:
                    request = compose(attempt)
                    if not self._config.may_call(request.url):
                        self._record("callback_forbidden", name, channel, ref, url=request.url)
                        return False
                    status = await self._post(request)
            except (aiohttp.ClientError, TimeoutError) as error:
                self._record("callback_failed", name, channel, ref, attempt=attempt, why=type(error).__name__)
            else:
                self._record("callback", name, channel, ref, attempt=attempt, status=status)
                if status < _SERVER_ERROR:
                    return _OK <= status < _REDIRECT
            if attempt < limit:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        self._record("callback_given_up", name, channel, ref, attempts=limit)
        return False

    def _record(self, kind: str, name: str, channel: str, ref: str, **details: object) -> None:
        self._events.record(kind, channel=channel, to="", ref=ref, name=name, **details)

    async def close(self) -> None:
        """Closes the connections."""
        await self.client.aclose()
        if self._session is not None:
            await self._session.close()


class Train:
    """The callbacks of one message, one behind the other, with the delays and disorder its step asks for."""

    def __init__(self, step: Step, *, base_delay: float = 0.0) -> None:
        self._step = step
        self._delay = base_delay + step.late_ms / 1000
        self._waiting: deque[Callable[[], Awaitable[object]]] = deque()
        self._engine: asyncio.Task[None] | None = None

    def put(self, send: Callable[[], Awaitable[object]]) -> None:
        """Adds a callback; it leaves at once unless the order is to be turned round."""
        if self._step.no_callback:
            return
        if self._step.out_of_order:
            self._waiting.appendleft(send)
        else:
            self._waiting.append(send)
            self._go()

    def _go(self) -> None:
        if self._engine is None or self._engine.done():
            self._engine = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await asyncio.sleep(self._delay)
        self._delay = 0.0
        while self._waiting:
            send = self._waiting.popleft()
            await send()
            if self._step.doubled:
                await send()

    async def arrive(self) -> None:
        """Lets go of what was held back, last one first, and waits until everything was told or given up."""
        if self._waiting:
            self._go()
        if self._engine is not None:
            await self._engine
