"""What the tests of cascades share: a president with two faxes and a mission, and what gateways say of each step."""

from __future__ import annotations

import itertools

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import ReceiptKind, RetryClass
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.references import reference_of
from urgentaction.directory.models import ContactPoint, Office
from urgentaction.receipts.models import Receipt

FAX_1, FAX_2, MISSION_FAX = "+12025550101", "+12025550102", "+12025550103"
MAIL, MISSION_MAIL = "president@office.invalid", "mission@mission.invalid"
_events = itertools.count()


def add_ways(world: World) -> World:
    """Give the president a second fax, and a mission abroad that takes letters."""
    mission = Office.objects.create(
        slug="mission", country="KR", names={"en": "Permanent Mission"}, time_zone="Europe/Zurich"
    )
    office = world.president.office
    office.care_of = mission
    office.save()
    ContactPoint.objects.create(office=office, channel="fax", dial_value=FAX_2, rank=2)
    ContactPoint.objects.create(office=mission, channel="fax", dial_value=MISSION_FAX)
    ContactPoint.objects.create(office=mission, channel="email", dial_value=MISSION_MAIL)
    return world


def start(world: World, *, order: str, status: Status = Status.RETURN_IMMINENT) -> Alert:
    """An alert whose officials are reached in this order."""
    alert = world.update(status).alerts[0]
    alert.plan["officials"]["order"] = order
    alert.save()
    Alert.objects.filter(id=alert.id, state="held").update(hold_until=clock.database_now())
    pipeline.advance_alert(alert.id)
    alert.refresh_from_db()
    return alert


def to_president(alert: Alert) -> list[Delivery]:
    return list(Delivery.objects.filter(alert=alert, role="to").select_related("contact_point").order_by("id"))


def tried(alert: Alert) -> list[str]:
    """The addresses of the president's steps, in the order in which they were begun."""
    return [row.contact_point.dial_value for row in to_president(alert) if row.contact_point]


def last(alert: Alert) -> Delivery:
    return to_president(alert)[-1]


def end_step(row: Delivery) -> None:
    """As if the step's time had passed."""
    Delivery.objects.filter(id=row.id).update(step_until=clock.database_now())


def told(row: Delivery, kind: ReceiptKind, retry_class: RetryClass | None = None) -> None:
    """The gateway reports."""
    row.refresh_from_db()
    Receipt.objects.create(
        gateway="telnyx",
        event_id=f"escalation-{next(_events)}",
        kind=kind.value,
        ref=row.gateway_ref,
        reference=reference_of(row.id),
        retry_class=retry_class.value if retry_class else "",
        code=retry_class.value if retry_class else "",
        received_at=clock.now(),
    )
    pipeline.apply_receipts()


def busy_forever(row: Delivery) -> None:
    """Until its tries are used up."""
    for _ in range(20):
        Delivery.objects.filter(id=row.id).update(due_at=clock.database_now())
        pipeline.send_to_officials()
        told(row, ReceiptKind.FAILED, RetryClass.BUSY)
        row.refresh_from_db()
        if row.state == "failed":
            return
    raise AssertionError(f"still {row.state} after 20 tries")


def refuse(sandbox: SandboxProgram, *addresses: str) -> None:
    """These mail addresses don't exist any more."""
    step = {"smtp": "550 5.1.1 no such mailbox"}
    sandbox.script(*({"channel": "email", "address": one, "steps": [step], "then": "repeat"} for one in addresses))


def reach_task(alert: Alert) -> HumanTask | None:
    return HumanTask.objects.filter(alert=alert, kind="reach_official", title__contains="The president").first()
