"""Each kind of task leads to the page where it can be done."""

from __future__ import annotations

import uuid

import pytest

from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case
from urgentaction.console.deliveries.ways import ways_on
from urgentaction.deliveries.models import HumanTask

ALERT = uuid.UUID(int=7)
POINT = uuid.UUID(int=8)


def task(key: str, *, delivery_id: int | None = None) -> HumanTask:
    alert = Alert(id=ALERT, case=Case(reference="UA-2026-0001"))
    return HumanTask(id=uuid.UUID(int=9), key=key, alert=alert, delivery_id=delivery_id)


@pytest.mark.parametrize(
    ("key", "address"),
    [
        (f"decide:{ALERT}", f"/console/alerts/{ALERT}/preview/"),
        ("fix:telnyx:401", "/console/settings/gateways/telnyx/"),
        (f"held:telnyx:40008:{ALERT}", "/console/settings/gateways/telnyx/"),
        (f"replace:{POINT}", f"/console/directory/contact-points/{POINT}/#replace"),
        (f"vacant:{ALERT}:kr-president", "/console/directory/?text=kr-president"),
        (f"consent:{ALERT}", "/console/cases/UA-2026-0001/texts/"),
        ("published-name:abc", "/console/cases/UA-2026-0001/public/"),
        ("reply:twilio:e1", f"/console/supporters/replies/{uuid.UUID(int=9)}/"),
    ],
)
def test_a_task_leads_to_its_page(key: str, address: str) -> None:
    assert ways_on(task(key))[0].address == address


def test_an_unknown_is_settled_on_its_delivery() -> None:
    assert ways_on(task("unknown:5:1", delivery_id=5))[0].address == "/console/deliveries/5/"


def test_what_only_hands_can_do_leads_nowhere() -> None:
    assert ways_on(task("unready:pdf:1")) == []


def test_a_page_for_editors_is_offered_to_editors_only() -> None:
    assert [way.least for way in ways_on(task("reply:twilio:e1"))] == [Role.EDITOR]
