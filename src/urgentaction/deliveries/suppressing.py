"""Who gets nothing any more because of what a gateway said. Officials are never suppressed: a contact point dies."""

from __future__ import annotations

from urgentaction.channels.contract import Channel, Refused, RetryClass
from urgentaction.supporters.models import SuppressionReason
from urgentaction.supporters.service import suppress_index

from .models import Delivery
from .rules import HARD_BOUNCES


def suppress_after(row: Delivery, outcome: Refused) -> bool:
    """Suppress the supporter of `row` where the refusal says so. True if it did."""
    supporter = row.supporter
    if supporter is None:
        return False
    channel = Channel(row.channel)
    index = supporter.email_index if channel is Channel.EMAIL else supporter.phone_index
    if index is None:
        return False
    if outcome.retry_class is RetryClass.OPT_OUT:
        reason = SuppressionReason.STOP
    elif outcome.code in HARD_BOUNCES[channel]:
        reason = SuppressionReason.HARD_BOUNCE
    else:
        return False
    suppress_index(channel, bytes(index), reason=reason, source=f"gateway said {outcome.code}")
    return True
