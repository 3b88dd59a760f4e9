"""When a gateway that does not work is left alone, and when it is tried again.

    closed ─ enough of its own faults ─> open ─ after a pause, one worker ─> tried (a check, then one message)
       ^                                  ^                                    │
       └──────────── it works ────────────┼────────────────────────────────────┤
                                          └──────── still broken: longer ──────┘

Counted are faults of the gateway itself: no connection, no answer, 503. A recipient who is refused says nothing about
it. The state is one row that all workers share; its clock is the database's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from urgentaction.channels.contract import Outcome, Refused, Unknown
from urgentaction.core import clock

from .models import Attempt, GatewayState

log = logging.getLogger(__name__)

#: The latest tries that are looked at: not more than so many, not older than that.
MOST_TRIES, WITHIN = 20, timedelta(minutes=10)
#: It opens when at least so many of them, and at least this share, were the gateway's own faults.
LEAST_FAULTS, SHARE = 3, 0.5
#: How long it is left alone after the first, second … break in a row; the last one repeats.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300))
#: Whoever tries it again has so long; then another worker may.
TRIAL = timedelta(minutes=1)
#: After so many faults in a row within one window the rest of it is given back untried.
IN_A_ROW = 3


def is_fault(outcome: Outcome) -> bool:
    """Whether the gateway itself is to blame: it could not be reached, broke off, or fell silent."""
    return isinstance(outcome, Unknown) or (isinstance(outcome, Refused) and outcome.is_gateway_fault)


def must_open(latest: Sequence[bool]) -> bool:
    """Whether these tries (True: the gateway's fault) are enough to leave it alone."""
    faults = sum(latest)
    return faults >= LEAST_FAULTS and faults >= SHARE * len(latest)


def pause(breaks: int) -> timedelta:
    """How long it is left alone after the first, second … break in a row."""
    return PAUSES[min(max(breaks, 1), len(PAUSES)) - 1]


def is_shut() -> Q:
    """Gateways that must be left alone now; one whose pause is over may be tried."""
    return Q(broken_until__gt=clock.database_now())


def begin_trial(gateway: str) -> bool:
    """Take it upon this worker to try a broken gateway again. False: it is not due, or another worker does."""
    due = GatewayState.objects.filter(name=gateway, broken_since__isnull=False, broken_until__lte=clock.database_now())
    return bool(due.update(broken_until=clock.read_database_now() + TRIAL * settings.BACKOFF_SCALE))


def put_off_trial(gateway: str) -> None:
    """Nothing was there to try it with: whoever comes next may."""
    GatewayState.objects.filter(name=gateway, broken_since__isnull=False).update(broken_until=clock.read_database_now())


def broke(gateway: str, why: str, *, is_trial: bool) -> None:
    """Leave it alone for a while; longer each time a trial fails.

    Several workers that meet the same breakdown count it once.
    """
    state, _ = GatewayState.objects.get_or_create(name=gateway, defaults={"changed_at": clock.now()})
    now = clock.read_database_now()
    breaks = state.breaks + 1 if is_trial else 1
    rows = GatewayState.objects.filter(name=gateway, broken_since__isnull=not is_trial)
    if rows.update(
        broken_since=state.broken_since or now,
        broken_until=now + pause(breaks) * settings.BACKOFF_SCALE,
        broken_why=why[:300],
        breaks=breaks,
    ):
        log.warning("gateway %s does not work (%s); it is left alone, and tried again by itself", gateway, why)


def works_again(gateway: str) -> bool:
    """Close the breaker. True if it was not closed."""
    was_broken = GatewayState.objects.filter(name=gateway, broken_since__isnull=False).update(
        broken_since=None, broken_until=None, broken_why="", breaks=0, mended_at=clock.now()
    )
    if was_broken:
        log.info("gateway %s works again", gateway)
    return bool(was_broken)


def after_tries(gateway: str, outcomes: Sequence[Outcome], *, is_trial: bool) -> None:
    """Draw the conclusion from what a window brought; its tries are written down already."""
    faults = [one for one in outcomes if is_fault(one)]
    if is_trial:
        if not outcomes:
            put_off_trial(gateway)
        elif faults:
            broke(gateway, _why(faults[-1]), is_trial=True)
        else:
            works_again(gateway)
        return
    if faults and must_open(_latest(gateway)):
        broke(gateway, _why(faults[-1]), is_trial=False)


def _latest(gateway: str) -> list[bool]:
    tries = Attempt.objects.filter(gateway=gateway, ended_at__gt=clock.now() - WITHIN)
    mended_at = GatewayState.objects.filter(name=gateway).values_list("mended_at", flat=True).first()
    if mended_at is not None:
        tries = tries.filter(ended_at__gt=mended_at)
    return list(tries.order_by("-ended_at").values_list("is_fault", flat=True)[:MOST_TRIES])


def _why(fault: Outcome) -> str:
    match fault:
        case Refused(_, code, text):
            return f"{code} {text}".strip()
        case Unknown(why):
            return why
    return ""
