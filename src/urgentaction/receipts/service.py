"""Storing what gateways report, and applying it. Stored once, answered at once, applied by a worker."""

from __future__ import annotations

import logging
import unicodedata
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from urgentaction.alerts.service import keep_running
from urgentaction.channels.contract import Callback, Channel, Refused, RetryClass
from urgentaction.channels.contract import Receipt as Event
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.interruptions import INTERRUPTIONS
from urgentaction.deliveries import rules
from urgentaction.deliveries.gateways import entry_named, gateway_named
from urgentaction.deliveries.models import Attempt, Delivery, HumanTaskKind
from urgentaction.deliveries.people import close_tasks_of, open_task
from urgentaction.deliveries.recording import receipt_event, refused
from urgentaction.deliveries.references import delivery_id_of
from urgentaction.deliveries.suppressing import index_of, suppress_after
from urgentaction.deliveries.unknowns import fall_back_on_earlier_try
from urgentaction.supporters.models import SuppressionReason
from urgentaction.supporters.rules import suppression_for
from urgentaction.supporters.service import lift_suppression, suppress, suppress_index

from .erasing import blank_if_erased
from .models import Receipt
from .rules import NOT_TAKEN, Meant, Try, is_over, which_try

log = logging.getLogger(__name__)

RAW_LIMIT = 64 * 1024
#: Neither kept as text nor accepted by the database: control characters (NUL above all) and halves of surrogate pairs.
_UNPRINTABLE = frozenset({"Cc", "Cs"})
#: After a failure: doubled each time, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)

_FAILURES = frozenset({rules.Event.RECEIPT_RETRY, rules.Event.RECEIPT_FAILED, rules.Event.RECEIPT_OPT_OUT})
#: The name that a waiting delivery bears is that of the try before.
_WAITING = (rules.State.QUEUED, rules.State.LEASED)

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
    crash_point("after_receipt_stored", channel=gateway.channel)
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
    transaction.on_commit(lambda: crash_point("after_receipt"))
    return True


def _apply_inbound(receipt: Receipt) -> str:
    """Somebody answered. STOP and START act on the number, whichever alert it answered."""
    channel = entry_named(receipt.gateway).channel
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
    state, told = rules.State(row.state), _event_for(receipt)
    if (state, told) in rules.WAITS:
        return None
    tries = list(row.tries.order_by("number"))
    meant = _meant(receipt, row, tries)
    event = rules.NEWS[told, meant.about]
    new = rules.after(state, event)
    _note_try(receipt, told, meant, tries, is_arrived=state is rules.State.DELIVERED)
    if new is None:
        if told in _FAILURES:
            _suppress_all_the_same(row, _refusal(receipt))
        is_past = meant.about is not rules.About.PRESENT and (meant.number is None or meant.number < tries[-1].number)
        return "about an earlier attempt; nothing changed" if is_past else f"nothing changed: {state} stands"
    _take_out_of_hands(row)
    _change(row, receipt, event, new)
    row.save()
    _follow_up(row, state)
    crash_point("in_receipt", channel=row.channel)
    return f"{state} → {row.state}"


def _meant(receipt: Receipt, row: Delivery, tries: list[Attempt]) -> Meant:
    known = [Try(one.number, one.gateway, one.gateway_ref, is_over(one.outcome, one.code)) for one in tries]
    return which_try(known, gateway=receipt.gateway, ref=receipt.ref, present=(row.gateway, row.gateway_ref))


def _note_try(receipt: Receipt, told: rules.Event, meant: Meant, tries: list[Attempt], *, is_arrived: bool) -> None:
    """Write down at the try itself what has become known of it, whether or not the delivery changes."""
    one = next((one for one in tries if one.number == meant.number), None)
    if one is None or meant.about is rules.About.OVER:
        return
    one.gateway_ref = one.gateway_ref or receipt.ref
    if one.code == NOT_TAKEN and told not in _FAILURES:
        # The gateway denied having it. It may be read, so whoever was to get it counts as reached.
        one.outcome, one.code, one.text = "unknown", "", "the gateway has it after all"
    if told in _FAILURES and not is_arrived:
        one.outcome, one.retry_class = "refused", _class_of(receipt).value
        one.code, one.text = receipt.code, receipt.text
    one.save(update_fields=["gateway_ref", "outcome", "retry_class", "code", "text"])


def _suppress_all_the_same(row: Delivery, outcome: Refused) -> None:
    """Nothing changes for this delivery; but nobody writes again to somebody who said stop, or to a dead address."""
    verdict = suppression_for(Channel(row.channel), outcome.code, outcome.retry_class)
    index = index_of(row)
    if index is None or verdict is None or outcome.retry_class not in rules.FINAL:
        return
    reason, lifetime = verdict
    if lifetime is None:  # a soft bounce is counted by how its delivery ended, and this one ended otherwise
        suppress_index(Channel(row.channel), index, reason=reason, source=f"late report: {outcome.code}")


def _take_out_of_hands(row: Delivery) -> None:
    """Where a worker holds it, its claim is void: the fence refuses its intent. The try it was for is not made."""
    if row.state == rules.State.LEASED:
        row.attempts -= 1
    row.lease_token = row.lease_until = None


def _change(row: Delivery, receipt: Receipt, event: rules.Event, new: rules.State) -> None:
    if event in _FAILURES:
        if not row.tries.filter(gateway=receipt.gateway, gateway_ref=row.gateway_ref).exists():
            row.gateway_ref = ""  # no try bears this name: what comes under it from now on is about another one
        refused(row, _refusal(receipt), event)
        suppress_after(row, _refusal(receipt))
        return
    if row.accepted_at is None:
        row.accepted_at = clock.now()
    if new is rules.State.DELIVERED:
        is_late = rules.State(row.state) in rules.TERMINAL
        row.reason = f"arrived after all; before: {row.state} ({row.reason})"[:200] if is_late else ""
        row.settled_at = receipt.occurred_at or clock.now()
    elif event is rules.Event.RECEIPT_TRACE or not row.gateway_ref or row.state in _WAITING:
        row.gateway, row.gateway_ref, row.reason = receipt.gateway, receipt.ref, "the gateway has it"
    row.state = new.value


def _follow_up(row: Delivery, before: rules.State) -> None:
    """What else is out of date now: tasks that asked about it, an alert that was taken for done."""
    if before is rules.State.UNKNOWN:
        close_tasks_of(row, HumanTaskKind.SETTLE_UNKNOWN, result=f"the gateway reported: {row.state}")
    match rules.State(row.state):
        case rules.State.DELIVERED:
            close_tasks_of(row, HumanTaskKind.REACH_OFFICIAL, result=f"delivery {row.id} arrived after all")
        case rules.State.QUEUED if fall_back_on_earlier_try(row):
            row.save()
        case rules.State.QUEUED if not keep_running(row.alert_id):
            # Put back by a late bounce, of an alert that nobody may claim from any more.
            row.state = rules.State.WITHDRAWN.value
            row.reason = f"alert is over; before: {row.reason}"[:200]
            row.settled_at = clock.now()
            row.save(update_fields=["state", "reason", "settled_at"])
        case rules.State.FAILED if row.official_id is not None:
            keep_running(row.alert_id)  # the next contact point, or a person, has to try it


def _refusal(receipt: Receipt) -> Refused:
    return Refused(_class_of(receipt), receipt.code, receipt.text)


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
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("supporter", "contact_point", "alert")
    delivery_id = delivery_id_of(receipt.reference) if receipt.reference else None
    if delivery_id is not None:
        return rows.filter(id=delivery_id).first()
    if not receipt.ref:
        return None
    is_named_so = Q(gateway=receipt.gateway, gateway_ref=receipt.ref)
    # A delivery that was tried again bears another name by now.
    earlier = Attempt.objects.filter(is_named_so).values_list("delivery_id", flat=True)[:1]
    return rows.filter(is_named_so).first() or rows.filter(id__in=list(earlier)).first()


def unapplied_longer_than(age: timedelta) -> int:
    """How many receipts have waited longer than `age`; more than none means that something is stuck."""
    return Receipt.objects.filter(applied_at=None, received_at__lt=clock.now() - age).count()
