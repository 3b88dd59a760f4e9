"""Applying what gateways reported: in batches where it is ordinary, else one by one, with all that follows from it."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q

from urgentaction.alerts.service import keep_running
from urgentaction.channels.contract import Channel, Refused
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.interruptions import INTERRUPTIONS
from urgentaction.core.phrases import Phrase
from urgentaction.deliveries import reasons, rules
from urgentaction.deliveries.gateways import entry_named
from urgentaction.deliveries.models import Attempt, Delivery, HumanTaskKind
from urgentaction.deliveries.people import close_tasks_of, open_task
from urgentaction.deliveries.recording import refused
from urgentaction.deliveries.references import delivery_id_of
from urgentaction.deliveries.suppressing import index_of, suppress_after
from urgentaction.deliveries.unknowns import fall_back_on_earlier_try
from urgentaction.supporters.models import SuppressionReason
from urgentaction.supporters.rules import suppression_for
from urgentaction.supporters.service import lift_suppression, suppress, suppress_index

from . import effects
from .batches import Applied, apply_batch, waiting
from .complaints import no_more_mail
from .erasing import blank_if_erased
from .models import Receipt
from .news import FAILURES, TRY_FIELDS, event_for, goes_on, meant_by, note, refusal_of, unchanged

log = logging.getLogger(__name__)

#: After a failure: doubled each time, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)

#: So many receipts are applied in one transaction.
BATCH = 500

TEXT_CAME = Phrase("Somebody answered a text message")
FAX_CAME = Phrase("Somebody sent a fax")
MAIL_CAME = Phrase("Somebody answered a mail")
READ_IN_LOG = Phrase(
    "Read it in the log of %(gateway)s (%(reference)s). If the sender wants to hear no more, suppress the address."
)
_CAME_IN = {
    Channel.SMS: TEXT_CAME,
    Channel.FAX: FAX_CAME,
    Channel.EMAIL: MAIL_CAME,
}


def pending(limit: int = BATCH) -> list[uuid.UUID]:
    """Receipts to apply now (`batches.waiting`), oldest first."""
    return list(waiting().values_list("id", flat=True)[:limit])


def apply_pending(limit: int = 20_000, *, seconds: float = 5.0) -> int:
    """Apply what is waiting, in batches and what is out of the ordinary one by one. Returns how many are done.

    One that breaks is logged, counted on its row and put off; the others go on.

    Args:
        limit: look at so many at most.
        seconds: begin no batch after that.
    """
    done, seen, ends = 0, 0, time.monotonic() + seconds
    while seen < limit:
        size = min(BATCH, limit - seen)
        batch = _apply_batch(size)
        done += batch.done + sum(_apply_alone(receipt_id) for receipt_id in batch.left)
        seen += batch.seen
        if batch.seen < size or time.monotonic() > ends:
            break
    return done


def _apply_batch(size: int) -> Applied:
    try:
        return apply_batch(size)
    except INTERRUPTIONS:
        raise
    except Exception:
        # Nothing of it is written. Which one it was is found by taking them one by one.
        log.exception("a batch of receipts could not be applied; each is tried alone")
        ids = pending(size)
        return Applied(seen=len(ids), done=0, left=ids)


def _apply_alone(receipt_id: uuid.UUID) -> bool:
    try:
        return apply_receipt(receipt_id)
    except INTERRUPTIONS:
        raise
    except Exception as error:
        log.exception("receipt %s could not be applied; it is tried again later", receipt_id)
        _put_off(receipt_id, error)
        return False


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
        effect=effects.BROKE(fault=type(error).__name__)[:200],
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
        case Kind.OPTED_OUT if channel is Channel.EMAIL:
            return no_more_mail(receipt, _delivery_of(receipt))
        case Kind.OPTED_OUT:
            suppress(channel, receipt.address, reason=SuppressionReason.STOP, source=f"reply {receipt.code}".strip())
            return effects.SUPPRESSED
        case Kind.OPTED_IN:
            return effects.LIFTED(count=lift_suppression(channel, receipt.address))
    open_task(
        HumanTaskKind.READ_REPLY,
        key=f"reply:{receipt.gateway}:{receipt.event_id}",
        title=_CAME_IN[channel](),
        advice=READ_IN_LOG(gateway=receipt.gateway, reference=receipt.ref or receipt.event_id),
    )
    return effects.TO_A_PERSON


def _apply_to_delivery(receipt: Receipt) -> str | None:
    row = _delivery_of(receipt)
    if row is None:
        return effects.NOT_OURS
    receipt.delivery = row
    state, told = rules.State(row.state), event_for(receipt)
    if (state, told) in rules.WAITS:
        return None
    tries = list(row.tries.order_by("number"))
    meant = meant_by(receipt, row, tries)
    event = rules.NEWS[told, meant.about]
    new = rules.after(state, event)
    if noted := note(receipt, told, meant, tries, is_arrived=state is rules.State.DELIVERED):
        noted.save(update_fields=TRY_FIELDS)
    if new is None:
        if told in FAILURES:
            _suppress_all_the_same(row, refusal_of(receipt))
        return unchanged(state, meant, tries)
    _take_out_of_hands(row)
    _change(row, receipt, event, new)
    row.save()
    _follow_up(row, state)
    crash_point("in_receipt", channel=row.channel)
    return effects.CHANGED(before=state.value, after=row.state)


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
    if event not in FAILURES:
        goes_on(row, receipt, event, new)
        return
    if not row.tries.filter(gateway=receipt.gateway, gateway_ref=row.gateway_ref).exists():
        row.gateway_ref = ""  # no try bears this name: what comes under it from now on is about another one
    refused(row, refusal_of(receipt), event)
    suppress_after(row, refusal_of(receipt))


def _follow_up(row: Delivery, before: rules.State) -> None:
    """What else is out of date now: tasks that asked about it, an alert that was taken for done."""
    if before is rules.State.UNKNOWN:
        close_tasks_of(row, HumanTaskKind.SETTLE_UNKNOWN, result=reasons.REPORTED(state=row.state))
    match rules.State(row.state):
        case rules.State.DELIVERED:
            close_tasks_of(row, HumanTaskKind.REACH_OFFICIAL, result=reasons.ARRIVED_AFTER_ALL(delivery=row.id))
        case rules.State.QUEUED if fall_back_on_earlier_try(row):
            row.save()
        case rules.State.QUEUED if not keep_running(row.alert_id):
            # Put back by a late bounce, of an alert that nobody may claim from any more.
            row.state = rules.State.WITHDRAWN.value
            row.reason = reasons.ALERT_OVER(before=row.reason)[:200]
            row.settled_at = clock.now()
            row.save(update_fields=["state", "reason", "settled_at"])
        case rules.State.FAILED if row.official_id is not None:
            keep_running(row.alert_id)  # the next contact point, or a person, has to try it


def _delivery_of(receipt: Receipt) -> Delivery | None:
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("supporter", "contact_point", "alert")
    delivery_id = delivery_id_of(receipt.reference) if receipt.reference else None
    if delivery_id is not None:
        return rows.filter(id=delivery_id).first()
    if not receipt.ref:
        return None
    # Mail is named by our own reference wherever it is reported; the indexes leave it out.
    is_named_so = Q(gateway=receipt.gateway, gateway_ref=receipt.ref) & ~Q(gateway_ref="") & ~Q(channel="email")
    # A delivery that was tried again bears another name by now.
    earlier = Attempt.objects.filter(is_named_so).values_list("delivery_id", flat=True)[:1]
    return rows.filter(is_named_so).first() or rows.filter(id__in=list(earlier)).first()


def unapplied_longer_than(age: timedelta) -> int:
    """How many receipts have waited longer than `age`; more than none means that something is stuck."""
    return Receipt.objects.filter(applied_at=None, received_at__lt=clock.now() - age).count()
