"""Reads on deliveries that more than one room needs."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from urgentaction.alerts.models import Alert, AlertKind
from urgentaction.channels.contract import Channel, RetryClass
from urgentaction.core.clock import database_now

from .cascade import UNREACHED
from .models import Attempt, Delivery, Role
from .rules import IN_FLIGHT, REACHED, State

#: Tries of which nobody can say that nothing arrived: unknown ones, and calls that broke after the gateway took it.
MAY_HAVE_ARRIVED = Q(outcome="unknown") | Q(outcome="refused", retry_class=RetryClass.SOON.value) & ~Q(gateway_ref="")
RECEIPT_PATIENCE = timedelta(days=1)
UNSENT = (State.QUEUED.value, State.LEASED.value)
OFFICIALS = (Role.TO.value, Role.CC.value)
SUPPORTERS = (Role.SUPPORTER.value,)


def still_paused() -> Q:
    """Gateways that may not be used now: paused by a person, or until a moment that has not come."""
    return Q(is_paused=True) & (Q(paused_until=None) | Q(paused_until__gt=database_now()))


def unsent_of(alert_ids: list[uuid.UUID]) -> QuerySet[Delivery]:
    """What would be withdrawn if these alerts were stopped now."""
    return Delivery.objects.filter(alert_id__in=alert_ids, state__in=UNSENT)


def reached_by(alert_ids: Sequence[uuid.UUID], *, roles: Sequence[str] = ()) -> QuerySet[Delivery]:
    """Deliveries that the recipient may have read: whoever may have heard must hear the rest.

    Unknowns are among them, and rows that have moved on since a try of theirs may have arrived.

    Args:
        roles: only these (`OFFICIALS`, `SUPPORTERS`); empty: all.
    """
    states = [state.value for state in REACHED]
    arrived = Exists(Attempt.objects.filter(MAY_HAVE_ARRIVED, delivery=OuterRef("pk")))
    rows = Delivery.objects.filter(Q(state__in=states) | arrived, alert_id__in=alert_ids)
    return rows.filter(role__in=roles) if roles else rows


def followed_by(alert: Alert, *, roles: Sequence[str]) -> list[uuid.UUID]:
    """The alerts that a follow-up follows (`follow`), asked once nothing of the earlier ones is in flight any more."""
    earlier = list(alert.predecessors.order_by("-started_at"))
    overtaken: list[uuid.UUID] = []
    if alert.kind != AlertKind.MANUAL:  # what a person composes overtakes nothing: it follows the latest there is
        since = alert.update.recorded_at if alert.update else alert.created_at
        overtaken = [one.id for one in earlier if one.stopped_at is not None and one.stopped_at >= since]
    return follow(overtaken, earlier, roles=roles)


def follow(overtaken: Collection[uuid.UUID], earlier: Iterable[Alert], *, roles: Sequence[str]) -> list[uuid.UUID]:
    """The alerts whose recipients a follow-up goes to, exactly; asked for officials and for supporters separately.

    They are the ones that its update overtook, and where those did not go to everybody, the ones before: what a person
    composed is for some, what was stopped half-way has reached some. So neither a chain of quick updates nor an alert
    to a few ever loses the audience.

    Args:
        earlier: all alerts of the case that were ever started, latest first.
        roles: whose (`OFFICIALS`, `SUPPORTERS`).
    """
    followed, is_whole = [], False
    for one in sorted(earlier, key=lambda one: one.id not in overtaken):
        if is_whole and one.id not in overtaken:
            break
        if reached_by([one.id], roles=roles).exists():
            followed.append(one.id)
            is_whole = is_whole or _has_gone_to_all(one, roles)
    return followed


def _has_gone_to_all(alert: Alert, roles: Sequence[str]) -> bool:
    """A rule's alert of which nothing was left unsent."""
    if alert.kind == AlertKind.MANUAL or alert.expanded_at is None:
        return False
    unsent = [*UNSENT, State.WITHDRAWN.value, State.EXPIRED.value]
    return not Delivery.objects.filter(alert=alert, state__in=unsent, role__in=roles).exists()


def has_in_flight(alert_ids: list[uuid.UUID]) -> bool:
    """True while a worker still holds a delivery of these alerts: nobody can yet say whom they reached."""
    return Delivery.objects.filter(alert_id__in=alert_ids, state__in=[state.value for state in IN_FLIGHT]).exists()


def has_open_work(alert: Alert) -> bool:
    """Whether anything keeps an alert running: unsent, on the wire, unsettled, not followed up, or awaiting a receipt.

    Some gateways never send a last receipt: they are waited for until a day after the deadline, or a day in all. Three
    questions and not one: each is answered by an index, however many rows the alert has.
    """
    rows = Delivery.objects.filter(alert=alert)
    moving = rows.filter(state__in=[State.QUEUED, State.LEASED, State.SENDING, State.UNKNOWN])
    # The order keeps the planner from reading the table: it takes each of these states for a common one.
    if moving.order_by("alert", "state", "channel", "role").values_list("id")[:1]:
        return True
    last_day = database_now() - RECEIPT_PATIENCE
    has_time = Q(expires_at__gt=last_day) | Q(expires_at=None, accepted_at__gt=last_day)
    # Without a deadline of the alert, its step's is still to be acted upon.
    has_time |= Q(expires_at=None, step_until__isnull=False, escalated_at=None)
    waiting = rows.filter(has_time, state=State.ACCEPTED, channel__in=[Channel.FAX, Channel.SMS])
    return waiting.exists() or rows.filter(unreached()).exists()


def unreached() -> Q:
    """Steps of officials that ended without success, and that nobody has followed up since they ended.

    A step that was late has been followed up once; when it fails in the end, it is looked at again.
    """
    states = [state.value for state in UNREACHED]
    news = Q(escalated_at=None) | Q(escalated_at__lt=F("settled_at"))
    return Q(news, state__in=states, role__in=OFFICIALS)


def late() -> Q:
    """Steps of officials that are past their time without success (`cascade.is_success`), not followed up yet."""
    unproven = [state.value for state in (State.QUEUED, *IN_FLIGHT, State.UNKNOWN, State.ACCEPTED)]
    has_succeeded = Q(state=State.ACCEPTED.value, channel=Channel.EMAIL.value)
    return Q(~has_succeeded, state__in=unproven, role__in=OFFICIALS, escalated_at=None, step_until__lte=database_now())


def may_have_printed(row: Delivery) -> bool:
    """Whether pages of this fax may lie in the tray already: a line that broke in the middle, or an unknown try."""
    return Attempt.objects.filter(MAY_HAVE_ARRIVED, delivery=row).exists()
