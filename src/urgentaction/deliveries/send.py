"""Sending what was claimed: intent, wire, outcome. No transaction is open while a gateway is talked to.

    claim ─> find a way ─> resolve ─> commit `sending` ─> submit ─> commit what the gateway said
      │                                              └ a kill here leaves `sending`; the sweeper turns it into `unknown`
      └ what is not begun goes back, its attempt uncounted

Every write after the claim is fenced by lease token and attempt number (`recording`), and nothing is begun once the
lease is nearly over. So a worker that slept past it neither sends nor writes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import F

from urgentaction.channels.contract import Channel, Outcome, Refused
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point

from . import breaker, pace
from .claim import Claim, declare_intent, release, take_back_intent
from .gateways import gateway_named
from .outgoing import Unready, Untried, ask_for_help, resolve
from .quiet_hours import asleep
from .reasons import WAITS_FOR_DOMAIN, WAITS_FOR_MORNING
from .recording import guarded, is_of_one, record, record_by_itself, scaled
from .rules import THROTTLE_PAUSE, State, after, held_pause
from .ways import Way, find_way, held_back
from .wire import Wire, lease_end

log = logging.getLogger(__name__)


def groups(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    """Claims that may take the same way: of one channel, refused by the same gateway before. Mail comes last."""
    for is_mail in (False, True):
        some = [claim for claim in claims if (claim.channel is Channel.EMAIL) is is_mail]
        for _, same in groupby(some, key=lambda claim: (claim.channel, claim.avoid)):
            yield list(same)


def send_claims(claims: Sequence[Claim], *, until: float) -> int:
    """Take claims through the wire, window by window. Returns how many were put to a gateway.

    What was not begun goes back: when the time is over, when no gateway may carry it just now, and when anything
    breaks in (a time limit, a shutdown, a lost database).

    Args:
        until: a moment on `time.monotonic`'s clock, looked at before each window.
    """
    tried = 0
    try:
        for group in groups(claims):
            channel, avoid, left = group[0].channel, group[0].avoid, group
            while left and time.monotonic() < until:
                way = find_way(channel, wanted=len(left), avoid=avoid)
                if way is None:
                    break
                tried += send_window(left[: way.room], way)
                left = left[way.room :]
    finally:
        crash_point("before_release")
        release(claims)
        crash_point("after_release")
    return tried


def send_window(window: Sequence[Claim], way: Way) -> int:
    """Take one window through the wire. Returns how many were put to the gateway.

    Whatever breaks in on the way, what the gateway said until then is written down before it goes on its way.
    """
    channel = window[0].channel
    crash_point("after_claim", channel=channel)
    gateway = gateway_named(way.entry.name)
    resolved = resolve(window, way.entry)
    addresses = {claim.id: outgoing.to for claim, outgoing in resolved.ready}
    waiting = held_back(way.entry, addresses) if channel is Channel.EMAIL else {}
    sleeping = asleep(list(addresses)) if channel is Channel.SMS else {}
    is_to_wait = waiting.keys() | sleeping.keys()
    with transaction.atomic():
        set_aside(resolved.untried)
        put_off(resolved.unready)
        wait_for_domain((claim, waiting[claim.id]) for claim in window if claim.id in waiting)
        wait_for_morning((claim, sleeping[claim.id]) for claim in window if claim.id in sleeping)
        going = declare_intent(
            [claim for claim, _ in resolved.ready if claim.id not in is_to_wait], gateway=gateway.name
        )
    lease_ends = lease_end()
    ready = [(claim, outgoing) for claim, outgoing in resolved.ready if claim.id in going]
    crash_point("after_intent", channel=channel)
    started = clock.now()
    wire = Wire(gateway.name, channel, lease_ends=lease_ends)
    batch = [outgoing for _, outgoing in ready]
    try:
        wire.take(gateway.submit_many(batch, wire.begin))
    finally:
        crash_point("after_wire", channel=channel)
        results = [(ready[place][0], outcome) for place, outcome in wire.outcomes()]
        left = [claim for place, (claim, _) in enumerate(ready) if place not in wire.begun]
        _write_down(lambda write: _settle(results, left, write, gateway=gateway.name, started=started))
    crash_point("after_record", channel=channel)
    breaker.after_tries(gateway.name, [outcome for _, outcome in results], is_trial=way.is_trial)
    for place, outcome in wire.outcomes():
        if isinstance(outcome, Refused) and outcome.is_about_domain:
            pace.pause_domain(gateway.name, batch[place].to, scaled(outcome.retry_after or THROTTLE_PAUSE))
    return len(results)


def _settle(
    results: Sequence[tuple[Claim, Outcome]],
    left: Sequence[Claim],
    write: Callable[..., bool],
    *,
    gateway: str,
    started: datetime,
) -> None:
    with transaction.atomic():
        for claim, outcome in results:
            write(claim, outcome, gateway=gateway, started=started)
            crash_point("in_record", channel=claim.channel)
        if (given_back := take_back_intent(left)) < len(left):
            log.warning("%d deliveries: lease lost, not given back; nothing of them was begun", len(left) - given_back)


def _write_down(settle: Callable[[Callable[..., bool]], None]) -> None:
    """What a gateway said is known nowhere else: it is written again, where a time limit or a lost lock breaks in, or
    where one outcome breaks what writes it down. Then each is written by itself.
    """
    try:
        settle(record)
    except BaseException as error:
        settle(record_by_itself)
        if not is_of_one(error):
            raise


def set_aside(untried: Iterable[Untried]) -> None:
    """Write down what never touched the wire."""
    for item in untried:
        new = after(State.LEASED, item.event)
        if new is None:
            raise AssertionError(f"{item.event} is not legal for a leased delivery")
        guarded(item.claim, State.LEASED).update(
            state=new.value,
            reason=item.reason[:200],
            lease_token=None,
            lease_until=None,
            settled_at=clock.database_now(),
        )


def put_off(items: Iterable[Unready]) -> None:
    """Give back what could not be made ready, for a while, and ask for help once per alert and kind of fault."""
    for item in items:
        changed = guarded(item.claim, State.LEASED).update(
            state=State.QUEUED.value,
            reason=item.reason,
            lease_token=None,
            lease_until=None,
            attempts=F("attempts") - 1,
            due_at=clock.read_database_now() + scaled(held_pause(1)),
        )
        if changed:
            ask_for_help(item)


def wait_for_domain(claims: Iterable[tuple[Claim, timedelta]]) -> None:
    """Give back mail whose recipient's domain takes no more just now; it is nobody's fault and counts for nothing."""
    for claim, wait in claims:
        _wait(claim, until=clock.read_database_now() + wait, reason=WAITS_FOR_DOMAIN)


def wait_for_morning(claims: Iterable[tuple[Claim, datetime]]) -> None:
    """Give back text messages to people whose quiet hours have begun since; that counts for nothing either."""
    for claim, wakes in claims:
        _wait(claim, until=wakes, reason=WAITS_FOR_MORNING)


def _wait(claim: Claim, *, until: datetime, reason: str) -> None:
    guarded(claim, State.LEASED).update(
        state=State.QUEUED.value,
        reason=reason,
        lease_token=None,
        lease_until=None,
        attempts=F("attempts") - 1,
        due_at=until,
    )
