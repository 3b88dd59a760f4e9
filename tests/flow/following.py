"""What the tests of the console's deliveries and tasks share: rows as they stand after something happened."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from tests.flow.callers import text
from urgentaction.accounts.models import AuditEntry
from urgentaction.alerts.models import Alert
from urgentaction.core import clock
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.rules import State
from urgentaction.incidents.models import Incident


def fax(alert: Alert) -> Delivery:
    return Delivery.objects.get(alert=alert, channel="fax", again=0)


def put(row: Delivery, state: State, **fields: Any) -> Delivery:
    Delivery.objects.filter(id=row.id).update(state=state.value, **fields)
    row.refresh_from_db()
    return row


def failed(row: Delivery) -> Delivery:
    now = clock.now()
    Attempt.objects.create(
        delivery=row, number=1, gateway="telnyx", channel="fax", started_at=now, ended_at=now, outcome="refused",
        retry_class="never", code="unallocated", text="no such number",
    )  # fmt: skip
    return put(row, State.FAILED, settled_at=now, reason="no such number", retry_class="never", attempts=1)


def audited(action: str) -> list[str]:
    return list(AuditEntry.objects.filter(action=action).values_list("subject", flat=True))


def actions() -> list[str]:
    """What the audit log says was done, in order."""
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def make_task(title: str, *, kind: HumanTaskKind = HumanTaskKind.READ_REPLY, **about: Any) -> HumanTask:
    return open_task(kind, key=title, title=title, advice="Do it.", **about)


def walk(client: Client, path: str, pattern: str) -> set[str]:
    """Everything that a list holds, page by page."""
    found: set[str] = set()
    page = text(client.get(path))
    while True:
        news = set(re.findall(pattern, page))
        assert not news & found
        found |= news
        following = re.search(r'href="([^"]+)" rel="next"', page)
        if following is None:
            return found
        page = text(client.get(path + following[1].replace("&amp;", "&")))


def make_incident() -> Incident:
    now = clock.now()
    return Incident.objects.create(
        key="worker:bulk", part="worker bulk", code="worker_silent", severity="critical",
        what="The worker for bulk stands still.", advice="Start it: urgentaction up.",
        first_seen_at=now, opened_at=now, last_seen_at=now,
    )  # fmt: skip
