"""What may be done with supporters: suppress, lift, unsubscribe, erase. Each verb is one transaction of its caller.

What staff does by hand is in `by_hand`. Which reason is stronger, and what a code says, is decided in `rules`; here it
is written down.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.encryption import blind_index
from urgentaction.core.errors import InvalidInput
from urgentaction.core.phrases import say

from .models import Supporter, Suppression
from .rules import ENDED_BY_START, WISHES, Standing, SuppressionReason, combined

PURPOSE_OF = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.FAX: "phone"}
#: Two workers at once make each other look again; more than a few rounds mean that something else is wrong.
_MOST_ROUNDS = 8


def address_index(channel: Channel, address: str) -> bytes:
    """The keyed hash under which an address is known to suppression; same as the supporter's own index."""
    return blind_index(PURPOSE_OF[channel], address)


# --- Suppressing ------------------------------------------------------------------------------------------------------


def suppress(
    channel: Channel, address: str, *, reason: SuppressionReason, source: str, lifetime: timedelta | None = None
) -> Suppression:
    """Make sure that this address gets nothing on this channel. Repeating it changes nothing.

    Args:
        address: a mail address, or a number in E.164. It is hashed; not kept.
        source: where the wish or the fact came from, without anything personal.
        lifetime: how long; None for good.
    """
    index = address_index(channel, address)
    return suppress_index(channel, index, reason=reason, source=source, lifetime=lifetime)


@transaction.atomic
def suppress_index(
    channel: Channel, index: bytes, *, reason: SuppressionReason, source: str, lifetime: timedelta | None = None
) -> Suppression:
    """`suppress`, for a caller that holds only the hash.

    What stands already is never weakened or shortened: a stronger reason takes its place, a longer time extends it.

    Returns:
        The row that holds now; not the new one where what stood before is as strong.
    """
    moment = clock.read_database_now()
    wanted = Standing(reason, None if lifetime is None else moment + lifetime)
    for _ in range(_MOST_ROUNDS):
        old = held_entry(channel, index)
        holds, closes = wanted, ""
        if old is not None:
            before = Standing(SuppressionReason(old.reason), old.expires_at)
            if old.expires_at is not None and old.expires_at <= moment:
                closes = "expired"
            else:
                holds = combined(before, wanted)
                if holds.reason is before.reason:
                    return _extend(old, holds.expires_at)
                closes = f"gave way to {holds.reason}"
            _close(old, at=min(moment, old.expires_at or moment), by="system:suppression", why=closes)
        row = Suppression(
            channel=channel.value,
            address_index=index,
            reason=holds.reason.value,
            source=source[:120],
            created_at=moment,
            expires_at=holds.expires_at,
        )
        # Another worker may be at the same address: the index lets one of us in, and the other looks again.
        Suppression.objects.bulk_create([row], ignore_conflicts=True)
        if Suppression.objects.filter(id=row.id).exists():
            return row
    raise AssertionError(f"{channel} address could not be suppressed: {_MOST_ROUNDS} others were quicker")


def held_entry(channel: Channel, index: bytes) -> Suppression | None:
    """The one row of this address that is not lifted, expired or not; locked."""
    rows = Suppression.objects.select_for_update().filter(channel=channel.value, address_index=index, lifted_at=None)
    return rows.first()


def _extend(row: Suppression, expires_at: datetime | None) -> Suppression:
    if row.expires_at != expires_at:
        row.expires_at = expires_at
        row.save(update_fields=["expires_at"])
    return row


def close_suppression(row: Suppression, *, by: str, why: str) -> None:
    """Lift a suppression that the caller has locked. Whether it may be lifted is the caller's to know."""
    _close(row, at=clock.now(), by=by, why=why)


def _close(row: Suppression, *, at: datetime, by: str, why: str) -> None:
    row.lifted_at, row.lifted_by, row.lift_reason = at, by[:80], why[:400]
    row.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])


def suppressed_indexes(pairs: set[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """Which of these (channel, address hash) pairs must get nothing now. One query."""
    if not pairs:
        return set()
    rows = (
        Suppression.objects.filter(lifted_at=None, address_index__in={index for _, index in pairs})
        .filter(Q(expires_at=None) | Q(expires_at__gt=clock.database_now()))
        .values_list("channel", "address_index")
    )
    return {(channel, bytes(index)) for channel, index in rows} & pairs


# --- The way back -----------------------------------------------------------------------------------------------------


@transaction.atomic
def lift_suppression(channel: Channel, address: str) -> int:
    """The person asked for it again (START). What staff suppressed by hand stays. Returns how many were lifted."""
    row = held_entry(channel, address_index(channel, address))
    if row is None or SuppressionReason(row.reason) not in ENDED_BY_START:
        return 0
    _close(row, at=clock.now(), by="system:receipts", why="the person asked for it again (START)")
    agreed_again(row, source="reply START")
    return 1


def agreed_again(lifted: Suppression, *, source: str) -> None:
    """Unsubscribing, or the stop button, took back the consent as well: who asks for it again gives it again."""
    if lifted.reason not in WISHES - {SuppressionReason.ERASED}:
        return
    is_mail = lifted.channel == Channel.EMAIL
    index = {"email_index" if is_mail else "phone_index": bytes(lifted.address_index)}
    wish = {"wants_email" if is_mail else "wants_sms": True}
    Supporter.objects.filter(**index, erased_at=None).update(
        **wish, consented_at=clock.now(), consent_source=source[:120]
    )


# --- Leaving ----------------------------------------------------------------------------------------------------------


def unsubscribe(
    supporter_id: uuid.UUID,
    *,
    source: str,
    channel: Channel = Channel.EMAIL,
    reason: SuppressionReason = SuppressionReason.UNSUBSCRIBED,
) -> bool:
    """End mail (or text messages) to a supporter, at once and for good; the other channel stays as it was.

    Args:
        reason: STOP where whoever reads the messages says so and may be another than the supporter. Nobody proves a
            number by typing it, so the supporter's own page must not lift that.

    Returns:
        True if somebody was there; the web never tells which.

    Raises:
        InvalidInput: by fax, which no supporter gets.
    """
    if channel is Channel.FAX:
        raise InvalidInput.of("channel", say("supporters get no fax"))
    supporter = Supporter.objects.select_for_update().filter(id=supporter_id).first()
    if supporter is None:
        return False
    is_mail = channel is Channel.EMAIL
    wish = "wants_email" if is_mail else "wants_sms"
    index = supporter.email_index if is_mail else supporter.phone_index
    setattr(supporter, wish, False)
    supporter.save(update_fields=[wish])
    if index:
        suppress_index(channel, bytes(index), reason=reason, source=source)
    return True


def erase(supporter_id: uuid.UUID) -> bool:
    """Forget who a supporter is. Deliveries keep pointing at the empty row, so that the counts stay true.

    What gateways reported holds the address too: faces call `receipts.erasing.erase_supporter`, which does both.
    """
    supporter = Supporter.objects.select_for_update().filter(id=supporter_id, erased_at=None).first()
    if supporter is None:
        return False
    for channel, index in ((Channel.EMAIL, supporter.email_index), (Channel.SMS, supporter.phone_index)):
        if index:
            suppress_index(channel, bytes(index), reason=SuppressionReason.ERASED, source="erased")
    supporter.name = supporter.email = supporter.phone = ""
    supporter.wants_email = supporter.wants_sms = False
    supporter.erased_at = clock.now()
    supporter.save()
    return True
