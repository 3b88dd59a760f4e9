"""Storing what gateways report, and applying it. Stored once, answered at once, applied by a worker."""

from __future__ import annotations

import logging
import unicodedata
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from urgentaction.channels import registry
from urgentaction.channels.contract import Callback, Channel, Refused, RetryClass
from urgentaction.channels.contract import Receipt as Event
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.interruptions import INTERRUPTIONS
from urgentaction.deliveries import rules
from urgentaction.deliveries.gateways import gateway_named
from urgentaction.deliveries.models import Attempt, Delivery, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.references import delivery_id_of
from urgentaction.deliveries.send import receipt_event, refused
from urgentaction.deliveries.suppressing import suppress_after
from urgentaction.supporters.models import SuppressionReason
from urgentaction.supporters.service import lift_suppression, suppress

from .erasing import blank_if_erased
from .models import Receipt

log = logging.getLogger(__name__)

RAW_LIMIT = 64 * 1024
#: Neither kept as text nor accepted by the database: control characters (NUL above all) and halves of surrogate pairs.
_UNPRINTABLE = frozenset({"Cc", "Cs"})
#: After a failure: doubled each time, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)

_CAME_IN = {
    Channel.SMS: "Somebody answered a text message",
    Channel.FAX: "Somebody sent a fax",
    Channel.EMAIL: "Somebody answered a mail",
}


def store_callback(gateway_name: str, callback: Callback) -> int:
    """Verify a callback and write its events down. Returns how many are new.

    Raises:
        ForgedCallback: before anything of the body was believed.
        NotFound: no such gateway.
    """
    gateway = gateway_named(gateway_name)
    events = list(gateway.parse(callback))
    raw = printable(callback.body[:RAW_LIMIT].decode("utf-8", "replace"), keep="\t\n\r")
    rows = [_row(gateway_name, event, raw, callback) for event in events]
    before = {
        row.event_id for row in Receipt.objects.filter(gateway=gateway_name, event_id__in=[r.event_id for r in rows])
    }
    Receipt.objects.bulk_create(rows, ignore_conflicts=True)
    return len({row.event_id for row in rows} - before)


def _row(gateway: str, event: Event, raw: str, callback: Callback) -> Receipt:
    return Receipt(
        gateway=gateway,
        event_id=printable(event.event_id)[:200],
        kind=event.kind.value,
        ref=printable(event.ref)[:200],
        reference=printable(event.reference)[:60],
        retry_class=event.retry_class.value if event.retry_class else "",
        code=printable(event.code)[:60],
        # What a person wrote is in the raw body alone, which is sealed.
        text="" if event.kind is Kind.INBOUND else printable(event.text)[:300],
        address=printable(event.address),
        raw=raw,
        occurred_at=event.occurred_at,
        received_at=callback.received_at,
    )


def printable(text: str, *, keep: str = "") -> str:
    """The text with U+FFFD for every character that a text column can't hold or a terminal would obey."""
    return "".join(
        character if character in keep or unicodedata.category(character) not in _UNPRINTABLE else "\ufffd"
        for character in text
    )


def pending(limit: int = 200) -> list[uuid.UUID]:
    """Receipts to apply now, oldest first.

    Left out are those that would only be looked at in vain: whose delivery is known to be on the wire, and whose last
    try broke a short while ago. Otherwise enough of them would keep all others waiting.
    """
    waits = {state.value for state, _ in rules.WAITS}
    in_flight = Delivery.objects.filter(id=OuterRef("delivery_id"), state__in=waits)
    may_be_tried = Q(retry_at=None) | Q(retry_at__lte=clock.database_now())
    rows = Receipt.objects.filter(~Exists(in_flight), may_be_tried, applied_at=None)
    return list(rows.order_by("received_at", "id").values_list("id", flat=True)[:limit])


def apply_pending(limit: int = 200) -> int:
    """Apply what is waiting, each in a transaction of its own. Returns how many are done.

    One that breaks is logged, counted on its row and put off; the others go on.
    """
    done = 0
    for receipt_id in pending(limit):
        try:
            done += apply_receipt(receipt_id)
        except INTERRUPTIONS:
            raise
        except Exception as error:
            log.exception("receipt %s could not be applied; it is tried again later", receipt_id)
            _put_off(receipt_id, error)
    return done


@transaction.atomic
def _put_off(receipt_id: uuid.UUID, error: Exception) -> None:
    rows = Receipt.objects.filter(id=receipt_id, applied_at=None)
    failures = rows.values_list("failures", flat=True).first()
    if failures is None:
        return
    pause = min(FIRST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE)
    rows.update(
        failures=F("failures") + 1,
        retry_at=clock.read_database_now() + pause,
        effect=f"could not be applied ({type(error).__name__}); see the worker's log"[:200],
    )


@transaction.atomic
def apply_receipt(receipt_id: uuid.UUID) -> bool:
    """Apply one receipt. False if it has to wait: the answer to its own request is not written yet."""
    receipt = (
        Receipt.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(id=receipt_id, applied_at=None)
        .defer("raw", "address")
        .first()
    )
    if receipt is None:
        return False
    if receipt.kind in (Kind.OPTED_OUT, Kind.OPTED_IN, Kind.INBOUND):
        effect: str | None = _apply_inbound(receipt)
    else:
        effect = _apply_to_delivery(receipt)
    if effect is None:
        receipt.save(update_fields=["delivery"])
        return False
    receipt.applied_at, receipt.effect = clock.now(), effect[:200]
    receipt.save(update_fields=["applied_at", "effect", "delivery"])
    blank_if_erased(receipt)
    crash_point("after_receipt")
    return True


def _apply_inbound(receipt: Receipt) -> str:
    """Somebody answered. STOP and START act on the number, whichever alert it answered."""
    channel = registry.channel_of(receipt.gateway)
    match receipt.kind:
        case Kind.OPTED_OUT:
            suppress(channel, receipt.address, reason=SuppressionReason.STOP, source=f"reply {receipt.code}".strip())
            return "suppressed"
        case Kind.OPTED_IN:
            return f"suppression lifted ({lift_suppression(channel, receipt.address)})"
    open_task(
        HumanTaskKind.READ_REPLY,
        key=f"reply:{receipt.gateway}:{receipt.event_id}",
        title=_CAME_IN[channel],
        advice=(
            f"Read it in the log of {receipt.gateway} ({receipt.ref or receipt.event_id}). "
            "If the sender wants to hear no more, suppress the address."
        ),
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
    is_ours = not _is_about_another_attempt(receipt, row)
    if not is_ours and event is not rules.Event.RECEIPT_DELIVERED:
        return "about an earlier attempt; nothing changed"
    new = rules.after(state, event)
    if new is None:
        return f"nothing changed: {state} stands"
    if is_ours and receipt.ref and not row.gateway_ref:
        _learn_ref(row, receipt.ref)
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
    if row.accepted_at is None:
        row.accepted_at = clock.now()
    if new is rules.State.DELIVERED:
        row.reason, row.settled_at = "", receipt.occurred_at or clock.now()


def _learn_ref(row: Delivery, ref: str) -> None:
    """An unknown turns out to have been taken, under this name. The attempt keeps it: the delivery may get another."""
    row.gateway_ref = ref
    Attempt.objects.filter(delivery=row, number=row.attempts, gateway_ref="").update(gateway_ref=ref)


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


def _is_about_another_attempt(receipt: Receipt, row: Delivery) -> bool:
    """Callbacks name the gateway's own message; after a retry the delivery has another one.

    Where the present attempt has no name yet, news of a message that nobody knows may be about an earlier attempt that
    was unknown when it ended. It is not believed then: the present one is settled by asking.
    """
    if not receipt.ref or receipt.ref == row.gateway_ref:
        return False
    if row.gateway_ref:
        return True
    others = Attempt.objects.filter(delivery=row).exclude(number=row.attempts)
    nameless = Q(gateway_ref="") & (Q(outcome="unknown") | Q(code="not-taken"))
    return others.filter(nameless | Q(gateway_ref=receipt.ref)).exists()


def unapplied_longer_than(age: timedelta) -> int:
    """How many receipts have waited longer than `age`; more than none means that something is stuck."""
    return Receipt.objects.filter(applied_at=None, received_at__lt=clock.now() - age).count()
