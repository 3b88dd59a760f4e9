"""Settling unknowns: ask the gateway, then the channel's policy, then a person. Every step is visible on the row."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from urgentaction.alerts.queries import is_current
from urgentaction.channels.contract import (
    Candidate,
    CannotTell,
    Channel,
    Found,
    Lookup,
    ReceiptKind,
    Refused,
    RetryClass,
)
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.errors import NotFound
from urgentaction.core.phrases import Phrase

from . import reasons
from .gateways import gateway_named
from .models import Delivery, HumanTask, HumanTaskKind
from .outgoing import NOT_THIS_ROWS, address_of, why_unready
from .people import close_tasks_of, open_task
from .recording import is_of_one, receipt_event, refused, scaled
from .references import reference_of
from .rules import (
    ASK_PAUSES,
    TRACE_WINDOW,
    Event,
    State,
    UnknownPolicy,
    after,
    unknown_policy,
)

log = logging.getLogger(__name__)

#: A lookup's time window around the attempt, for clocks that differ.
SLACK = timedelta(minutes=2)
MOST_QUESTIONS = 8
ARRIVED = Phrase("Did the %(channel)s of alert %(number)s arrive? (delivery %(delivery)s)", channel="channel")
FIND_OUT = Phrase.typed(
    "The gateway %(gateway)s took it or not, nobody can say. Look at its own log for our reference %(reference)s, or "
    "ask the recipient; then `urgentaction delivery settle %(delivery)s --arrived` or `--lost`."
)
#: An unknown mail of a stopped alert is only looked at again to see a late receipt.
STOPPED_PAUSE = timedelta(days=1)


def due_unknowns(limit: int = 50) -> list[int]:
    """Unknowns whose next question is due; those that wait for a person are left out."""
    with_a_person = HumanTask.objects.filter(delivery=OuterRef("pk"), kind=HumanTaskKind.SETTLE_UNKNOWN, done_at=None)
    return list(
        Delivery.objects.filter(~Exists(with_a_person), state=State.UNKNOWN, due_at__lte=clock.database_now())
        .order_by("priority", "due_at")
        .values_list("id", flat=True)[:limit]
    )


def settle(delivery_id: int) -> State:
    """Take one unknown a step further; returns where it stands then. The gateway is asked outside any transaction.

    One that breaks is put off, so that the next sweep's turn is another one's.
    """
    try:
        return _settle(delivery_id)
    except Exception as error:
        if not is_of_one(error):
            raise
        due_at = clock.read_database_now() + scaled(ASK_PAUSES[-1])
        Delivery.objects.filter(id=delivery_id, state=State.UNKNOWN).update(due_at=due_at)
        raise


def _settle(delivery_id: int) -> State:
    row = Delivery.objects.select_related("contact_point", "supporter").get(id=delivery_id)
    if row.state != State.UNKNOWN:
        return State(row.state)
    answer, asked_about = _answer_about(row), row.attempts
    crash_point("after_question", channel=row.channel)
    with transaction.atomic():
        row = Delivery.objects.select_for_update(of=("self",)).select_related("alert__case").get(id=delivery_id)
        # Meanwhile a receipt may have settled it, and the next try be unknown again: the answer is not about that one.
        if row.state == State.UNKNOWN and row.attempts == asked_about:
            _apply(row, answer)
            row.save()
            if row.state != State.UNKNOWN:
                close_tasks_of(row, HumanTaskKind.SETTLE_UNKNOWN, result=reasons.ANSWERED(why=row.reason))
            crash_point("in_settle", channel=row.channel)
    crash_point("after_settle", channel=row.channel)
    return State(row.state)


def _answer_about(row: Delivery) -> Found | CannotTell:
    """What the gateway says; also where it can't be asked just now, because a key or its set-up is missing."""
    try:
        return _ask(row)
    except NOT_THIS_ROWS:
        raise
    except Exception as error:
        log.exception("delivery %d can't be asked about", row.id)
        return CannotTell(why_unready(error), is_final=False)


def _ask(row: Delivery) -> Found | CannotTell:
    try:
        gateway = gateway_named(row.gateway)
    except NotFound:
        return CannotTell(f"the gateway {row.gateway} is not configured any more", is_final=True)
    to = address_of(row)
    if not gateway.capabilities.has_lookup:
        return CannotTell("the gateway has no look-up", is_final=True)
    if not to:
        return CannotTell("the address is gone", is_final=True)
    begun = row.intent_at or row.created_at
    return gateway.lookup(
        Lookup(
            reference=reference_of(row.id),
            to=to,
            submitted_from=clock.without_offset(begun) - SLACK,
            submitted_until=clock.without_offset(clock.now()) + SLACK,
            ref=row.gateway_ref,
        )
    )


def _apply(row: Delivery, answer: Found | CannotTell) -> None:
    row.questions += 1
    match answer:
        case Found(candidates):
            _apply_found(row, candidates)
        case CannotTell(why, is_final):
            row.reason = reasons.UNKNOWN(why=why)[:200]
            _by_policy(row, may_ask=not is_final and row.questions < MOST_QUESTIONS)


def _apply_found(row: Delivery, candidates: tuple[Candidate, ...]) -> None:
    # An earlier try of the same delivery carries the same reference: it is not the one asked about.
    earlier = set(row.tries.exclude(gateway_ref="").values_list("gateway_ref", flat=True))
    candidates = tuple(one for one in candidates if one.ref not in earlier)
    certain = [one for one in candidates if one.is_certain]
    free = certain or [one for one in candidates if not _belongs_to_another(one, row)]
    rivals = [] if certain else _rivals(row)
    if free and any(state == State.SENDING for state in rivals):
        row.reason = reasons.ANOTHER_ON_WIRE
        _by_policy(row, may_ask=True)
    elif free and not certain and len(free) != len(rivals) + 1:
        row.reason = reasons.SEVERAL_FIT(messages=len(free), tries=len(rivals) + 1)
        _by_policy(row, may_ask=False)
    elif free:
        _take(row, _nearest(free, row))
    elif clock.now() - (row.intent_at or row.created_at) < scaled(TRACE_WINDOW):
        row.reason = reasons.NO_TRACE
        _by_policy(row, may_ask=True)
    elif not fall_back_on_earlier_try(row):
        _move(row, Event.NOT_SENT, reasons.NEVER_TOOK)
        # Now it is known: nobody was reached by that try.
        row.tries.filter(number=row.attempts).update(outcome="refused", code="not-taken", text=row.reason)


def _take(row: Delivery, candidate: Candidate) -> None:
    _move(row, Event.FOUND, "the gateway has it")
    row.gateway_ref = candidate.ref
    row.accepted_at = clock.now()
    row.tries.filter(number=row.attempts).update(gateway_ref=candidate.ref)
    receipt = candidate.receipt
    if receipt is None:
        return
    if receipt.kind is ReceiptKind.DELIVERED:
        _move(row, Event.RECEIPT_DELIVERED, "")
    elif receipt.kind is ReceiptKind.FAILED:
        retry_class = receipt.retry_class or RetryClass.LATER
        refused(row, Refused(retry_class, receipt.code, receipt.text), receipt_event(retry_class))
        # The same news by receipt, later, must find that this try is over.
        row.tries.filter(number=row.attempts).update(
            outcome="refused", retry_class=retry_class.value, code=receipt.code[:60], text=receipt.text[:300]
        )
        if row.state == State.QUEUED:
            fall_back_on_earlier_try(row)


def fall_back_on_earlier_try(row: Delivery) -> bool:
    """Whether the gateway reported an earlier try that it had denied, or that was open. Then nothing is sent again.

    Changes `row`, which stands before its next try; the caller saves it. What becomes of it is that try's news.
    """
    trace = (
        row.tries.filter(outcome="unknown")
        .exclude(gateway_ref=row.gateway_ref)
        .exclude(gateway_ref="")
        .order_by("number")
        .last()
    )
    if trace is None:
        return False
    _move(
        row, Event.RECEIPT_TRACE if row.state == State.QUEUED else Event.FOUND, "the gateway has an earlier try of it"
    )
    row.gateway, row.gateway_ref, row.accepted_at = trace.gateway, trace.gateway_ref, clock.now()
    return True


def _nearest(free: Sequence[Candidate], row: Delivery) -> Candidate:
    """The one that fits best by time. Where there are several, all their tries were taken: any order is true enough."""
    begun = clock.without_offset(row.intent_at or row.created_at)
    return min(free, key=lambda one: abs(one.created_at - begun))


def _rivals(row: Delivery) -> list[str]:
    """States of other deliveries to the same address whose try the gateway's nameless messages may be as well.

    A message found by number and time alone belongs to this try only if no other try is open. They are locked, so that
    two sweepers don't take the same message for two of them.
    """
    same = Q(supporter=row.supporter_id) if row.supporter_id else Q(contact_point__dial_value=address_of(row))
    open_try = Q(state=State.SENDING) | Q(state=State.UNKNOWN, gateway_ref="")
    since = (row.intent_at or row.created_at) - 2 * SLACK
    others = Delivery.objects.filter(same, open_try, channel=row.channel, gateway=row.gateway, intent_at__gte=since)
    return list(
        others.exclude(id=row.id).order_by("id").select_for_update(of=("self",)).values_list("state", flat=True)
    )


def _belongs_to_another(candidate: Candidate, row: Delivery) -> bool:
    # Mail has no look-up; its names are left out of both indexes.
    has_name = Q(gateway_ref=candidate.ref) & ~Q(gateway_ref="") & ~Q(channel=Channel.EMAIL)
    return Delivery.objects.filter(has_name).exclude(id=row.id).exists() or (
        row.tries.model.objects.filter(has_name).exclude(delivery=row).exists()
    )


def _by_policy(row: Delivery, *, may_ask: bool) -> None:
    if not may_ask and row.channel == Channel.EMAIL and not is_current(row.alert):
        # Repeating it would be stale. It stays unknown and counts as reached; the follow-up tells the rest.
        row.due_at = clock.read_database_now() + STOPPED_PAUSE
        return
    match unknown_policy(Channel(row.channel), may_ask=may_ask, repeats=row.repeats):
        case UnknownPolicy.ASK:
            pause = ASK_PAUSES[min(row.questions, len(ASK_PAUSES) - 1)]
            row.due_at = clock.read_database_now() + scaled(pause)
        case UnknownPolicy.REPEAT if not fall_back_on_earlier_try(row):
            row.repeats += 1
            _move(row, Event.REPEAT, reasons.SENT_ANEW)
        case UnknownPolicy.HUMAN:
            ask_a_person(row)


def ask_a_person(row: Delivery) -> None:
    """Nothing a machine can do is left: somebody has to find out."""
    open_task(
        HumanTaskKind.SETTLE_UNKNOWN,
        key=f"unknown:{row.id}:{row.attempts}",
        title=ARRIVED(channel=row.channel, number=row.alert.number, delivery=row.id),
        advice=FIND_OUT(gateway=row.gateway, reference=reference_of(row.id), delivery=row.id),
        alert=row.alert,
        delivery=row,
    )


def _move(row: Delivery, event: Event, reason: str) -> None:
    new = after(State(row.state), event)
    if new is None:
        raise AssertionError(f"{event} is not legal for {row.state}")
    row.state, row.reason = new.value, reason
    if new is State.QUEUED:
        row.due_at = clock.read_database_now()
    if new is State.DELIVERED:
        row.settled_at = clock.read_database_now()
