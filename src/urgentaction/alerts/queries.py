"""Reads on alerts that more than one room needs."""

from __future__ import annotations

import uuid

from django.db.models import F, Q, QuerySet

from urgentaction.cases.models import Case
from urgentaction.core.clock import database_now, now
from urgentaction.core.errors import NotFound
from urgentaction.triggers import decision as triggers

from .models import Alert, AlertState, StandingApproval

#: Not over: a newer update overtakes each of these.
LIVE = (AlertState.DRAFT, AlertState.AWAITING_APPROVAL, AlertState.HELD, AlertState.RUNNING)


def alert_called(name: str) -> Alert:
    """The alert with this id or number (`UA-2015-0117/2`). Raises NotFound."""
    try:
        query = Q(id=uuid.UUID(name))
    except ValueError:
        query = Q(number=name)
    alert = None if "\0" in name else Alert.objects.select_related("case", "update").filter(query).first()
    if alert is None:
        raise NotFound.of("alert", f"there is no alert {name!r}; `urgentaction alert list` shows them")
    return alert


def live_alerts(case: Case) -> QuerySet[Alert]:
    """Alerts of the case that a newer update would overtake."""
    return Alert.objects.filter(case=case, state__in=LIVE).order_by("created_at")


def under_way() -> QuerySet[Alert]:
    """Every alert that is not over, of whatever case."""
    return Alert.objects.filter(state__in=LIVE).order_by("created_at")


def sent_alerts(case: Case) -> QuerySet[Alert]:
    """Alerts of the case that were started at some time, latest first."""
    return Alert.objects.filter(case=case, started_at__isnull=False).order_by("-started_at")


def is_current(alert: Alert) -> bool:
    """The fence: nothing newer has been recorded for its case."""
    return Alert.objects.filter(id=alert.id, state=AlertState.RUNNING, fence=F("case__version")).exists()


def has_enough_approvals(alert: Alert) -> bool:
    """Asked again just before sending: a yes can be taken back.

    A standing approval that ran out after the alert was made still counts for it, and so does one that was revoked
    after it had started: that stops nothing that runs, as whoever revokes it is told.
    """
    if alert.approvals_needed == 0:
        stood = Q(revoked_at=None)
        if alert.started_at is not None:
            stood |= Q(revoked_at__gte=alert.started_at)
        standing = StandingApproval.objects.filter(stood, rule=alert.rule)
        return standing.filter(Q(expires_at=None) | Q(expires_at__gt=alert.created_at)).exists()
    yes = alert.approvals.filter(is_yes=True, revoked_at=None)
    others = yes.exclude(by=alert.drafted_by)
    return yes.count() >= alert.approvals_needed and others.exists()


def in_force() -> QuerySet[StandingApproval]:
    """Standing approvals that are neither taken back nor over."""
    return StandingApproval.objects.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now()))


def standing_approvals() -> list[triggers.StandingApproval]:
    """Those in force now, for the trigger rules."""
    return [triggers.StandingApproval(rule_id=row.rule, by=row.by) for row in in_force()]


def due_to_start() -> QuerySet[Alert]:
    """Approved alerts whose hold is over."""
    return Alert.objects.filter(state=AlertState.HELD, hold_until__lte=database_now(), fence=F("case__version"))
