"""Reads on suppression and supporters, without anybody's address in the answer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from urgentaction.channels.addresses import normalise_email, normalise_number
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, NotFound
from urgentaction.core.phrases import say

from .models import Supporter, Suppression
from .rules import SuppressionReason
from .service import address_index

#: So many hexadecimal digits of the hash tell two addresses apart and give nothing away.
SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class SuppressionView:
    """One entry of the suppression list. `address` is the beginning of its keyed hash."""

    address: str
    channel: str
    reason: str
    source: str
    holds: bool
    since: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str
    lift_reason: str


def normalised(channel: Channel, address: str) -> str:
    """The address as it was hashed. Raises InvalidInput where it is none."""
    if channel is Channel.EMAIL:
        return normalise_email(address, field_name="address")
    return normalise_number(address, field_name="address")


def suppressions(
    *,
    channel: Channel | None = None,
    reason: SuppressionReason | None = None,
    may_be_over: bool = False,
    limit: int = 100,
) -> list[SuppressionView]:
    """The suppression list, the latest first; with `may_be_over` also what was lifted or has expired."""
    moment = clock.read_database_now()
    rows = Suppression.objects.order_by("-created_at", "-id")
    if channel is not None:
        rows = rows.filter(channel=channel.value)
    if reason is not None:
        rows = rows.filter(reason=reason.value)
    if not may_be_over:
        rows = rows.filter(Q(expires_at=None) | Q(expires_at__gt=moment), lifted_at=None)
    return _views(rows[:limit], moment)


def history_of(channel: Channel, address: str) -> list[SuppressionView]:
    """Everything that ever suppressed this address, the latest first."""
    return _views(entries_of(channel, address), clock.read_database_now())


def entries_of(channel: Channel, address: str) -> list[Suppression]:
    """The same as rows. Raises InvalidInput where it is no address."""
    index = address_index(channel, normalised(channel, address))
    return list(Suppression.objects.filter(channel=channel.value, address_index=index).order_by("-created_at", "-id"))


def entry_numbered(entry_id: uuid.UUID) -> Suppression:
    """One entry of the list. Raises NotFound."""
    row = Suppression.objects.filter(id=entry_id).first()
    if row is None:
        raise NotFound.of("suppression", f"there is no entry {entry_id}")
    return row


def holds_now(row: Suppression) -> bool:
    """Whether it keeps messages away at this moment."""
    return row.lifted_at is None and (row.expires_at is None or row.expires_at > clock.read_database_now())


def _views(rows: QuerySet[Suppression] | Sequence[Suppression], moment: datetime) -> list[SuppressionView]:
    return [
        SuppressionView(
            address=bytes(row.address_index).hex()[:SHOWN_DIGITS],
            channel=row.channel,
            reason=row.reason,
            source=row.source,
            holds=row.lifted_at is None and (row.expires_at is None or row.expires_at > moment),
            since=row.created_at,
            expires_at=row.expires_at,
            lifted_at=row.lifted_at,
            lifted_by=row.lifted_by,
            lift_reason=row.lift_reason,
        )
        for row in rows
    ]


def supporter_called(name: str) -> Supporter:
    """The supporter with this id, mail address or telephone number.

    Raises:
        InvalidInput: it is none of these.
        NotFound: nobody has it; those who were erased have no address any more.
    """
    text = name.strip()
    try:
        found = Supporter.objects.filter(id=uuid.UUID(text)).first()
    except ValueError:
        found = _by_address(text)
    if found is None:
        # Not repeated in the message: it may be somebody's address.
        raise NotFound.of("supporter", say("there is nobody with this id or address"))
    return found


def _by_address(text: str) -> Supporter | None:
    channel = Channel.EMAIL if "@" in text else Channel.SMS
    try:
        index = address_index(channel, normalised(channel, text))
    except InvalidInput:
        raise InvalidInput.of(
            "supporter", say("give the id, the mail address, or the number with its country code")
        ) from None
    field = "email_index" if channel is Channel.EMAIL else "phone_index"
    return Supporter.objects.filter(**{field: index}).first()
