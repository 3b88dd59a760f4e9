"""The contract between deliveries and gateways: what goes in, what may come out.

A gateway is an object with the methods of `Gateway`. It keeps connections and credentials, nothing else:
no database, no settings, no clock of its own beyond what a protocol asks for. What a gateway answered is a
value of `Outcome`; an exception out of `submit` is a bug in the adapter (deliveries then records *unknown*,
because nobody can say whether the wire was reached).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Channel(StrEnum):
    """The three ways out."""

    EMAIL = "email"
    FAX = "fax"
    SMS = "sms"


class Mode(StrEnum):
    """Whether real people can be reached (`live`) or only reserved test addresses and hosts (`sandbox`)."""

    SANDBOX = "sandbox"
    LIVE = "live"


class RetryClass(StrEnum):
    """What a refusal means for the next try. One table a gateway maps its codes to these."""

    SOON = "soon"  # a passing fault: seconds to minutes
    BUSY = "busy"  # the line is engaged: 3, 6, 12 … minutes
    LATER = "later"  # nobody answers: quarter of an hour to hours; also every code nobody has listed
    THROTTLE = "throttle"  # the whole gateway (or mail domain) must slow down; the recipient is not to blame
    FIX_FIRST = "fix-first"  # our configuration (pause the gateway) or our document (hold it); tell staff, burn no try
    NEVER = "never"  # this address will not work
    OPT_OUT = "opt-out"  # the person said stop: suppress


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail. `content_type` is a plain MIME type, `application/pdf`."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What every channel is told.

    Attributes:
        reference: our own name for the delivery, the same at every attempt; opaque, carries nothing personal.
        attempt: 1 for the first try.
        to: a mail address, or a number in E.164 (`+442079460123`).
        callback_url: where the gateway reports what became of it; empty where the channel has no callbacks.
        valid_until: after this moment it must not be delivered any more (UTC), or None.
    """

    reference: str
    attempt: int
    to: str
    callback_url: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEmail(Outgoing):
    """One mail to one recipient. `message_id` is the same at every attempt, so a repeat can be recognised."""

    sender: str
    sender_name: str
    reply_to: str
    return_path: str
    message_id: str
    date: datetime
    subject: str
    text: str
    html: str = ""
    language: str = "en"
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingFax(Outgoing):
    """One fax. The gateway fetches the PDF from `media_url`, which answers 2xx without redirects for a short time."""

    sender: str
    media_url: str
    is_repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingSms(Outgoing):
    """One text message. `is_sensitive` asks the gateway to keep neither text nor number where it can."""

    text: str
    is_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gateway took responsibility. `ref` is its name for the message."""

    ref: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The gateway definitely did not take it.

    Attributes:
        retry_class: what to do next.
        code: the gateway's own code, as text (`5.1.1`, `21610`, `user_busy`).
        text: the gateway's words, shortened, with nothing personal in them.
        retry_after: how long the gateway asked us to wait, if it did.
        is_about_us: of a FIX_FIRST: it blames our account, sender or connection, so every other message would be
            refused likewise and the gateway pauses at once. Without it, it may be about this message or this
            recipient alone, and one person's mailbox must not stop everybody's mail.
    """

    retry_class: RetryClass
    code: str
    text: str = ""
    retry_after: timedelta | None = None
    is_about_us: bool = False
    is_gateway_fault: bool = False
    is_about_domain: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer after the point of no return: it may or may not have been taken. `why` is for people."""

    why: str


Outcome = Accepted | Refused | Unknown

#: Asked by a gateway with a message's place in its batch, before anything of it could be read by the other side. False:
#: begin nothing more; finish what is under way, and end.
Begin = Callable[[int], bool]


class ReceiptKind(StrEnum):
    """What a gateway tells us later."""

    PROGRESS = "progress"  # on its way: queued, sending, sent
    DELIVERED = "delivered"
    FAILED = "failed"  # with a retry class
    OPTED_OUT = "opted-out"  # STOP, complaint: from now on, nothing
    OPTED_IN = "opted-in"  # START
    INBOUND = "inbound"  # a message a person must read


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One event out of a callback, in our words.

    Attributes:
        event_id: unique per gateway; a repeated callback has the same one.
        ref: the gateway's name for the message, empty for an inbound one.
        reference: ours, where the gateway echoes it.
        address: of the person, only for OPTED_OUT, OPTED_IN and INBOUND.
        retry_class: set for FAILED.
        occurred_at: the gateway's clock (UTC), or None where it says nothing.
    """

    event_id: str
    kind: ReceiptKind
    ref: str = ""
    reference: str = ""
    address: str = ""
    retry_class: RetryClass | None = None
    code: str = ""
    text: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """An incoming HTTP request of a gateway, raw. `url` is the public one, as the gateway called it."""

    url: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    received_at: datetime


class ForgedCallback(Exception):
    """The signature is missing, wrong or too old. The message says which; nothing of the body is trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A question to a gateway about an attempt that ended *unknown*.

    Attributes:
        submitted_from, submitted_until: when the attempt was on the wire (UTC).
        ref: the gateway's name, if we ever learnt it.
    """

    reference: str
    to: str
    submitted_from: datetime
    submitted_until: datetime
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A message the gateway has that may be the one asked for.

    `is_certain` when it carries our reference; otherwise it merely fits by number and time, and the caller
    leaves out the ones it knows to be other deliveries.
    """

    ref: str
    is_certain: bool
    created_at: datetime
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the gateway has. No candidates means: it never took the message."""

    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The gateway has no look-up, or did not answer this time (`is_final` False: ask again later)."""

    why: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do.

    Attributes:
        batch: how many messages one `submit_many` (or `submit_mailing`) may carry.
        at_once: how many of them may be under way together.
        takes_mailings: it is a `mailing.MailingGateway`.
    """

    has_callbacks: bool = False
    has_lookup: bool = False
    has_cancel: bool = False
    batch: int = 1
    at_once: int = 1
    takes_mailings: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """Answer of `check`: may the gateway be used, and if not, what is in the way.

    `code`, where it may not: the server's own code, an HTTP status, or one of the words that `channels.advice` lists;
    "" where nobody can say.
    """

    is_ok: bool
    detail: str
    code: str = ""


@runtime_checkable
class Gateway(Protocol):
    """What an adapter offers. Methods may block for at most the timeouts in its configuration."""

    name: str
    channel: Channel
    capabilities: Capabilities

    def submit(self, outgoing: Outgoing) -> Outcome:
        """Hand one message over. Never raises for what the network or the gateway did."""
        ...

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """Hand several over, yielding each one's place in `batch` and its outcome, as soon as that is known.

        Up to `capabilities.at_once` may be under way together, so outcomes come in any order. Each that was begun
        gets exactly one. Where this is broken off (a time limit, a bug), those begun and without one are in doubt,
        and all others have certainly not left.
        """
        ...

    def parse(self, callback: Callback) -> Iterable[Receipt]:
        """Verify, then translate. Raises ForgedCallback before looking at anything else."""
        ...

    def lookup(self, question: Lookup) -> Found | CannotTell:
        """Settle an unknown. Read-only at the gateway."""
        ...

    def cancel(self, ref: str) -> bool:
        """Ask to stop a message. True only means that the gateway took the request, not that it stopped."""
        ...

    def check(self) -> Health:
        """Used by `doctor`: reachable, credentials accepted? Sends nothing."""
        ...

    def close(self) -> None:
        """Let go of connections. May be called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """What an adapter is built from; `options` are the adapter's own, by name, all text."""

    name: str
    kind: str
    mode: Mode
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # some are secret
