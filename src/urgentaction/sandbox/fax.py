"""The life of a fax after it was taken: fetch the document, make the pages, place the call, tell by webhook.

Owns the stored faxes (`DIR/fax/<id>/`). Knows nothing of the API's requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from . import faxline
from .callbacks import Train, telnyx_webhook
from .faults import OK, Step
from .faxline import MediaError
from .state import State, digest, stored_json, write_json
from .t30 import Cut

SIZE_LIMIT = 50 * 1024 * 1024
_HTTP_OK, _HTTP_REDIRECT = 200, 300
#: Failures that show only when somebody has picked up: for these the line is really cut.
_CUTS = {
    "receiver_call_dropped": Cut.IN_PAGE,
    "fax_signaling_error": Cut.EARLY,
    "fax_initial_communication_timeout": Cut.SILENT,
}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Fax:
    """One outbound fax.

    Attributes:
        options: the request's other fields, as given.
        page_count: pages of the document, 0 before it was fetched.
        line, call: what the transmission ran on and reported, for the ledger's reader and the page.
        received: name of the TIFF the other side has, empty if nothing arrived.
        is_told: every webhook was sent or given up.
    """

    id: str
    to: str
    sender: str
    connection_id: str
    media_url: str
    client_state: str = ""
    webhook_url: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    status: str = "queued"
    failure_reason: str = ""
    page_count: int = 0
    line: str = ""
    call: dict[str, Any] = field(default_factory=dict)
    received: str = ""
    is_cancelled: bool = False
    created_at: datetime = field(default_factory=_now)
    updated_at: datetime = field(default_factory=_now)
    step: Step = OK
    is_told: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the call is done, well or badly."""
        return self.status in {"delivered", "failed"}

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        moments = {"created_at": self.created_at.isoformat(), "updated_at": self.updated_at.isoformat()}
        return {**self.__dict__, **moments, "step": self.step.to_json()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Fax:
        """From the file."""
        moments = {name: datetime.fromisoformat(stored[name]) for name in ("created_at", "updated_at")}
        return cls(**{**stored, **moments, "step": Step(**stored["step"])})


class Faxes:
    """Every fax the gateway took, and what becomes of them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._folder = state.config.data / "fax"
        self._by_id: dict[str, Fax] = {}
        for stored in stored_json(self._folder, "*/fax.json"):
            fax = Fax.from_json(stored)
            self._by_id[fax.id] = fax

    def resume(self) -> None:
        """Takes up, after a restart, the faxes whose story was not told to its end."""
        for fax in list(self._by_id.values()):
            if not fax.is_told:
                self._state.start(self._live(fax))

    def get(self, fax_id: str) -> Fax | None:
        """By id."""
        return self._by_id.get(fax_id)

    def newest_first(self) -> Iterator[Fax]:
        """All, in the order of Telnyx's list."""
        return iter(sorted(self._by_id.values(), key=lambda fax: fax.created_at, reverse=True))

    def folder(self, fax: Fax) -> Path:
        """Where its document and pages are."""
        return self._folder / fax.id

    async def accept(self, fax: Fax, step: Step, *, request_body: bytes) -> Fax:
        """Takes responsibility: stores, writes the ledger, and starts the fax's life."""
        fax.step, fax.line = step, self._state.line
        self.folder(fax).mkdir()
        self._save(fax)
        await self._state.ledger.append(
            channel="fax",
            to=fax.to,
            ref=fax.id,
            client_state=fax.client_state,
            callback_url=fax.webhook_url,
            sha256=digest(request_body),
            file=f"fax/{fax.id}",
            line=fax.line,
        )
        self._by_id[fax.id] = fax
        if step != OK:
            self._note("fault", fax, step=str(step))
        self._state.start(self._live(fax))
        return fax

    def _save(self, fax: Fax) -> None:
        write_json(self.folder(fax) / "fax.json", fax.to_json())

    def _note(self, kind: str, fax: Fax, **details: object) -> None:
        self._state.events.record(kind, channel="fax", to=fax.to, ref=fax.id, **details)

    async def _live(self, fax: Fax) -> None:
        train = Train(fax.step, base_delay=self._state.faults.default("fax", "callback_ms"))
        if fax.is_over:  # the call was over when the sandbox ended; only its end may be untold
            self._tell(train, fax, f"fax.{fax.status}")
        else:
            fax.status = "queued"  # after a restart the story is told again from its beginning
            self._tell(train, fax, "fax.queued")
            try:
                await self._prepare(fax)
                self._tell(train, fax, "fax.media.processed")
                await self._send(train, fax)
            except MediaError as error:
                self._note("media", fax, why=str(error))
                self._advance(fax, "failed", error.reason)
            self._tell(train, fax, f"fax.{fax.status}")
        await train.arrive()
        fax.is_told = True
        self._save(fax)

    def _advance(self, fax: Fax, status: str, reason: str = "") -> None:
        fax.status, fax.failure_reason, fax.updated_at = status, reason, _now()
        self._save(fax)
        self._note("status", fax, status=status, **({"reason": reason} if reason else {}))

    def _tell(self, train: Train, fax: Fax, event_type: str) -> None:
        """Adds a webhook that describes the fax as it is now."""
        if not fax.webhook_url:
            return
        payload: dict[str, object] = {
            "connection_id": fax.connection_id,
            "direction": "outbound",
            "fax_id": fax.id,
            "from": fax.sender,
            "original_media_url": fax.media_url,
            "status": "sending" if event_type == "fax.sending.started" else fax.status,
            "to": fax.to,
            "user_id": "00000000-0000-4000-8000-0000005a0d00",
        }
        if fax.client_state:
            payload["client_state"] = fax.client_state
        if fax.is_over:
            payload["call_duration_secs"] = round(float(fax.call.get("line_seconds", 0)))
        if fax.status == "delivered":
            payload["page_count"] = fax.page_count
        if fax.failure_reason:
            payload["failure_reason"] = fax.failure_reason
        compose = telnyx_webhook(fax.webhook_url, event_type, payload, key=self._state.telnyx_key)
        train.put(partial(self._state.caller.deliver, compose, name=event_type, channel="fax", ref=fax.id))

    async def _prepare(self, fax: Fax) -> None:
        self._advance(fax, "media.processing")
        folder = self.folder(fax)
        content = await self._fetch(fax.media_url)
        (folder / "original.pdf").write_bytes(content)
        fax.page_count = await asyncio.to_thread(faxline.render, folder / "original.pdf", folder / "sent.tiff")
        await asyncio.to_thread(faxline.save_pngs, folder / "sent.tiff", folder)
        self._note("media", fax, sha256=digest(content), pages=fax.page_count)
        self._advance(fax, "media.processed")

    async def _fetch(self, url: str) -> bytes:
        """The document behind a URL: 2xx, no redirect, a PDF, 50 MB at most."""
        content = bytearray()
        try:
            async with self._state.caller.client.stream("GET", url) as answer:
                if not _HTTP_OK <= answer.status_code < _HTTP_REDIRECT:
                    raise MediaError("file_download_failed", f"media_url answered {answer.status_code}")
                kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind != "application/pdf":
                    raise MediaError("file_format_invalid", f"media_url is {kind or 'of no type'}, not application/pdf")
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > SIZE_LIMIT:
                        raise MediaError("file_size_limit_exceeded", "the document is larger than 50 MB")
        except httpx.HTTPError as error:
            raise MediaError("file_download_failed", f"media_url: {type(error).__name__}") from error
        return bytes(content)

    async def _send(self, train: Train, fax: Fax) -> None:
        reason = fax.step.failure
        if fax.is_cancelled:
            self._advance(fax, "failed", "sender_canceled")
            return
        if reason and reason not in _CUTS:  # nobody picked up: no line, no page
            self._advance(fax, "failed", reason)
            return
        self._advance(fax, "sending")
        self._tell(train, fax, "fax.sending.started")
        await asyncio.sleep(self._state.faults.default("fax", "page_ms") * fax.page_count)
        folder = self.folder(fax)
        sent, received = folder / "sent.tiff", folder / "received.tiff"
        outcome = await faxline.transmit(
            sent, received, caller=fax.sender, callee=fax.to, cut=_CUTS.get(reason, Cut.NEVER), line=fax.line
        )
        fax.call = dict(outcome.result)
        if received.exists():
            fax.received = received.name
            await asyncio.to_thread(faxline.save_pngs, received, folder)
        if outcome.is_complete:
            self._advance(fax, "delivered")
        else:
            self._advance(fax, "failed", reason or "fax_signaling_error")
