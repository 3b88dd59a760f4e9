"""One look at everything that must live: the database, the broker, the rows. Reads; writes at most a heartbeat.

Nothing here decides what is wrong: that is `diagnosis`. Errors of the database and the broker are what is looked for,
so they come back as values.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, F, Min, OuterRef, Q
from redis.backoff import NoBackoff
from redis.retry import Retry

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.core.enqueue import Queue
from urgentaction.core.errors import UrgentActionError
from urgentaction.deliveries.models import Attempt, Delivery, Heartbeat, HumanTask, HumanTaskKind, Role
from urgentaction.deliveries.people import STALE
from urgentaction.deliveries.rules import State
from urgentaction.receipts.service import unapplied_longer_than
from urgentaction.tracking.queries import gateway_states
from urgentaction.tracking.views import GatewayView

from .observations import (
    BrokerState,
    Code,
    DatabaseState,
    Lane,
    Observations,
    Overdue,
    WaitingAlert,
    WaitingTask,
    Way,
)

log = logging.getLogger(__name__)

#: The watchman's heartbeat among those of the lanes.
WATCH = "watch"
#: Which worker takes from which queue, as `workers.queues` has it (a test compares: no room imports that one).
WORKER_OF: Mapping[Queue, str] = {
    Queue.URGENT: "urgent",
    Queue.BULK: "bulk",
    Queue.RECEIPTS: "receipts",
    Queue.UPKEEP: "urgent",
}
BROKER_SECONDS = 2.0
_MARK = "urgentaction:looked"
#: Past their time by so much, they stand still.
STUCK_START = timedelta(minutes=5)
STUCK_DELIVERY = timedelta(minutes=10)
STUCK_LEASE = timedelta(minutes=2)
STUCK_RECEIPT = timedelta(minutes=2)
STUCK_UNKNOWN = timedelta(minutes=10)
#: A lane in which something was tried within this time moves.
MOVING = timedelta(minutes=5)
MOST_ALERTS = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """What the database shows, or why it shows nothing. `now` is its clock; None if it could not be asked."""

    state: DatabaseState
    now: datetime | None = None
    found: Mapping[str, Any] | None = None
    failure: str = ""  # what kept the rows from being read, besides the state


def patience() -> timedelta:
    """How long a lane may give no sign: its processes may each be busy with one task for half the soft limit."""
    return timedelta(seconds=60 + settings.TASK_SOFT_SECONDS / 2)


def watch_patience() -> timedelta:
    """How long the watchman may give no sign: some looks, and the time that calling somebody may take."""
    return timedelta(seconds=60 + 4 * settings.WATCH_SECONDS)


def look(*, with_work: bool = True) -> Observations:
    """What the doctor and /healthz see.

    Args:
        with_work: also what stands still; a page that anybody may ask for does without these queries.
    """
    rows = look_at_rows(with_work=with_work)
    broker, waiting = look_at_broker()
    return observations(rows, broker, waiting)


def observations(rows: Rows, broker: BrokerState, waiting: Mapping[str, int], **more: Any) -> Observations:
    """Both halves of a look put together; `more` are further fields of Observations."""
    found = dict(rows.found or {})
    silent = found.pop("silent", {})
    lanes = tuple(
        Lane(name=queue.value, worker=worker, silent_for=silent.get(queue.value), waiting=waiting.get(queue.value))
        for queue, worker in WORKER_OF.items()
    )
    return Observations(
        database=rows.state,
        broker=broker,
        patience=patience(),
        watch_patience=watch_patience(),
        watch_silent_for=silent.get(WATCH),
        lanes=lanes if rows.found is not None else (),
        failure=rows.failure,
        **found,
        **more,
    )


def look_at_broker() -> tuple[BrokerState, dict[str, int]]:
    """How the broker is, and how many messages wait in each queue. It is written to: answering is not enough."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_SECONDS,
        socket_connect_timeout=BROKER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        with client:
            client.set(_MARK, "1", ex=60)
            return BrokerState.OK, {queue.value: int(client.llen(queue.value)) for queue in Queue}
    except redis.ResponseError as error:
        log.info("the broker takes no writes (%s)", str(error).partition(" ")[0])
        return BrokerState.REFUSES, {}
    except (redis.RedisError, OSError) as error:
        log.info("the broker does not answer (%s)", type(error).__name__)
        return BrokerState.DOWN, {}


def look_at_rows(*, with_work: bool = True, leaves_heartbeat: bool = False) -> Rows:
    """How the database is, and what its rows show.

    Args:
        leaves_heartbeat: write the watchman's, which also shows whether the database takes writes. Without it that is
            only asked for.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ua_now(), current_setting('transaction_read_only') = 'on'")
            now, is_read_only = cursor.fetchone()
        state = DatabaseState.READ_ONLY if is_read_only else DatabaseState.OK
        if leaves_heartbeat and not is_read_only:
            state = _leave_heartbeat(now)
    except (DatabaseError, InterfaceError) as error:
        log.info("the database can't be looked at (%s)", type(error).__name__)
        return Rows(state_of(error))
    try:
        return Rows(state, now, _found(now, with_work=with_work))
    except (DatabaseError, InterfaceError) as error:
        log.info("the database's rows can't be looked at (%s)", type(error).__name__)
        return Rows(state_of(error), now)
    except UrgentActionError as error:
        log.exception("the rows can't be looked at")
        return Rows(state, now, failure=type(error).__name__)


def state_of(error: Exception) -> DatabaseState:
    """What an error of the database says of it (PostgreSQL's SQLSTATE, appendix A of its manual)."""
    match getattr(error.__cause__, "sqlstate", None):
        case "25006":
            return DatabaseState.READ_ONLY
        case "53100":
            return DatabaseState.FULL
        case "42P01" | "42703" | "42883":  # no such table, column, function
            return DatabaseState.OUTDATED
        case _:
            return DatabaseState.DOWN


def _leave_heartbeat(now: datetime) -> DatabaseState:
    """Write; a database that can't be written to may still be read."""
    try:
        with transaction.atomic():
            Heartbeat.objects.update_or_create(name=WATCH, defaults={"beat_at": now})
    except (DatabaseError, InterfaceError) as error:
        state = state_of(error)
        if state not in {DatabaseState.READ_ONLY, DatabaseState.FULL}:
            raise
        return state
    return DatabaseState.OK


def _found(now: datetime, *, with_work: bool) -> dict[str, Any]:
    """Fields of Observations, and `silent`: heartbeat → its age."""
    silent = {row.name: max(now - row.beat_at, timedelta()) for row in Heartbeat.objects.all()}
    ways = gateway_states()
    found: dict[str, Any] = {"silent": silent, "ways": tuple(_way(one, now) for one in ways)}
    if with_work:
        found |= {
            "alerts": (*_undecided(now), *_not_started(now), *_not_ready(now)),
            "tasks": tuple(_tasks(now)),
            "overdue": tuple(_overdue(now, ways)),
            "leases": Delivery.objects.filter(
                state__in=[State.LEASED, State.SENDING], lease_until__lt=now - STUCK_LEASE
            ).count(),
            "receipts": unapplied_longer_than(STUCK_RECEIPT),
            "unknowns": _unasked(now),
        }
    return found


def _way(one: GatewayView, now: datetime) -> Way:
    begun = one.changed_at if one.is_paused else one.broken_since
    return Way(
        name=one.name,
        channel=one.channel,
        waiting=one.waiting,
        is_paused=one.is_paused,
        ends_by_itself=one.paused_until is not None,
        is_broken=one.is_broken,
        since=max(now - begun, timedelta()) if begun else None,
    )


def _waiting(alert: Alert, code: Code, since: datetime | None, now: datetime) -> WaitingAlert:
    return WaitingAlert(number=alert.number, level=alert.level, code=code, age=now - (since or now))


def _undecided(now: datetime) -> Iterator[WaitingAlert]:
    drafts = Alert.objects.filter(state__in=[AlertState.DRAFT, AlertState.AWAITING_APPROVAL])
    for alert in drafts.order_by("priority", "created_at")[:MOST_ALERTS]:
        yield _waiting(alert, Code.DECISION_LATE, alert.created_at, now)


def _not_started(now: datetime) -> Iterator[WaitingAlert]:
    held = Alert.objects.filter(state=AlertState.HELD, hold_until__lt=now - STUCK_START, fence=F("case__version"))
    for alert in held.order_by("priority", "hold_until")[:MOST_ALERTS]:
        yield _waiting(alert, Code.ALERT_NOT_STARTED, alert.hold_until, now)


def _not_ready(now: datetime) -> Iterator[WaitingAlert]:
    # A follow-up waits for what is in a worker's hands: at most one lease.
    late = now - max(STUCK_START, timedelta(seconds=2 * settings.LEASE_SECONDS))
    unmade = Q(frozen_at=None) | Q(expanded_at=None)
    running = Alert.objects.filter(unmade, state=AlertState.RUNNING, started_at__lt=late, fence=F("case__version"))
    for alert in running.order_by("priority", "started_at")[:MOST_ALERTS]:
        yield _waiting(alert, Code.ALERT_NOT_READY, alert.started_at, now)


def _tasks(now: datetime) -> Iterator[WaitingTask]:
    # A draft that waits is seen as such. A number that has to be looked up wakes nobody: where it was the last way to
    # an official, there is a task to reach them. Nor does a letter that must not be posted any more.
    seen_elsewhere = (HumanTaskKind.DECIDE, HumanTaskKind.REPLACE_CONTACT)
    open_ones = HumanTask.objects.filter(done_at=None).exclude(kind__in=seen_elsewhere).exclude(STALE)
    grouped = open_ones.values("kind", "alert__number", "alert__level").annotate(n=Count("id"), first=Min("created_at"))
    for row in grouped.order_by("first")[:MOST_ALERTS]:
        yield WaitingTask(
            kind=row["kind"],
            alert=row["alert__number"] or "",
            level=row["alert__level"],
            count=row["n"],
            age=now - row["first"],
        )


def _overdue(now: datetime, ways: list[GatewayView]) -> Iterator[Overdue]:
    late = Delivery.objects.filter(
        state=State.QUEUED,
        due_at__lt=now - STUCK_DELIVERY,
        alert__state="running",
        alert__fence=F("alert__case__version"),
    )
    to_officials = ExpressionWrapper(~Q(role=Role.SUPPORTER.value), output_field=BooleanField())
    counted = late.annotate(is_official=to_officials).values("channel", "is_official")
    counted = counted.annotate(n=Count("id"), first=Min("due_at")).order_by("channel", "is_official")
    for row in counted:
        mine = [way for way in ways if way.channel == row["channel"]]
        # Whatever waited behind a closed gateway counts from when that was opened again.
        opened = [way.changed_at for way in mine if not way.is_paused]
        since = row["first"]
        if opened and all(opened):
            since = max(since, min(moment for moment in opened if moment))
        if now - since < STUCK_DELIVERY:
            continue
        is_official = row["is_official"]
        tried = Attempt.objects.filter(gateway__in=[way.name for way in mine], ended_at__gt=now - MOVING)
        yield Overdue(
            channel=row["channel"],
            is_official=is_official,
            count=row["n"],
            age=now - since,
            is_moving=not is_official and tried.filter(delivery__role=Role.SUPPORTER).exists(),
        )


def _unasked(now: datetime) -> int:
    with_a_person = HumanTask.objects.filter(delivery=OuterRef("pk"), kind=HumanTaskKind.SETTLE_UNKNOWN, done_at=None)
    late = Delivery.objects.filter(~Exists(with_a_person), state=State.UNKNOWN, due_at__lt=now - STUCK_UNKNOWN)
    return late.count()


@contextlib.contextmanager
def in_a_hurry() -> Iterator[None]:
    """For connections made inside: a database that does not answer is given up after seconds, not minutes."""
    options = connection.settings_dict["OPTIONS"]
    before = dict(options)
    hurried = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
    options.update(hurried, options=f"{options.get('options', '')} -c statement_timeout=10000".strip())
    try:
        yield
    finally:
        options.clear()
        options.update(before)
