"""One notice to many: what is the same for everybody, and what is filled in for each.

A mail gateway that offers `submit_mailing` is told both apart, so that it prepares the common part once: an SMTP
gateway compiles it into bytes, a provider's API is handed it as a template with merge data. `written_out` says what a
copy means; whatever a gateway does with it, the recipient reads this.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from .contract import Begin, Gateway, Outcome, OutgoingEmail


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """What is the same in every copy.

    Attributes:
        key: names this content for ever; what a gateway compiled for it may be kept under this.
        date: of the mail, the same at every try.
        text, html, headers: with marks where something personal goes. The subject and all other fields have none.
        marks: what stands for slot 0, 1 … in them. None of them is part of another; what is filled in appears
            literally: escaped in `html`, as it is elsewhere.
    """

    key: str
    sender: str
    sender_name: str
    reply_to: str
    date: datetime
    subject: str
    text: str
    html: str
    language: str
    headers: tuple[tuple[str, str], ...]
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What is one recipient's own.

    Attributes:
        reference, attempt, to, valid_until: as in `Outgoing`.
        values: for slot 0, 1 …, as many as the mailing has marks.
    """

    reference: str
    attempt: int
    to: str
    return_path: str
    message_id: str
    values: tuple[str, ...]
    valid_until: datetime | None = None


@runtime_checkable
class MailingGateway(Gateway, Protocol):
    """A mail gateway that takes a mailing as such."""

    def submit_mailing(self, mailing: Mailing, copies: Sequence[Copy], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """Hand the copies over, as `submit_many` does; the numbers are places in `copies`."""
        ...


def written_out(mailing: Mailing, copy: Copy) -> OutgoingEmail:
    """The mail that one recipient reads."""
    return OutgoingEmail(
        reference=copy.reference,
        attempt=copy.attempt,
        to=copy.to,
        valid_until=copy.valid_until,
        sender=mailing.sender,
        sender_name=mailing.sender_name,
        reply_to=mailing.reply_to,
        return_path=copy.return_path,
        message_id=copy.message_id,
        date=mailing.date,
        subject=mailing.subject,
        text=filled(mailing, mailing.text, copy.values),
        html=filled(mailing, mailing.html, tuple(html.escape(value) for value in copy.values)),
        language=mailing.language,
        headers=tuple((name, filled(mailing, value, copy.values)) for name, value in mailing.headers),
    )


def filled(mailing: Mailing, template: str, values: Sequence[str]) -> str:
    """A text with its marks replaced, all at once: a value that looks like a mark stays what it is."""
    if not mailing.marks:
        return template
    by_mark: Mapping[str, str] = dict(zip(mailing.marks, values, strict=True))
    return re.sub("|".join(map(re.escape, mailing.marks)), lambda found: by_mark[found[0]], template)
