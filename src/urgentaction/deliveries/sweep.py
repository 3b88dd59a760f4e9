"""Putting right what nobody finished: leases that ended, deadlines that passed, alerts that were stopped.

Each function is one statement or a bounded batch, finds its work by itself, and may run at any time, twice, or on two
hosts at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.core import clock

from . import reasons
from .models import Delivery
from .rules import State

BATCH = 5000
#: As long as this after an alert was stopped, late news may still put one of its rows back.
LATE_ROWS = timedelta(days=14)

# A worker died or hangs. What it had not put on the wire goes back; the attempt is not counted as one.
_LEASED = """
UPDATE deliveries_delivery SET state = 'queued', lease_token = NULL, lease_until = NULL, attempts = attempts - 1
WHERE id IN (SELECT id FROM deliveries_delivery WHERE state = 'leased' AND lease_until <= ua_now()
             ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""

# What it may have put on the wire is unknown, and the try is written down as such.
_SENDING = """
WITH lost AS (
    UPDATE deliveries_delivery SET state = 'unknown', lease_token = NULL, lease_until = NULL, questions = 0,
           due_at = ua_now(), reason = %(reason)s
    WHERE id IN (SELECT id FROM deliveries_delivery WHERE state = 'sending' AND lease_until <= ua_now()
                 ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
    RETURNING id, attempts, gateway, channel, intent_at
)
INSERT INTO deliveries_attempt (delivery_id, number, gateway, channel, started_at, ended_at, outcome, retry_class, code,
                                text, gateway_ref, is_fault)
SELECT id, attempts, gateway, channel, coalesce(intent_at, ua_now()), ua_now(), 'unknown', '', '',
       %(reason)s, '', false
FROM lost ON CONFLICT DO NOTHING
"""

_EXPIRE = """
UPDATE deliveries_delivery SET state = 'expired', settled_at = ua_now(), reason = %(reason)s
WHERE id IN (SELECT id FROM deliveries_delivery WHERE state = 'queued' AND expires_at <= ua_now()
             ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""

_WITHDRAW = """
UPDATE deliveries_delivery d SET state = 'withdrawn', settled_at = ua_now(), lease_token = NULL, lease_until = NULL,
       reason = %(reason)s
WHERE d.id IN (SELECT id FROM deliveries_delivery WHERE alert_id = %(alert)s AND state IN ('queued', 'leased')
               ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""


def _run(statement: str, **parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"batch": BATCH, **parameters})
        return int(cursor.rowcount)


def return_expired_leases() -> int:
    """`leased` past its lease → `queued`."""
    return _run(_LEASED)


def give_up_expired_sends() -> int:
    """`sending` past its lease → `unknown`, with its attempt."""
    return _run(_SENDING, reason=reasons.WORKER_DIED)


def expire_overdue() -> int:
    """Unsent past the alert's deadline → `expired`."""
    return _run(_EXPIRE, reason=reasons.TOO_LATE)


def stopped_alerts() -> list[Alert]:
    """Alerts that were stopped and have unsent rows to mark, among them rows that a refusal put back afterwards."""
    stopped = Alert.objects.filter(state__in=[AlertState.WITHDRAWN, AlertState.REJECTED, AlertState.EXPIRED])
    unsent = Delivery.objects.filter(alert=OuterRef("pk"), state__in=[State.QUEUED, State.LEASED])
    recent = Q(stopped_at__gt=clock.database_now() - LATE_ROWS) & Exists(unsent)
    return list(stopped.filter(Q(swept_at=None) | recent)[:100])


def mark_withdrawn(alert: Alert) -> bool:
    """Mark a stopped alert's unsent rows, one batch. True when none is left.

    Claims stopped when the alert did; this only makes visible what became of the rows.
    """
    reason = reasons.ALERT_STOPPED(why=alert.stop_reason)[:200]
    if _run(_WITHDRAW, alert=alert.id, reason=reason) >= BATCH:
        return False
    left = alert.deliveries.filter(state__in=[State.QUEUED, State.LEASED]).exists()
    if not left:
        Alert.objects.filter(id=alert.id).update(swept_at=clock.now())
    return not left
