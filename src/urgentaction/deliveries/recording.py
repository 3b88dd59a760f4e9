"""Writing down what a gateway said of a try, and what follows from a refusal.

Every write is fenced by lease token and attempt number: a worker that slept past its lease changes nothing.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from urgentaction.channels import registry
from urgentaction.channels.contract import Accepted, Channel, Outcome, Refused, RetryClass, Unknown
from urgentaction.core import clock
from urgentaction.core.interruptions import INTERRUPTIONS

from . import breaker
from .claim import Claim
from .gateways import kind_of
from .models import Attempt, Delivery
from .openings import opening_for
from .pausing import after_uncounted, is_about_us
from .rules import ASK_PAUSES, FINAL, UNCOUNTED, Event, State, after, held_pause, may_fail_over, pause_after
from .suppressing import suppress_after
from .ways import open_entries
from .wire import BROKEN_OFF

log = logging.getLogger(__name__)

#: What stands in the place of an outcome that broke what should have written it down. Not the gateway's fault either.
UNWRITTEN = Unknown("what the gateway said could not be written down; see the worker's log")
#: A value that the database won't take (DataError) is about one row; `outgoing.NOT_THIS_ROWS` is for reading only.
_NOT_THIS_ONES: tuple[type[Exception], ...] = (*INTERRUPTIONS, OperationalError, InterfaceError)


def record(claim: Claim, outcome: Outcome, *, gateway: str, started: datetime) -> bool:
    """Write down what the gateway said. False if the lease was lost meanwhile: then nothing is written."""
    row = guarded(claim, State.SENDING).select_for_update().first()
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


def record_by_itself(claim: Claim, outcome: Outcome, *, gateway: str, started: datetime) -> bool:
    """`record`, so that one that breaks takes no other with it: it becomes an unknown. In the caller's transaction."""
    try:
        with transaction.atomic():
            return record(claim, outcome, gateway=gateway, started=started)
    except Exception as error:
        if not is_of_one(error):
            raise
        log.exception("delivery %d attempt %d: outcome could not be written down", claim.id, claim.attempt)
        return record(claim, UNWRITTEN, gateway=gateway, started=started)


def is_of_one(error: BaseException) -> bool:
    """Whether an error while writing down is about one row, and not an interruption or a fault of the database."""
    return isinstance(error, Exception) and not isinstance(error, _NOT_THIS_ONES)


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

    A refusal that has used up its tries becomes the final one. One that another gateway may not share is tried there
    at once; neither that nor a gateway's own fault is counted against the recipient.
    """
    is_final = outcome.retry_class in FINAL
    fails_over = not is_final and not outcome.is_about_domain and _fails_over(row, outcome.retry_class)
    is_counted = outcome.retry_class not in UNCOUNTED and not outcome.is_gateway_fault and not fails_over
    if is_counted:
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
    kind = kind_of(row.gateway)
    limit = registry.attempt_limit(kind, outcome.code) if kind else None
    if limit is not None and is_counted and row.refusals >= limit:
        pause = None  # this code has its own, lower limit
    if fails_over:
        pause = timedelta(0)
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
        row.due_at = opening_for(row, moment + scaled(pause or timedelta(0)))
    else:
        row.settled_at = moment
    if outcome.retry_class in UNCOUNTED:
        after_uncounted(row, outcome)


def _fails_over(row: Delivery, retry_class: RetryClass) -> bool:
    others = [entry for entry in open_entries(Channel(row.channel)) if entry.name != row.gateway]
    return may_fail_over(retry_class, attempts=row.attempts, others=len(others))


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
        delivery=row,
        number=row.attempts,
        gateway=gateway,
        channel=row.channel,
        started_at=started,
        ended_at=clock.now(),
        is_fault=outcome is not BROKEN_OFF and outcome is not UNWRITTEN and breaker.is_fault(outcome),
        **told,
    )
    Attempt.objects.bulk_create([attempt], ignore_conflicts=True)


def guarded(claim: Claim, state: State) -> QuerySet[Delivery]:
    """The claim's row, as long as it is still the claim's and stands where it should."""
    return Delivery.objects.filter(id=claim.id, lease_token=claim.token, attempts=claim.attempt, state=state.value)
