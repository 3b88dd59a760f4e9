"""What may be done with supporters: suppress, unsubscribe, lift, erase. Each verb is one transaction of its caller."""

from __future__ import annotations

import uuid

from django.db.models import Q

from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.encryption import blind_index
from urgentaction.core.errors import InvalidInput

from .models import Supporter, Suppression, SuppressionReason

PURPOSE_OF = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.FAX: "phone"}


def address_index(channel: Channel, address: str) -> bytes:
    """The keyed hash under which an address is known to suppression; same as the supporter's own index."""
    return blind_index(PURPOSE_OF[channel], address)


def suppress(channel: Channel, address: str, *, reason: SuppressionReason, source: str) -> Suppression:
    """Make sure that this address gets nothing on this channel. Repeating it changes nothing.

    Args:
        address: a mail address, or a number in E.164. It is hashed; not kept.
        source: where the wish or the fact came from, without anything personal.
    """
    return suppress_index(channel, address_index(channel, address), reason=reason, source=source)


def suppress_index(channel: Channel, index: bytes, *, reason: SuppressionReason, source: str) -> Suppression:
    """`suppress`, for a caller that holds only the hash."""
    row, _ = Suppression.objects.get_or_create(
        channel=channel.value,
        address_index=index,
        lifted_at=None,
        defaults={"reason": reason.value, "source": source[:120], "created_at": clock.now()},
    )
    return row


def lift_suppression(channel: Channel, address: str) -> int:
    """Let an address be written to again (START, a corrected mailbox). Returns how many entries were lifted."""
    return Suppression.objects.filter(
        channel=channel.value, address_index=address_index(channel, address), lifted_at=None
    ).update(lifted_at=clock.now())


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


def unsubscribe(supporter_id: uuid.UUID, *, source: str, channel: Channel = Channel.EMAIL) -> bool:
    """End mail (or text messages) to a supporter, at once and for good; the other channel stays as it was.

    Returns:
        True if somebody was there; the web never tells which.

    Raises:
        InvalidInput: by fax, which no supporter gets.
    """
    if channel is Channel.FAX:
        raise InvalidInput.of("channel", "supporters get no fax")
    supporter = Supporter.objects.select_for_update().filter(id=supporter_id).first()
    if supporter is None:
        return False
    is_mail = channel is Channel.EMAIL
    wish = "wants_email" if is_mail else "wants_sms"
    index = supporter.email_index if is_mail else supporter.phone_index
    setattr(supporter, wish, False)
    supporter.save(update_fields=[wish])
    if index:
        suppress_index(channel, bytes(index), reason=SuppressionReason.UNSUBSCRIBED, source=source)
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
            suppress_index(channel, bytes(index), reason=SuppressionReason.MANUAL, source="erased")
    supporter.name = supporter.email = supporter.phone = ""
    supporter.wants_email = supporter.wants_sms = False
    supporter.erased_at = clock.now()
    supporter.save()
    return True
