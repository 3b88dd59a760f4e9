"""What the gateways tell the client later: signing, trying again, and the mischief a script asks for.

Calls go to loopback or to hosts named at the start, never through a proxy, never after a redirect.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator

from .config import Config
from .faults import Step
from .ledger import Events

TIMEOUT_SECONDS = 15.0  # Twilio's read timeout; Telnyx waits less
LONGEST_PAUSE = 10.0
_SERVER_ERROR = 500


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
    signature = RequestValidator(token).compute_signature(address, dict(parameters))
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "user-agent": "TwilioProxy/1.1",
        "x-twilio-signature": signature,
        "i-twilio-idempotency-token": str(uuid4()),
    }
    body = urlencode(dict(parameters)).encode()
    return lambda _attempt: Attempt(url=address, body=body, headers=headers)


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
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS)

    @property
    def client(self) -> httpx.AsyncClient:
        """The one client; the fax gateway fetches media with it, too."""
        return self._client

    async def deliver(self, compose: Compose, *, name: str, channel: str, ref: str, retries: int | None = None) -> bool:
        """Calls until an answer below 500 comes or the limit is reached. Returns whether it was a 2xx.

        Args:
            name: what is told, for the event: `delivered`, `fax.failed`.
            retries: how often to try again; None for the sandbox's own limit.
        """
        limit = self._config.callback_attempts if retries is None else retries + 1
        pause = self._config.callback_pause
        for attempt in range(1, limit + 1):
            request = compose(attempt)
            if not self._config.may_call(request.url):
                self._record("callback_forbidden", name, channel, ref, url=request.url)
                return False
            try:
                answer = await self._client.post(request.url, content=request.body, headers=dict(request.headers))
            except httpx.HTTPError as error:
                self._record("callback_failed", name, channel, ref, attempt=attempt, why=type(error).__name__)
            else:
                self._record("callback", name, channel, ref, attempt=attempt, status=answer.status_code)
                if answer.status_code < _SERVER_ERROR:
                    return answer.is_success
            if attempt < limit:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        self._record("callback_given_up", name, channel, ref, attempts=limit)
        return False

    def _record(self, kind: str, name: str, channel: str, ref: str, **details: object) -> None:
        self._events.record(kind, channel=channel, to="", ref=ref, name=name, **details)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


class Train:
    """The callbacks of one message, one behind the other, with the delays and disorder its step asks for."""

    def __init__(self, step: Step, *, base_delay: float = 0.0) -> None:
        self._step = step
        self._base_delay = base_delay
        self._held: list[Callable[[], Awaitable[object]]] = []
        self._last: asyncio.Task[None] | None = None

    def put(self, send: Callable[[], Awaitable[object]]) -> None:
        """Adds a callback; it leaves at once unless the order is to be turned round."""
        if self._step.no_callback:
            return
        if self._step.out_of_order:
            self._held.append(send)
        else:
            self._couple(send)

    def _couple(self, send: Callable[[], Awaitable[object]]) -> None:
        self._last = asyncio.create_task(self._run(self._last, send))

    async def _run(self, before: asyncio.Task[None] | None, send: Callable[[], Awaitable[object]]) -> None:
        if before is not None:
            await before
        else:
            await asyncio.sleep(self._base_delay + self._step.late_ms / 1000)
        await send()
        if self._step.doubled:
            await send()

    async def arrive(self) -> None:
        """Lets go of what was held back, last one first, and waits until everything was told or given up."""
        for send in reversed(self._held):
            self._couple(send)
        self._held.clear()
        if self._last is not None:
            await self._last
