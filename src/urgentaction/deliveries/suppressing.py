"""Who gets nothing any more because of what a gateway said. Officials are never suppressed: a contact point dies.

What a code says is `supporters.rules`; here is whom it concerns, and how often it was said before.
"""

from __future__ import annotations

from django.db.models import OuterRef, Subquery

from urgentaction.channels.contract import Channel, Refused, RetryClass
from urgentaction.supporters.rules import SOFT_IN_A_ROW, SuppressionReason, suppression_for
from urgentaction.supporters.service import suppress_index

from .models import Attempt, Delivery
from .rules import State

#: Deliveries that came to something, so that a row of bounces goes on or ends with them. Withdrawn ones and the like
#: say nothing about the address.
_TRIED = (State.ACCEPTED.value, State.DELIVERED.value, State.UNKNOWN.value, State.FAILED.value)


def suppress_after(row: Delivery, outcome: Refused) -> bool:
    """Suppress the supporter of `row` where the refusal says so. True if it did. Asking twice does no harm.

    A refusal that leaves tries counts as a soft bounce only once they are used up: when `row` has failed.
    """
    channel, index = Channel(row.channel), index_of(row)
    if index is None or outcome.is_gateway_fault or outcome.is_about_domain:
        return False
    verdict = suppression_for(channel, outcome.code, outcome.retry_class)
    if verdict is None:
        return False
    reason, lifetime = verdict
    source = f"gateway said {outcome.code}"
    if reason is SuppressionReason.SOFT_BOUNCE:
        is_final = outcome.retry_class is RetryClass.NEVER or row.state == State.FAILED
        if not (is_final and _was_refused_before(row, channel)):
            return False
        source = f"{SOFT_IN_A_ROW} alerts in a row refused, at last by {outcome.code}"
    suppress_index(channel, index, reason=reason, source=source, lifetime=lifetime)
    return True


def suppress_complainer(row: Delivery, *, source: str) -> bool:
    """The recipient of `row` marked it as unwanted: no mail any more. False where it is an office, or nobody any more.

    What became of the delivery stays as it is: it did arrive.
    """
    channel, index = Channel(row.channel), index_of(row)
    if index is None:
        return False
    suppress_index(channel, index, reason=SuppressionReason.COMPLAINT, source=source)
    return True


def index_of(row: Delivery) -> bytes | None:
    """The hash of the address that a supporter's delivery goes to; None for an office, or where the address is gone."""
    supporter = row.supporter
    if supporter is None:
        return None
    index = supporter.email_index if row.channel == Channel.EMAIL else supporter.phone_index
    return bytes(index) if index else None


def _was_refused_before(row: Delivery, channel: Channel) -> bool:
    """Whether the alerts before this one ended in a soft bounce too, as many in a row as it takes."""
    last = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-number")
    before = (
        Delivery.objects.filter(supporter=row.supporter_id, channel=row.channel, id__lt=row.id, state__in=_TRIED)
        .exclude(alert=row.alert_id)
        .order_by("-id")
        .annotate(
            last_outcome=Subquery(last.values("outcome")[:1]),
            last_code=Subquery(last.values("code")[:1]),
            last_class=Subquery(last.values("retry_class")[:1]),
        )
        .values_list("state", "last_outcome", "last_code", "last_class")[: SOFT_IN_A_ROW - 1]
    )
    found = [
        state == State.FAILED and outcome == "refused" and _is_soft(channel, code, retry_class)
        for state, outcome, code, retry_class in before
    ]
    return len(found) == SOFT_IN_A_ROW - 1 and all(found)


def _is_soft(channel: Channel, code: str, retry_class: str) -> bool:
    """Whether that refusal spoke of the address; one that said more than that (since lifted) counts as well."""
    return bool(retry_class) and suppression_for(channel, code, RetryClass(retry_class)) is not None
