"""What a supporter lets us send, as they choose it on the page their own link leads to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import time

from django.db import transaction

from urgentaction.channels.contract import Channel
from urgentaction.core import clock

from .models import Supporter, Suppression
from .rules import SuppressionReason
from .service import address_index, close_suppression, unsubscribe

SOURCE = "preferences page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Their choice, checked: quiet hours are both there or neither."""

    wants_email: bool
    wants_sms: bool
    language: str
    time_zone: str
    quiet_from: time | None
    quiet_until: time | None
    may_override_quiet_hours: bool


def supporter_with(supporter_id: uuid.UUID | None) -> Supporter | None:
    """Somebody who is still there; None for nobody and for who was forgotten."""
    return Supporter.objects.filter(id=supporter_id, erased_at=None).first() if supporter_id else None


@transaction.atomic
def change_preferences(supporter_id: uuid.UUID, chosen: Preferences) -> tuple[Channel, ...]:
    """Write down what somebody chose.

    What they ended themselves by an unsubscribe link or here, they may begin again here. A complaint, a STOP to a text
    message, and what staff or a bounce suppressed is not lifted by a link that may have been forwarded.

    Returns:
        The channels that they asked for and that stay closed.
    """
    supporter = Supporter.objects.select_for_update().get(id=supporter_id, erased_at=None)
    supporter.language = chosen.language
    supporter.time_zone = chosen.time_zone
    supporter.quiet_from, supporter.quiet_until = chosen.quiet_from, chosen.quiet_until
    supporter.may_override_quiet_hours = chosen.may_override_quiet_hours
    supporter.save()
    closed = []
    for channel, wants in ((Channel.EMAIL, chosen.wants_email), (Channel.SMS, chosen.wants_sms)):
        is_open = supporter.wants_email if channel is Channel.EMAIL else supporter.wants_sms
        if wants and not _begin(supporter, channel, is_open=is_open):
            closed.append(channel)
        elif is_open and not wants:
            unsubscribe(supporter_id, source=SOURCE, channel=channel)
    return tuple(closed)


def owns(supporter: Supporter, address: str) -> bool:
    """Whether this is the supporter's mail address, in any spelling."""
    known = supporter.email_index
    return known is not None and bytes(known) == address_index(Channel.EMAIL, address)


def _begin(supporter: Supporter, channel: Channel, *, is_open: bool) -> bool:
    """Open a channel (again). False where it stays closed, or there is no address for it."""
    index = supporter.email_index if channel is Channel.EMAIL else supporter.phone_index
    if index is None:
        return False
    rows = Suppression.objects.select_for_update().filter(
        channel=channel.value, address_index=bytes(index), lifted_at=None
    )
    held = rows.first()
    now = clock.read_database_now()
    if held is not None and (held.expires_at is None or held.expires_at > now):
        if held.reason != SuppressionReason.UNSUBSCRIBED:
            return False
        close_suppression(held, by="system:supporters", why="the person asked for it again (preferences page)")
    if not is_open:
        wish = "wants_email" if channel is Channel.EMAIL else "wants_sms"
        Supporter.objects.filter(id=supporter.id).update(
            **{wish: True}, consented_at=clock.now(), consent_source=SOURCE
        )
    return True
