"""Reads on deliveries that more than one room needs."""

from __future__ import annotations

import uuid

from django.db.models import Q, QuerySet

from urgentaction.channels.contract import Channel, RetryClass
from urgentaction.core.clock import database_now

from .models import Attempt, Delivery
from .rules import IN_FLIGHT, REACHED, State

UNSENT = (State.QUEUED.value, State.LEASED.value)


def still_paused() -> Q:
    """Gateways that may not be used now: paused by a person, or until a moment that has not come."""
    return Q(is_paused=True) & (Q(paused_until=None) | Q(paused_until__gt=database_now()))


def unsent_of(alert_ids: list[uuid.UUID]) -> QuerySet[Delivery]:
    """What would be withdrawn if these alerts were stopped now."""
    return Delivery.objects.filter(alert_id__in=alert_ids, state__in=UNSENT)


def reached_by(alert_ids: list[uuid.UUID]) -> QuerySet[Delivery]:
    """Deliveries that the recipient may have read, unknowns included: whoever may have heard must hear the rest."""
    return Delivery.objects.filter(alert_id__in=alert_ids, state__in=[state.value for state in REACHED])


def has_in_flight(alert_ids: list[uuid.UUID]) -> bool:
    """True while a worker still holds a delivery of these alerts: nobody can yet say whom they reached."""
    return Delivery.objects.filter(alert_id__in=alert_ids, state__in=[state.value for state in IN_FLIGHT]).exists()


def open_work(alert_id: uuid.UUID) -> QuerySet[Delivery]:
    """What keeps an alert running: unsent, on the wire, unsettled, or awaiting a receipt that a gateway gives."""
    waiting = Q(state=State.ACCEPTED.value, channel__in=[Channel.FAX.value, Channel.SMS.value])
    moving = Q(state__in=[State.QUEUED, State.LEASED, State.SENDING, State.UNKNOWN])
    return Delivery.objects.filter(waiting | moving, alert_id=alert_id)


def may_have_printed(row: Delivery) -> bool:
    """Whether pages of this fax may lie in the tray already: a line that broke in the middle, or an unknown try."""
    broken = Q(outcome="refused", retry_class=RetryClass.SOON.value) & ~Q(gateway_ref="")
    return Attempt.objects.filter(broken | Q(outcome="unknown"), delivery=row).exists()
