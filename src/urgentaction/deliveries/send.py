"""Sending what was claimed: intent, wire, outcome. No transaction is open while a gateway is talked to.

    claim ─> resolve ─> commit `sending` ─> submit ─> commit what the gateway said
      │                                └ a kill here leaves `sending`; the sweeper turns it into `unknown`
      └ what is not begun goes back, its attempt uncounted

Every write after the claim is fenced by lease token and attempt number. A worker that slept past its lease finds that
its rows are not its own any more, and changes nothing.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from urgentaction.channels import registry
from urgentaction.channels.contract import (
    Accepted,
    Channel,
    Gateway,
    Outcome,
    Outgoing,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.interruptions import INTERRUPTIONS

from .claim import Claim, declare_intent, is_open, release, take_back_intent
from .gateways import gateway_for
from .models import Attempt, Delivery, HumanTaskKind
from .outgoing import Unready, Untried, resolve
from .pausing import after_uncounted, is_about_us
from .people import open_task
from .rules import ASK_PAUSES, FINAL, UNCOUNTED, Event, State, after, held_pause, pause_after
from .suppressing import suppress_after

log = logging.getLogger(__name__)


def windows(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    """Cut claims into what may be on the wire together: one fax or SMS, a small window of mail.

    What a kill can leave unknown is at most one window; the alert is looked at again before each.
    """
    mail = [claim for claim in claims if claim.channel is Channel.EMAIL]
    for claim in claims:
        if claim.channel is not Channel.EMAIL:
            yield [claim]
    for start in range(0, len(mail), settings.MAIL_WINDOW):
        yield mail[start : start + settings.MAIL_WINDOW]


def send_claims(claims: Sequence[Claim], *, until: float) -> int:
    """Take claims through the wire, window by window. Returns how many were put to a gateway.

    What was not begun goes back: when the time is over, when its gateway has been paused meanwhile, and when anything
    breaks in (a time limit, a shutdown, a lost database).

    Args:
        until: a moment on `time.monotonic`'s clock, looked at before each window.
    """
    tried = 0
    try:
        for window in windows(claims):
            if time.monotonic() >= until:
                break
            if is_open(window[0].channel):
                tried += send_window(window)
    finally:
        release(claims)
    return tried


def send_window(window: Sequence[Claim]) -> int:
    """Take one window through the wire. Returns how many were put to the gateway.

    Whatever breaks in on the way, what the gateway said until then is written down before it goes on its way.
    """
    crash_point("after_claim")
    gateway = gateway_for(window[0].channel)
    resolved = resolve(window)
    with transaction.atomic():
        set_aside(resolved.untried)
        put_off(resolved.unready)
        going = declare_intent([claim for claim, _ in resolved.ready], gateway=gateway.name)
    ready = [(claim, outgoing) for claim, outgoing in resolved.ready if claim.id in going]
    crash_point("after_intent")
    started = clock.now()
    outcomes: list[Outcome] = []
    try:
        _submit(gateway, [outgoing for _, outgoing in ready], outcomes)
    finally:
        crash_point("after_wire")
        begun = [claim for claim, _ in ready[: len(outcomes) + 1]]
        left = [claim for claim, _ in ready[len(outcomes) + 1 :]]
        # The one in hand when it broke off, if it did: its outcome is missing.
        outcomes.append(Unknown("broken off while it was on the wire; see the worker's log"))
        _write_down(lambda: _settle(begun, outcomes, left, gateway=gateway.name, started=started))
    crash_point("after_record")
    return len(begun)


def _submit(gateway: Gateway, batch: Sequence[Outgoing], outcomes: list[Outcome]) -> None:
    """Put a batch to the gateway, adding each outcome as it comes, in order."""
    try:
        for _, outcome in gateway.submit_many(batch):
            outcomes.append(outcome)
        # A gateway that says too little: nobody knows which of the rest it had begun.
        outcomes += [Unknown("the gateway gave no outcome")] * (len(batch) - len(outcomes))
    except INTERRUPTIONS:
        raise
    except Exception:
        # A bug in an adapter. The worker must go on for everybody else.
        log.exception("gateway %s broke while sending; the delivery in hand is unknown", gateway.name)


def _settle(
    begun: Sequence[Claim], outcomes: Sequence[Outcome], left: Sequence[Claim], *, gateway: str, started: datetime
) -> None:
    with transaction.atomic():
        for claim, outcome in zip(begun, outcomes, strict=False):
            record(claim, outcome, gateway=gateway, started=started)
        take_back_intent(left)


def _write_down(write: Callable[[], None]) -> None:
    """What a gateway said is known nowhere else: where a time limit or a lost lock breaks in, it is written again."""
    try:
        write()
    except BaseException:
        write()
        raise


def set_aside(untried: Iterable[Untried]) -> None:
    """Write down what never touched the wire."""
    for item in untried:
        new = after(State.LEASED, item.event)
        if new is None:
            raise AssertionError(f"{item.event} is not legal for a leased delivery")
        _guarded(item.claim, State.LEASED).update(
            state=new.value,
            reason=item.reason[:200],
            lease_token=None,
            lease_until=None,
            settled_at=clock.database_now(),
        )


def put_off(items: Iterable[Unready]) -> None:
    """Give back what could not be made ready, for a while, and ask for help once per alert and kind of fault."""
    for item in items:
        changed = _guarded(item.claim, State.LEASED).update(
            state=State.QUEUED.value,
            reason=f"can't be made ready: {item.kind}: {item.why}"[:200],
            lease_token=None,
            lease_until=None,
            attempts=F("attempts") - 1,
            due_at=clock.read_database_now() + scaled(held_pause(1)),
        )
        if changed:
            open_task(
                HumanTaskKind.FIX_CONFIGURATION,
                key=f"unready:{item.kind[:60]}:{item.alert.id}",
                title=f"Deliveries of alert {item.alert.number} can't be made ready: {item.kind}",
                advice=(
                    f"Delivery {item.claim.id} was the first. {item.why[:250]} They wait, and are tried again by "
                    "themselves every quarter of an hour."
                ),
                alert=item.alert,
                may_reopen=True,
            )


def record(claim: Claim, outcome: Outcome, *, gateway: str, started: datetime) -> bool:
    """Write down what the gateway said. False if the lease was lost meanwhile: then nothing is written."""
    row = _guarded(claim, State.SENDING).select_for_update().first()
    if row is None:
        log.warning("delivery %d attempt %d: lease lost, outcome not written", claim.id, claim.attempt)
        return False
    match outcome:
        case Accepted(ref):
            row.state, row.gateway_ref, row.reason = State.ACCEPTED, ref, ""
            row.accepted_at = clock.now()
        case Refused():
            refused(row, outcome, event_of(outcome))
            suppress_after(row, outcome)
        case Unknown(why):
            make_unknown(row, why)
    row.lease_token = row.lease_until = None
    row.save()
    write_attempt(row, outcome, gateway=gateway, started=started)
    return True


def event_of(outcome: Refused) -> Event:
    """What a refusal at the wire is, in the words of the table."""
    if outcome.retry_class is RetryClass.OPT_OUT:
        return Event.OPT_OUT
    return Event.REFUSE if outcome.retry_class in FINAL else Event.RETRY


def receipt_event(retry_class: RetryClass) -> Event:
    """What a later failure is, in the words of the table."""
    if retry_class is RetryClass.OPT_OUT:
        return Event.RECEIPT_OPT_OUT
    return Event.RECEIPT_FAILED if retry_class is RetryClass.NEVER else Event.RECEIPT_RETRY


def refused(row: Delivery, outcome: Refused, event: Event) -> None:
    """Work out what follows from a refusal, at the wire or by receipt; changes `row`, the caller saves it.

    A refusal that has used up its tries becomes the final one.
    """
    if outcome.retry_class not in UNCOUNTED:
        row.refusals += 1
    pause = pause_after(
        outcome.retry_class,
        refusals=row.refusals,
        channel=Channel(row.channel),
        priority=row.priority,
        jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        has_deadline=row.expires_at is not None,
        retry_after=outcome.retry_after,
    )
    if outcome.retry_class is RetryClass.FIX_FIRST and not is_about_us(row.gateway, outcome):
        pause = max(held_pause(_times_held(row) + 1), outcome.retry_after or timedelta(0))
    limit = registry.attempt_limit(row.gateway, outcome.code) if row.gateway else None
    if limit is not None and row.refusals >= limit and outcome.retry_class not in UNCOUNTED:
        pause = None  # this code has its own, lower limit
    if pause is None and event in (Event.RETRY, Event.RECEIPT_RETRY):
        event = Event.REFUSE if event is Event.RETRY else Event.RECEIPT_FAILED
    new = after(State(row.state), event)
    if new is None:
        return
    row.state = new.value
    row.retry_class = outcome.retry_class.value
    row.reason = in_words(outcome)
    moment = clock.read_database_now()
    if new is State.QUEUED:
        row.due_at = moment + scaled(pause or timedelta(0))
    else:
        row.settled_at = moment
    if outcome.retry_class in UNCOUNTED:
        after_uncounted(row, outcome)


def _times_held(row: Delivery) -> int:
    """How many earlier tries ended in a refusal that something must be put right for."""
    return row.tries.filter(retry_class=RetryClass.FIX_FIRST).exclude(number=row.attempts).count()


def in_words(outcome: Refused) -> str:
    """Code and text, the code once."""
    is_in_text = outcome.code and outcome.code in outcome.text
    return (outcome.text if is_in_text else f"{outcome.code} {outcome.text}".strip())[:200]


def make_unknown(row: Delivery, why: str) -> None:
    """No answer after the point of no return; asked about soon."""
    row.state, row.reason = State.UNKNOWN.value, why[:200]
    row.questions = 0
    row.due_at = clock.read_database_now() + scaled(ASK_PAUSES[0])


def scaled(pause: timedelta) -> timedelta:
    """A pause, shortened in drills."""
    return pause * settings.BACKOFF_SCALE


def write_attempt(row: Delivery, outcome: Outcome, *, gateway: str, started: datetime) -> None:
    """One row for each try that ended. Writing the same try twice adds nothing."""
    told = {"outcome": type(outcome).__name__.lower()}
    match outcome:
        case Accepted(ref):
            told["gateway_ref"] = ref[:200]
        case Refused(retry_class, code, text):
            told |= {"retry_class": retry_class.value, "code": code[:60], "text": text[:300]}
        case Unknown(why):
            told["text"] = why[:300]
    attempt = Attempt(
        delivery=row, number=row.attempts, gateway=gateway, started_at=started, ended_at=clock.now(), **told
    )
    Attempt.objects.bulk_create([attempt], ignore_conflicts=True)


def _guarded(claim: Claim, state: State) -> QuerySet[Delivery]:
    return Delivery.objects.filter(id=claim.id, lease_token=claim.token, attempts=claim.attempt, state=state.value)
