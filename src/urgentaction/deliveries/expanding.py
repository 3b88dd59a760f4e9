"""Making an alert's delivery rows, step by step, each one transaction. The rows themselves are `expand`'s.

Two alerts, or two workers, may come here at the same time; each step looks at the alert, locked, before it writes.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import F

from urgentaction.alerts import service as alerts
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.triggers.decision import SupporterPlan

from . import escalate, expand
from .models import Role
from .queries import SUPPORTERS, followed_by


def expand_alert(alert: Alert, plan: AlertPlan) -> bool:
    """Make the rows; officials' first: their letters leave while the supporters' rows are made.

    Returns whether all stand. If not, the alert was stopped, or somebody else is at it; doing it again does no harm.
    """
    if plan.officials is not None:
        with transaction.atomic():
            if not _may_expand(alert):
                return False
            # Once: after one has failed the first steps would be others, and go out beside the cascade.
            if not alert.deliveries.exclude(role=Role.SUPPORTER.value).exists():
                for target in expand.expand_officials(alert, plan.officials):
                    escalate.hand_over(target, why=escalate.NO_PLANNED())
        enqueue(Task.SEND_URGENT)
    if plan.supporters is not None and not _expand_supporters(alert, plan, plan.supporters):
        return False
    with transaction.atomic():
        if not _may_expand(alert):
            return False
        alerts.mark(alert.id, field="expanded_at")
    crash_point("after_expand")
    for one in waiting_to_expand():
        enqueue(Task.ADVANCE_ALERT, str(one))
    return True


def _expand_supporters(alert: Alert, plan: AlertPlan, supporters: SupporterPlan) -> bool:
    """Page by page: the first notices leave while the last rows are made, and an update waits for one page at most.

    One process at a time, so that however many alerts start at once, another one is left for officials. Who finds it
    taken leaves the alert as it is: whoever has finished wakes it, or the sweeper comes by.
    """
    followed = followed_by(alert, roles=SUPPORTERS) if alerts.follows_up(plan) else []
    after: uuid.UUID | None = None
    while True:
        with transaction.atomic():
            if not expand.is_my_turn() or not _may_expand(alert):
                return False
            after = expand.expand_supporters(alert, supporters, followed=followed, readers=plan.readers, after=after)
            crash_point("in_expand")
        if after is None:
            return True
        enqueue(Task.SEND_BULK)


def waiting_to_expand() -> list[uuid.UUID]:
    """Alerts whose letters stand, and whose rows do not all."""
    waiting = Alert.objects.filter(state=AlertState.RUNNING, expanded_at=None, fence=F("case__version"))
    return list(waiting.exclude(frozen_at=None).values_list("id", flat=True))


def _may_expand(alert: Alert) -> bool:
    """Locks it, so that an update recorded right now either stops this alert first or finds its rows."""
    locked = Alert.objects.select_for_update(of=("self",)).filter(id=alert.id, fence=F("case__version"))
    return locked.filter(state=AlertState.RUNNING, expanded_at=None).exists()
