"""A mailing that gateways have accepted, made by hand, and receipts about it that wait to be applied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.flow.world import World
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.core import clock
from urgentaction.deliveries.models import Attempt, Delivery
from urgentaction.deliveries.references import reference_of
from urgentaction.receipts.models import Receipt

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TWILIO_TOKEN = "twilio-token"
GATEWAYS = {
    "smtp": {"host": "127.0.0.1", "port": "1", "tls": "none"},
    "twilio": {
        "base_url": "http://127.0.0.1:1",
        "account_sid": "AC00000000000000000000000000000001",
        "auth_token": TWILIO_TOKEN,
        "sender": "+442079460102",
    },
}


def running_alert(world: World) -> Alert:
    """An alert whose deliveries are made by hand."""
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    Alert.objects.filter(id=alert.id).update(state="running", expanded_at=clock.now())
    alert.refresh_from_db()
    return alert


def delivery(alert: Alert, **fields: Any) -> Delivery:
    told = {"channel": "sms", "role": "supporter", "priority": 2, "gateway": "twilio", "state": "accepted"} | fields
    return Delivery.objects.create(alert=alert, created_at=NOON, due_at=NOON, **told)


def tried(row: Delivery, outcome: str = "accepted", ref: str = "", *, gateway: str = "", code: str = "") -> Attempt:
    return Attempt.objects.create(
        delivery=row,
        number=row.tries.count() + 1,
        gateway=gateway or row.gateway,
        channel=row.channel,
        gateway_ref=ref,
        started_at=NOON,
        ended_at=NOON,
        outcome=outcome,
        code=code,
    )


def mailing(world: World, count: int) -> list[Delivery]:
    """So many text messages that a gateway has accepted, each to another supporter."""
    alert, made = running_alert(world), []
    if (missing := count - len(world.supporters)) > 0:
        world.more_supporters(missing)
    for number, person in enumerate(world.supporters[:count]):
        made.append(delivery(alert, supporter=person, gateway_ref=f"SM{number}", attempts=1, accepted_at=NOON))
        tried(made[-1], ref=f"SM{number}")
    return made


def told(row: Delivery, kind: Kind, *, at: int = 0, **fields: Any) -> Receipt:
    """A stored receipt, the `at`-th that came in."""
    names = {"ref": row.gateway_ref, "reference": reference_of(row.id)}
    moment = clock.now() + timedelta(milliseconds=at)
    count = Receipt.objects.count()
    return Receipt.objects.create(
        **({"gateway": "twilio", "event_id": f"{count}", "kind": kind.value, "received_at": moment} | names | fields)
    )
