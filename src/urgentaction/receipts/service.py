"""Storing what gateways report, and applying it. Stored once, answered at once, applied by a worker."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction

from urgentaction.channels.contract import Callback, Channel, Refused, RetryClass
from urgentaction.channels.contract import Receipt as Event
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.deliveries import rules
from urgentaction.deliveries.gateways import gateway_named
from urgentaction.deliveries.models import Attempt, Delivery, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.references import delivery_id_of
from urgentaction.deliveries.send import receipt_event, refused
from urgentaction.deliveries.suppressing import suppress_after
from urgentaction.supporters.models import SuppressionReason
from urgentaction.supporters.service import lift_suppression, suppress

from .models import Receipt

RAW_LIMIT = 64 * 1024


def store_callback(gateway_name: str, callback: Callback) -> int:
    """Verify a callback and write its events down. Returns how many are new.

    Raises:
        ForgedCallback: before anything of the body was believed.
        NotFound: no such gateway.
    """
    gateway = gateway_named(gateway_name)
    events = list(gateway.parse(callback))
    raw = callback.body[:RAW_LIMIT].decode("utf-8", "replace")
    rows = [_row(gateway_name, event, raw, callback) for event in events]
    before = {
        row.event_id for row in Receipt.objects.filter(gateway=gateway_name, event_id__in=[r.event_id for r in rows])
    }
    Receipt.objects.bulk_create(rows, ignore_conflicts=True)
    return len({row.event_id for row in rows} - before)


def _row(gateway: str, event: Event, raw: str, callback: Callback) -> Receipt:
    return Receipt(
        gateway=gateway,
        event_id=event.event_id[:200],
        kind=event.kind.value,
        ref=event.ref[:200],
        reference=event.reference[:60],
        retry_class=event.retry_class.value if event.retry_class else "",
        code=event.code[:60],
        text=event.text[:300],
        address=event.address,
        raw=raw,
        occurred_at=event.occurred_at,
        received_at=callback.received_at,
    )


def pending(limit: int = 200) -> list[Receipt]:
    """Receipts not applied yet, oldest first."""
    return list(Receipt.objects.filter(applied_at=None).order_by("received_at", "id")[:limit])


def apply_pending(limit: int = 200) -> int:
    """Apply what is waiting, each in a transaction of its own. Returns how many are done."""
    return sum(apply_receipt(row.id) for row in pending(limit))


@transaction.atomic
def apply_receipt(receipt_id: uuid.UUID) -> bool:
    """Apply one receipt. False if it has to wait: the answer to its own request is not written yet."""
    receipt = (
        Receipt.objects.select_for_update(of=("self",), skip_locked=True).filter(id=receipt_id, applied_at=None).first()
    )
    if receipt is None:
        return False
    if receipt.kind in (Kind.OPTED_OUT, Kind.OPTED_IN, Kind.INBOUND):
        effect: str | None = _apply_inbound(receipt)
    else:
        effect = _apply_to_delivery(receipt)
    if effect is None:
        return False
    receipt.applied_at, receipt.effect = clock.now(), effect[:200]
    receipt.save(update_fields=["applied_at", "effect", "delivery"])
    crash_point("after_receipt")
    return True


def _apply_inbound(receipt: Receipt) -> str:
    """Somebody answered. STOP and START act on the number, whichever alert it answered."""
    match receipt.kind:
        case Kind.OPTED_OUT:
            suppress(
                Channel.SMS, receipt.address, reason=SuppressionReason.STOP, source=f"reply {receipt.code}".strip()
            )
            return "suppressed"
        case Kind.OPTED_IN:
            return f"suppression lifted ({lift_suppression(Channel.SMS, receipt.address)})"
    open_task(
        HumanTaskKind.READ_REPLY,
        key=f"reply:{receipt.gateway}:{receipt.event_id}",
        title="Somebody answered a text message",
        advice="Read it on the receipt's page. If it means stop, suppress the number.",
    )
    return "passed to a person"


def _apply_to_delivery(receipt: Receipt) -> str | None:
    row = _delivery_of(receipt)
    if row is None:
        return "no delivery of ours has this reference"
    receipt.delivery = row
    event = _event_for(receipt)
    state = rules.State(row.state)
    if (state, event) in rules.WAITS:
        return None
    if _is_about_earlier_attempt(receipt, row) and event is not rules.Event.RECEIPT_DELIVERED:
        return "about an earlier attempt; nothing changed"
    new = rules.after(state, event)
    if new is None:
        return f"nothing changed: {state} stands"
    _change(row, receipt, event, new)
    row.save()
    return f"{state} → {row.state}"


def _change(row: Delivery, receipt: Receipt, event: rules.Event, new: rules.State) -> None:
    if event in (rules.Event.RECEIPT_RETRY, rules.Event.RECEIPT_FAILED, rules.Event.RECEIPT_OPT_OUT):
        outcome = Refused(_class_of(receipt), receipt.code, receipt.text)
        _mark_attempt(row, receipt)
        refused(row, outcome, event)
        suppress_after(row, outcome)
        return
    row.state = new.value
    row.lease_token = row.lease_until = None
    if not row.gateway_ref:
        row.gateway_ref = receipt.ref
    if row.accepted_at is None:
        row.accepted_at = clock.now()
    if new is rules.State.DELIVERED:
        row.reason, row.settled_at = "", receipt.occurred_at or clock.now()


def _mark_attempt(row: Delivery, receipt: Receipt) -> None:
    """The try that was accepted ended badly after all: its row says so."""
    Attempt.objects.filter(delivery=row, number=row.attempts).update(
        outcome="refused", retry_class=receipt.retry_class, code=receipt.code, text=receipt.text
    )


def _class_of(receipt: Receipt) -> RetryClass:
    return RetryClass(receipt.retry_class) if receipt.retry_class else RetryClass.LATER


def _event_for(receipt: Receipt) -> rules.Event:
    match receipt.kind:
        case Kind.DELIVERED:
            return rules.Event.RECEIPT_DELIVERED
        case Kind.FAILED:
            return receipt_event(_class_of(receipt))
    return rules.Event.RECEIPT_PROGRESS


def _delivery_of(receipt: Receipt) -> Delivery | None:
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("supporter", "contact_point")
    delivery_id = delivery_id_of(receipt.reference) if receipt.reference else None
    if delivery_id is not None:
        return rows.filter(id=delivery_id).first()
    return rows.filter(gateway_ref=receipt.ref).first() if receipt.ref else None


def _is_about_earlier_attempt(receipt: Receipt, row: Delivery) -> bool:
    """Callbacks name the gateway's own message; after a retry the delivery has another one."""
    if not receipt.ref or receipt.ref == row.gateway_ref:
        return False
    return Attempt.objects.filter(delivery=row, gateway_ref=receipt.ref).exclude(number=row.attempts).exists()


def unapplied_longer_than(age: timedelta) -> int:
    """How many receipts have waited longer than `age`; more than none means that something is stuck."""
    return Receipt.objects.filter(applied_at=None, received_at__lt=clock.now() - age).count()
