"""The reads of the first page. Writes nothing, decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.console.reading import Followed, open_tasks, with_progress
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, Heartbeat, HumanTask
from urgentaction.deliveries.rules import State
from urgentaction.incidents.looking import WATCH
from urgentaction.incidents.models import Incident
from urgentaction.incidents.queries import open_incidents
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import gateway_states
from urgentaction.tracking.views import GatewayView

MOST_INCIDENTS = 100
RECENT = 10
#: A heartbeat comes every few seconds; after this long without one, something stands still.
SILENCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Now:
    """Everything on the first page."""

    running: tuple[Followed, ...]
    waiting: tuple[Alert, ...]
    recent: tuple[Alert, ...]
    tasks: tuple[HumanTask, ...]
    gateways: tuple[GatewayView, ...]
    unknowns: int
    receipts_waiting: int
    heartbeat: datetime | None
    incidents: tuple[Incident, ...]
    at: datetime

    @property
    def is_alive(self) -> bool:
        """The workers have given a sign of life lately."""
        return self.heartbeat is not None and self.at - self.heartbeat < SILENCE


def now_page() -> Now:
    """The state of everything at this moment; a fixed number of queries, however much is going on."""
    alerts = Alert.objects.select_related("case", "update")
    over = (AlertState.FINISHED, AlertState.WITHDRAWN, AlertState.REJECTED, AlertState.EXPIRED)
    waiting = (AlertState.DRAFT, AlertState.AWAITING_APPROVAL, AlertState.HELD)
    return Now(
        running=tuple(with_progress(alerts.filter(state=AlertState.RUNNING).order_by("priority", "created_at"))),
        waiting=tuple(alerts.filter(state__in=waiting).order_by("priority", "created_at")),
        recent=tuple(alerts.filter(state__in=over).order_by("-created_at")[:RECENT]),
        tasks=tuple(open_tasks()),
        gateways=tuple(gateway_states()),
        unknowns=Delivery.objects.filter(state=State.UNKNOWN).count(),
        receipts_waiting=Receipt.objects.filter(applied_at=None).count(),
        heartbeat=Heartbeat.objects.exclude(name=WATCH).order_by("-beat_at").values_list("beat_at", flat=True).first(),
        incidents=tuple(open_incidents()[:MOST_INCIDENTS]),
        at=clock.now(),
    )
