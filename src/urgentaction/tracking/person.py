"""Everything that is held on one supporter: for their page, and for them, should they ask (GDPR, article 15).

What is here is personal. Only that person's page and their export may show it, and the audit log says who looked.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from urgentaction.accounts.models import AuditEntry
from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.encryption import blind_index
from urgentaction.core.errors import NotFound
from urgentaction.deliveries.models import Delivery
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.replies import words_of
from urgentaction.supporters.models import Supporter, Suppression

_CHANNELS = (Channel.EMAIL, Channel.SMS)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One channel of one supporter.

    `index`: the hash that suppression knows the address by; None without an address. `held`: what keeps messages
    away now. `history`: everything that ever did, the latest first.
    """

    channel: Channel
    wants: bool
    index: bytes | None
    held: Suppression | None
    history: tuple[Suppression, ...]

    @property
    def is_reached(self) -> bool:
        """They agreed, there is an address, and nothing is in the way."""
        return self.wants and self.index is not None and self.held is None


def supporter_numbered(supporter_id: uuid.UUID) -> Supporter:
    """One supporter, erased or not. Raises NotFound."""
    supporter = Supporter.objects.filter(id=supporter_id).first()
    if supporter is None:
        raise NotFound.of("supporter", f"there is no supporter {supporter_id}")
    return supporter


def channels_of(supporter: Supporter) -> list[ChannelState]:
    """Both channels: two queries."""
    indexes = {Channel.EMAIL: supporter.email_index, Channel.SMS: supporter.phone_index}
    wanted = Q(pk__in=())
    for channel, index in indexes.items():
        if index:
            wanted |= Q(channel=channel.value, address_index=bytes(index))
    rows = list(Suppression.objects.filter(wanted).order_by("-created_at", "-id"))
    now = clock.read_database_now()
    wishes = {Channel.EMAIL: supporter.wants_email, Channel.SMS: supporter.wants_sms}
    return [
        ChannelState(
            channel,
            wishes[channel],
            bytes(index) if (index := indexes[channel]) else None,
            next((row for row in rows if row.channel == channel and _holds(row, now)), None),
            tuple(row for row in rows if row.channel == channel),
        )
        for channel in _CHANNELS
    ]


def deliveries_to(supporter: Supporter) -> QuerySet[Delivery]:
    """What was to go to them. Order it by `created_at` (see docs/performance.md on the index that finds them)."""
    return Delivery.objects.filter(supporter=supporter.id).select_related("alert__case")


def deeds_about(supporter: Supporter, *actions: str) -> QuerySet[AuditEntry]:
    """What was done about them by hand or at their wish, the latest first."""
    rows = AuditEntry.objects.filter(subject=f"supporter:{supporter.id}")
    return (rows.filter(action__in=actions) if actions else rows).order_by("-id")


def record_opening(supporter: Supporter, *, by: str) -> None:
    """Somebody looks at this person: the audit log keeps who."""
    record_audit(by, "supporter.open", f"supporter:{supporter.id}")


@transaction.atomic
def everything_about(supporter_id: uuid.UUID, *, by: str) -> dict[str, Any]:
    """All that is held, as plain values; the audit log keeps that it was handed out. Raises NotFound."""
    supporter = supporter_numbered(supporter_id)
    record_audit(by, "supporter.export", f"supporter:{supporter.id}")
    return {
        "made_at": _moment(clock.now()),
        "person": _person(supporter),
        "channels": [_channel(state) for state in channels_of(supporter)],
        "messages": [_message(row) for row in deliveries_to(supporter).order_by("created_at", "id").iterator(2000)],
        "came_back": list(_came_back(supporter)),
        "log": [
            {"at": _moment(entry.at), "what": entry.action, "detail": entry.detail}
            for entry in deeds_about(supporter).order_by("id")
        ],
    }


def as_text(everything: Mapping[str, Any]) -> str:
    """The same, for people: one line a fact, with headings."""
    return "\n".join(_lines(everything, depth=0)).strip() + "\n"


def _lines(value: Any, *, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, inner in value.items():
        words = str(name).replace("_", " ")
        if isinstance(inner, Mapping):
            yield f"{indent}{words}:"
            yield from _lines(inner, depth=depth + 1)
        elif isinstance(inner, list):
            yield f"{indent}{words}: {len(inner) or 'none'}"
            for item in inner:
                first, *others = _lines(item, depth=depth + 2)
                yield f"{indent}  - {first.strip()}"
                yield from others
        else:
            yield f"{indent}{words}: {_said(inner)}"
        if depth == 0:
            yield ""


def _said(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _holds(row: Suppression, now: datetime) -> bool:
    return row.lifted_at is None and (row.expires_at is None or row.expires_at > now)


def _person(supporter: Supporter) -> dict[str, Any]:
    names = (
        *("name", "email", "phone", "language", "time_zone", "wants_email", "wants_sms"),
        *("may_override_quiet_hours", "quiet_from", "quiet_until", "consent_source"),
    )
    moments = ("consented_at", "created_at", "erased_at")
    return {
        "id": str(supporter.id),
        **{name: _plain(getattr(supporter, name)) for name in names},
        **{name: _moment(getattr(supporter, name)) for name in moments},
    }


def _channel(state: ChannelState) -> dict[str, Any]:
    return {
        "channel": state.channel.value,
        "agreed": state.wants,
        "hash": state.index.hex() if state.index else None,
        "suppressed": [
            {
                "reason": row.reason,
                "source": row.source,
                "since": _moment(row.created_at),
                "until": _moment(row.expires_at),
                "lifted": _moment(row.lifted_at),
                "lifted_because": row.lift_reason,
            }
            for row in state.history
        ],
    }


def _message(row: Delivery) -> dict[str, Any]:
    return {
        "alert": row.alert.number,
        "channel": row.channel,
        "state": row.state,
        "planned": _moment(row.created_at),
        "accepted": _moment(row.accepted_at),
        "settled": _moment(row.settled_at),
        "gateway": row.gateway,
        "named_there": row.gateway_ref,
    }


def _came_back(supporter: Supporter) -> Iterator[dict[str, Any]]:
    """What gateways reported of their messages, and what they wrote themselves."""
    about = Q(delivery__in=list(deliveries_to(supporter).values_list("id", flat=True)))
    if supporter.phone_index:
        about |= Q(address_index=bytes(supporter.phone_index))
    if supporter.email:
        about |= Q(address_index=blind_index("phone", supporter.email))
    for row in Receipt.objects.filter(about).order_by("received_at", "id").iterator(500):
        words = words_of(row)
        yield {
            "at": _moment(row.received_at),
            "what": row.kind,
            "by": row.gateway,
            "code": row.code,
            "gateway_said": row.text,
            "subject": words.subject,
            "they_wrote": words.text,
            "effect": row.effect,
        }


def _plain(value: Any) -> Any:
    return value.isoformat("minutes") if hasattr(value, "isoformat") else value


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None
