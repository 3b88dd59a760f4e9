"""Reads on mail that came in: the list without anything personal, and one mail opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from uuid import UUID

import nh3

from urgentaction.core.errors import InvalidInput, NotFound

from .mail import EVENT_PREFIX, RAW_ENCODING
from .models import Receipt

_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class IncomingView:
    """A mail that came in, and what it changed."""

    id: UUID
    received_at: datetime
    kind: str
    code: str
    delivery: int | None
    alert: str
    effect: str


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """What stands in a mail. Personal."""

    sender: str = field(repr=False)
    date: str
    subject: str = field(repr=False)
    text: str = field(repr=False)


def incoming(*, only_unplaced: bool = False, limit: int = 50) -> list[IncomingView]:
    """Mail that came in, the latest first; `only_unplaced`: that no delivery of ours could be found for."""
    rows = Receipt.objects.filter(event_id__startswith=EVENT_PREFIX).select_related("delivery__alert")
    if only_unplaced:
        rows = rows.filter(delivery=None)
    return [
        IncomingView(
            id=row.id,
            received_at=row.received_at,
            kind=row.kind,
            code=row.code,
            delivery=row.delivery_id,
            alert=row.delivery.alert.number if row.delivery else "",
            effect=row.effect if row.applied_at else row.effect or "waits for a worker",
        )
        for row in rows.defer("raw", "address").order_by("-received_at", "-id")[:limit]
    ]


def mail_called(name: str) -> Receipt:
    """The mail with this id, or the one whose id ends so. Raises NotFound, or InvalidInput where several do."""
    wanted = name.strip().lower().replace("-", "")
    if len(wanted) < _SHORTEST:
        raise InvalidInput.of("id", f"“{name}” is too short; give it as `urgentaction inbound list` shows it")
    ids = Receipt.objects.filter(event_id__startswith=EVENT_PREFIX).values_list("id", flat=True)
    found = [one for one in ids.iterator() if one.hex.endswith(wanted)]
    if len(found) > 1:
        raise InvalidInput.of("id", f"{len(found)} mails end in {name!r}; give more of the id")
    if not found:
        raise NotFound.of("id", f"there is no mail {name!r}; `urgentaction inbound list` shows them")
    return Receipt.objects.get(id=found[0])


def opened(row: Receipt) -> OpenedMail:
    """Sender, date, subject and text of a mail, in words; an HTML mail without its markup."""
    message = message_from_bytes(row.raw.encode(RAW_ENCODING, "replace"))
    return OpenedMail(
        sender=_words(message, "From"),
        date=_words(message, "Date"),
        subject=_words(message, "Subject"),
        text=_text(message),
    )


def _words(message: Message, name: str) -> str:
    value = message.get(name, "")
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return str(value)


def _text(message: Message) -> str:
    for wanted in ("text/plain", "text/html"):
        for part in message.walk():
            if part.get_content_type() == wanted and (text := _decoded(part).strip()):
                return text if wanted == "text/plain" else nh3.clean(text, tags=set()).strip()
    return ""


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return payload.decode("utf-8", "replace")
