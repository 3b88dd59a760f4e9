"""Composing an alert in the console, as a browser does it, step by step."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from tests.flow.callers import text
from tests.flow.world import World
from urgentaction.alerts.models import Alert
from urgentaction.core.ids import uuid7


def asked(world: World, **changes: Any) -> dict[str, Any]:
    """The form as a browser sends it, with changes."""
    return {
        "case": world.case.reference,
        "draft_id": str(uuid7()),
        "audience": "both",
        "reach": "all",
        "channels": ["fax", "email", "sms"],
        "letter_kind": "first_appeal",
        "notice_kind": "appeal",
        "level": "2",
        "deadline_hours": "48",
        "dated_on": "2026-11-20",
        "office-president": "to",
        "office-minister": "cc",
        **changes,
    }


def composed(editor: Client, world: World, **changes: Any) -> Alert:
    answer = editor.post("/console/alerts/draft/", asked(world, **changes))
    assert answer.status_code == 302, answer.content.decode()
    return Alert.objects.latest("id")


def submitted(editor: Client, world: World, **changes: Any) -> Alert:
    alert = composed(editor, world, **changes)
    assert "Sent for approval" in text(editor.post(f"/console/alerts/{alert.id}/submit/", follow=True))
    alert.refresh_from_db()
    return alert


def seen(client: Client, alert: Alert) -> str:
    """The digest of what the page for deciding shows."""
    found = re.search(r'name="seen" value="(\w+)"', text(client.get(f"/console/alerts/{alert.id}/preview/")))
    assert found is not None
    return found[1]


def approve(client: Client, alert: Alert, digest: str = "", hold: str = "15") -> str:
    form = {"hold_minutes": hold, "seen": digest or seen(client, alert)}
    said = text(client.post(f"/console/alerts/{alert.id}/approve/", form, follow=True))
    alert.refresh_from_db()
    return said
