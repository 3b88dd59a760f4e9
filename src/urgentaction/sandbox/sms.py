"""The life of a text message after it was taken: statuses, callbacks, the person's STOP.

Owns the stored messages (`DIR/sms/messages.jsonl`) and who opted out. Knows nothing of HTTP requests.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from . import segments
from .callbacks import Train, twilio_callback, twilio_retries
from .faults import OK, Step
from .state import State, digest, stored_json, write_json

#: The number every messaging service of the sandbox sends from.
SERVICE_NUMBER = "+12025550100"
#: Twilio's default keywords; the first word of a message counts, letter case does not.
OPT_OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
OPT_IN = frozenset({"start", "unstop"})
_CHANGING = ("status", "error_code", "updated_at", "sent_at")
_ORDER = ("accepted", "queued", "sent", "delivered", "undelivered", "failed")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Message:
    """One outbound message. `options` are the request's other parameters as given; `is_told` ends its callbacks."""

    sid: str
    to: str
    sender: str
    body: str
    account_sid: str = ""
    service_sid: str = ""
    status_callback: str = ""
    options: dict[str, str] = field(default_factory=dict)
    status: str = "queued"
    error_code: int = 0
    created_at: datetime = field(default_factory=_now)
    updated_at: datetime = field(default_factory=_now)
    sent_at: datetime | None = None
    step: Step = OK
    is_told: bool = False

    @property
    def segments(self) -> int:
        """On the air, see `segments.count`."""
        return segments.count(self.body)

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        moments = {name: getattr(self, name) for name in ("created_at", "updated_at", "sent_at")}
        return {
            **self.__dict__,
            **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
            "step": self.step.to_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Message:
        """From the file."""
        moments = {
            name: datetime.fromisoformat(stored[name]) if stored[name] else None
            for name in ("created_at", "updated_at", "sent_at")
        }
        return cls(**{**stored, **moments, "step": Step(**stored["step"])})


class Messages:
    """Every message the gateway took, and what becomes of them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._folder = state.config.data / "sms"
        self._by_sid: dict[str, Message] = {}
        self._journal = state.journal("sms/messages.jsonl")
        for stored in self._journal.stored.values():
            message = Message.from_json(stored)
            self._by_sid[message.sid] = message
        self._opted_out: set[str] = set(next(stored_json(self._folder, "opted-out.json"), {}).get("pairs", []))

    def resume(self) -> None:
        """Takes up, after a restart, the messages whose story was not told to its end."""
        for message in list(self._by_sid.values()):
            if not message.is_told:
                self._state.start(self._live(message))

    def get(self, sid: str) -> Message | None:
        """By SID."""
        return self._by_sid.get(sid)

    def newest_first(self) -> Iterator[Message]:
        """All, in the order of Twilio's list."""
        return iter(sorted(self._by_sid.values(), key=lambda message: message.created_at, reverse=True))

    def service_number(self, _service_sid: str) -> str:
        """From which number a messaging service sends."""
        return SERVICE_NUMBER

    def is_opted_out(self, message: Message) -> bool:
        """Whether the person answered STOP to this sender before."""
        return any(_pair(message.to, ours) in self._opted_out for ours in (message.sender, message.service_sid))

    async def accept(self, message: Message, step: Step) -> Message:
        """Takes responsibility: stores, writes the ledger, and starts the message's life."""
        message.account_sid = self._state.config.twilio_account_sid
        message.status = "accepted" if message.service_sid else "queued"
        message.step = step
        self._journal.put(message.sid, message.to_json())
        self._journal.flush()  # before the ledger: what stands there must be found here
        await self._state.ledger.append(
            channel="sms",
            to=message.to,
            ref=message.sid,
            callback_url=message.status_callback,
            sha256=digest(message.body.encode()),
            file="sms/messages.jsonl",
        )
        self._by_sid[message.sid] = message
        if step != OK:
            self._state.events.record("fault", channel="sms", to=message.to, ref=message.sid, step=str(step))
        self._state.start(self._live(message))
        return message

    async def _live(self, message: Message) -> None:
        """From acceptance to the last callback. The message reaches its final status before anybody is told."""
        train = Train(message.step, base_delay=self._state.faults.default("sms", "callback_ms"))
        retries = twilio_retries(message.status_callback)
        for status in _course(message):
            self._advance(message, status)
            if message.status_callback:
                self._tell(train, message, status, retries)
        await train.arrive()
        if message.step.stop_reply and message.status == "delivered":
            await self.receive(
                sender=message.to, to=message.sender, body=message.step.stop_reply, service_sid=message.service_sid
            )
        message.is_told = True
        self._journal.put(message.sid, {"is_told": True})

    def _advance(self, message: Message, status: str) -> None:
        if _ORDER.index(status) <= _ORDER.index(message.status):
            return  # after a restart the story is told again from its beginning, but nothing goes backwards
        message.status, message.updated_at = status, _now()
        if status == "sent":
            message.sent_at = message.updated_at
        if status in {"undelivered", "failed"}:
            message.error_code = message.step.undelivered or message.step.failed
        stored = message.to_json()
        self._journal.put(message.sid, {name: stored[name] for name in _CHANGING})
        self._state.events.record("status", channel="sms", to=message.to, ref=message.sid, status=status)

    def _tell(self, train: Train, message: Message, status: str, retries: int | None) -> None:
        """Adds a status callback that describes the message as it is now."""
        parameters = {
            "AccountSid": message.account_sid,
            "ApiVersion": "2010-04-01",
            "From": message.sender,
            "MessageSid": message.sid,
            "MessageStatus": status,
            "SmsSid": message.sid,
            "SmsStatus": status,
            "To": message.to,
        }
        if message.service_sid:
            parameters["MessagingServiceSid"] = message.service_sid
        if status in {"undelivered", "failed"}:
            parameters["ErrorCode"] = str(message.error_code)
        if status == "delivered":
            parameters["RawDlrDoneDate"] = message.updated_at.strftime("%y%m%d%H%M")
        url = message.status_callback
        compose = twilio_callback(url, parameters, token=self._state.config.twilio_auth_token)
        deliver = self._state.caller.deliver
        train.put(partial(deliver, compose, name=status, channel="sms", ref=message.sid, retries=retries))

    async def receive(self, *, sender: str, to: str, body: str, service_sid: str = "") -> str:
        """A person writes to us: keeps the opt-outs, posts to the inbound webhook. Returns the message's SID."""
        sid = f"SM{secrets.token_hex(16)}"
        word = body.strip().lower()
        kind = "STOP" if word in OPT_OUT else "START" if word in OPT_IN else "HELP" if word in {"help", "info"} else ""
        if kind in {"STOP", "START"}:
            change = self._opted_out.add if kind == "STOP" else self._opted_out.discard
            for ours in filter(None, (to, service_sid)):
                change(_pair(sender, ours))
            write_json(self._folder / "opted-out.json", {"pairs": sorted(self._opted_out)})
        self._state.events.record("inbound", channel="sms", to=to, ref=sid, sender=sender, body=body)
        url = self._state.faults.sms_inbound_url or self._state.config.sms_inbound_url
        if url:
            await self._post_inbound(url, sid, {"From": sender, "To": to, "Body": body}, service_sid, kind)
        return sid

    async def _post_inbound(self, url: str, sid: str, texts: dict[str, str], service_sid: str, kind: str) -> None:
        parameters = {
            **texts,
            "AccountSid": self._state.config.twilio_account_sid,
            "ApiVersion": "2010-04-01",
            "MessageSid": sid,
            "NumMedia": "0",
            "NumSegments": str(segments.count(texts["Body"])),
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
        }
        if service_sid:
            parameters["MessagingServiceSid"] = service_sid
        if kind:
            parameters["OptOutType"] = kind
        compose = twilio_callback(url, parameters, token=self._state.config.twilio_auth_token)
        await self._state.caller.deliver(compose, name="inbound", channel="sms", ref=sid, retries=twilio_retries(url))


def _pair(person: str, ours: str) -> str:
    return f"{person} {ours}"


def _course(message: Message) -> list[str]:
    """The statuses after the first one, which Twilio tells in its answer and not in a callback."""
    if message.step.failed:
        return ["failed"]
    last = "undelivered" if message.step.undelivered else "delivered"
    return [*(["queued"] if message.service_sid else []), "sent", last]
