"""The reads of the first page. Writes nothing, decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from urgentaction.alerts.deciding import UNDECIDED, Hindrance, hindrance, unhindered
from urgentaction.alerts.models import Alert, AlertState, Approval
from urgentaction.console.reading import Followed, followed
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, Heartbeat, HumanTask
from urgentaction.deliveries.rules import State
from urgentaction.incidents.looking import WATCH
from urgentaction.incidents.models import Incident
from urgentaction.incidents.queries import open_incidents
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import added_up, gateway_states, progress_of
from urgentaction.tracking.views import GatewayView, Tally

#: So many of each are shown; the lists behind them hold the rest.
MOST_ALERTS, MOST_TASKS, MOST_INCIDENTS, RECENT = 20, 12, 20, 10
#: Counted so far and no further: beyond it the number only says that something is very wrong.
MOST_COUNTED = 10_000
#: A gateway's latest success is looked for among so many of its latest tries.
LOOKED_BACK = 200
#: A heartbeat comes every few seconds; after this long without one, something stands still.
SILENCE = timedelta(minutes=1)
OVER = (AlertState.FINISHED, AlertState.WITHDRAWN, AlertState.REJECTED, AlertState.EXPIRED)

_LAST_SUCCESSES = """
SELECT name, (SELECT latest.ended_at FROM (
        SELECT ended_at, outcome FROM deliveries_attempt WHERE gateway = name ORDER BY ended_at DESC LIMIT %(most)s
    ) latest WHERE latest.outcome = 'accepted' LIMIT 1)
FROM unnest(%(names)s::text[]) name
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that waits.

    `may_decide`: a yes of the viewer would count now; `why_not`: what stands against it, role apart; `yes`: how many
    have said so.
    """

    alert: Alert
    is_undecided: bool
    may_decide: bool
    why_not: Hindrance | None
    has_decided: bool
    yes: int


@dataclass(frozen=True, slots=True)
class Health:
    """A gateway and when it last took something."""

    gateway: GatewayView
    last_success: datetime | None


@dataclass(frozen=True, slots=True)
class Now:
    """Everything on the first page. Of what runs and what waits the most urgent are shown, and all are counted.

    `mine`: so many of those that wait are for the viewer to decide on.
    """

    running: tuple[Followed, ...]
    running_all: int
    waiting: tuple[Waiting, ...]
    waiting_all: int
    mine: int
    recent: tuple[Alert, ...]
    tasks: tuple[HumanTask, ...]
    tasks_open: int
    gateways: tuple[Health, ...]
    unknowns: int
    receipts_waiting: int
    receipts_since: datetime | None
    heartbeat: datetime | None
    incidents: tuple[Incident, ...]
    at: datetime

    @property
    def is_alive(self) -> bool:
        """The workers have given a sign of life lately."""
        return self.heartbeat is not None and self.at - self.heartbeat < SILENCE


def now_page(*, viewer: str, is_approver: bool) -> Now:
    """The state of everything at this moment; a fixed number of queries, however much is going on.

    Args:
        viewer: as the audit log names people.
    """
    alerts = Alert.objects.select_related("case").defer("plan", "case__subjects")
    running = list(alerts.filter(state=AlertState.RUNNING).order_by("priority", "created_at"))
    progress = progress_of(running)  # of all of them: what they still hold is what waits for the gateways
    waiting_all, mine = _counted(viewer=viewer, is_approver=is_approver)
    pending = Receipt.objects.filter(applied_at=None)
    tasks = HumanTask.objects.filter(done_at=None)
    return Now(
        running=tuple(followed(*one) for one in zip(running[:MOST_ALERTS], progress[:MOST_ALERTS], strict=True)),
        running_all=len(running),
        waiting=_waiting(alerts, viewer=viewer, is_approver=is_approver),
        waiting_all=waiting_all,
        mine=mine,
        recent=_latest(alerts),
        tasks=tuple(
            tasks.select_related("alert__case")
            .defer("alert__plan")
            .order_by("priority", F("due_at").asc(nulls_last=True), "id")[:MOST_TASKS]
        ),
        tasks_open=tasks[:MOST_COUNTED].count(),
        gateways=_health(added_up(one.tally for one in progress)),
        unknowns=unknowns_so_far(),
        receipts_waiting=pending.order_by("received_at").values("received_at")[:MOST_COUNTED].count(),
        receipts_since=pending.order_by("received_at").values_list("received_at", flat=True).first(),
        heartbeat=Heartbeat.objects.exclude(name=WATCH).order_by("-beat_at").values_list("beat_at", flat=True).first(),
        incidents=tuple(open_incidents()[:MOST_INCIDENTS]),
        at=clock.now(),
    )


def unknowns_so_far() -> int:
    """How many deliveries are unknown, up to MOST_COUNTED; the order has the index alone read (`delivery_unknown`)."""
    rows = Delivery.objects.filter(state=State.UNKNOWN.value)
    return rows.order_by("due_at").values("due_at")[:MOST_COUNTED].count()


def _latest(alerts: QuerySet[Alert]) -> tuple[Alert, ...]:
    """The latest alerts that are over: of each state its latest, since no index orders those of several states."""
    ids = Alert.objects.order_by("-created_at").values_list("id", flat=True)
    first, *others = (ids.filter(state=state)[:RECENT] for state in OVER)
    return tuple(alerts.filter(id__in=list(first.union(*others, all=True))).order_by("-created_at")[:RECENT])


def _counted(*, viewer: str, is_approver: bool) -> tuple[int, int]:
    """How many alerts wait to start, and how many of them the viewer can decide on: see `_waiting`."""
    given = Approval.objects.filter(alert=OuterRef("pk"), by=viewer, revoked_at=None)
    theirs = Count("id", filter=Q(unhindered(by=viewer), ~Exists(given)))
    found = Alert.objects.filter(state__in=(*UNDECIDED, AlertState.HELD)).aggregate(all=Count("id"), theirs=theirs)
    return found["all"], found["theirs"] if is_approver else 0


def _waiting(alerts: QuerySet[Alert], *, viewer: str, is_approver: bool) -> tuple[Waiting, ...]:
    """What waits for a decision or the end of its hold, the most urgent first, and whether the viewer can decide."""
    rows = alerts.defer(None).defer("case__subjects").filter(state__in=(*UNDECIDED, AlertState.HELD))
    rows = rows.select_related("update").prefetch_related("approvals", "targets")
    found = []
    for alert in rows.order_by("priority", "created_at")[:MOST_ALERTS]:
        given = [one for one in alert.approvals.all() if one.revoked_at is None]
        is_undecided = alert.state in UNDECIDED
        has_decided = any(one.by == viewer for one in given)
        why_not = hindrance(alert, by=viewer)
        found.append(
            Waiting(
                alert=alert,
                is_undecided=is_undecided,
                may_decide=is_approver and why_not is None and not has_decided,
                why_not=why_not,
                has_decided=has_decided,
                yes=sum(one.is_yes for one in given),
            )
        )
    return tuple(found)


def _health(running: Tally) -> tuple[Health, ...]:
    """Every gateway with when it last took something: each looked up among its own latest tries by their index."""
    states = gateway_states(running)
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SUCCESSES, {"names": [one.name for one in states], "most": LOOKED_BACK})
        last = dict(cursor.fetchall())
    return tuple(Health(one, last[one.name]) for one in states)
