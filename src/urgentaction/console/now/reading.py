"""The reads of the first page. Writes nothing, decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max, QuerySet

from urgentaction.alerts.deciding import UNDECIDED, Hindrance, hindrance
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.console.reading import Followed, with_progress
from urgentaction.core import clock
from urgentaction.deliveries.models import Attempt, Delivery, Heartbeat, HumanTask
from urgentaction.deliveries.rules import State
from urgentaction.incidents.looking import WATCH
from urgentaction.incidents.models import Incident
from urgentaction.incidents.queries import open_incidents
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import gateway_states
from urgentaction.tracking.views import GatewayView

#: So many of each are shown; the lists behind them hold the rest.
MOST_ALERTS, MOST_TASKS, MOST_INCIDENTS, RECENT = 50, 12, 20, 10
#: Counted so far and no further: beyond it the number only says that something is very wrong.
MOST_COUNTED = 10_000
#: A gateway's latest success is looked for among so many of its latest tries.
LOOKED_BACK = 200
#: A heartbeat comes every few seconds; after this long without one, something stands still.
SILENCE = timedelta(minutes=1)


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
    """Everything on the first page."""

    running: tuple[Followed, ...]
    waiting: tuple[Waiting, ...]
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

    @property
    def mine(self) -> int:
        """Alerts that the viewer can decide on."""
        return sum(one.may_decide for one in self.waiting)


def now_page(*, viewer: str, is_approver: bool) -> Now:
    """The state of everything at this moment; a fixed number of queries, however much is going on.

    Args:
        viewer: as the audit log names people.
    """
    alerts = Alert.objects.select_related("case")
    over = (AlertState.FINISHED, AlertState.WITHDRAWN, AlertState.REJECTED, AlertState.EXPIRED)
    running = alerts.filter(state=AlertState.RUNNING).order_by("priority", "created_at")[:MOST_ALERTS]
    pending = Receipt.objects.filter(applied_at=None)
    tasks = HumanTask.objects.filter(done_at=None)
    return Now(
        running=tuple(with_progress(running)),
        waiting=_waiting(alerts, viewer=viewer, is_approver=is_approver),
        recent=tuple(_latest(alerts, over)),
        tasks=tuple(
            tasks.select_related("alert__case").order_by("priority", F("due_at").asc(nulls_last=True), "id")[
                :MOST_TASKS
            ]
        ),
        tasks_open=tasks[:MOST_COUNTED].count(),
        gateways=_health(),
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


def _latest(alerts: QuerySet[Alert], states: tuple[AlertState, ...]) -> list[Alert]:
    """The latest alerts in these states: from each the latest by its index, since one for all of them is not there."""
    found = [alert for state in states for alert in alerts.filter(state=state).order_by("-created_at")[:RECENT]]
    return sorted(found, key=lambda alert: alert.created_at, reverse=True)[:RECENT]


def _waiting(alerts: QuerySet[Alert], *, viewer: str, is_approver: bool) -> tuple[Waiting, ...]:
    """What waits for a decision or the end of its hold, the most urgent first, and whether the viewer can decide."""
    rows = alerts.filter(state__in=(*UNDECIDED, AlertState.HELD)).select_related("update").prefetch_related("approvals")
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


def _health() -> tuple[Health, ...]:
    """Every gateway with when it last took something: each looked up among its own latest tries by their index."""
    return tuple(Health(gateway, _last_success(gateway.name)) for gateway in gateway_states())


def _last_success(gateway: str) -> datetime | None:
    latest = Attempt.objects.filter(gateway=gateway).order_by("-ended_at")[:LOOKED_BACK]
    found: datetime | None = Attempt.objects.filter(pk__in=latest.values("pk"), outcome="accepted").aggregate(
        last=Max("ended_at")
    )["last"]
    return found
