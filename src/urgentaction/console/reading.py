"""The reads of the console's pages: counts, rows and names. Writes nothing, decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from urgentaction.accounts.models import User
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.core import clock
from urgentaction.core.errors import NotFound
from urgentaction.core.paging import Page, page_of
from urgentaction.deliveries.models import Delivery, Heartbeat, HumanTask
from urgentaction.deliveries.rules import State
from urgentaction.incidents.looking import WATCH
from urgentaction.incidents.models import Incident
from urgentaction.incidents.queries import open_incidents
from urgentaction.letters.models import Letter
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import deliveries_of, gateway_states, progress_of
from urgentaction.tracking.views import DeliveryPage, GatewayView

PAGE = 100
RECENT = 10
RECEIPTS = 50
#: A heartbeat comes every few seconds; after this long without one, something stands still.
SILENCE = timedelta(minutes=1)

#: The columns of a progress table. Every state is in exactly one.
COLUMNS: Mapping[str, tuple[State, ...]] = {
    "waiting": (State.QUEUED, State.LEASED, State.SENDING),
    "accepted": (State.ACCEPTED,),
    "delivered": (State.DELIVERED,),
    "unknown": (State.UNKNOWN,),
    "failed": (State.FAILED,),
    "stopped": (State.WITHDRAWN, State.EXPIRED, State.SUPPRESSED),
}
_COLUMN_OF = {state.value: column for column, states in COLUMNS.items() for state in states}


@dataclass(slots=True)
class ProgressRow:
    """One role on one channel: how many deliveries stand in which column."""

    role: str
    channel: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Followed:
    """An alert with its rows."""

    alert: Alert
    rows: tuple[ProgressRow, ...]
    counted_at: datetime | None = None


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
        incidents=tuple(open_incidents()[:PAGE]),
        at=clock.now(),
    )


def open_tasks() -> QuerySet[HumanTask]:
    """What is left for people, oldest first."""
    return HumanTask.objects.filter(done_at=None).select_related("alert", "delivery").order_by("created_at")[:PAGE]


def with_progress(alerts: Iterable[Alert]) -> list[Followed]:
    """Alerts with their counts: two queries for all of them."""
    found = list(alerts)
    followed = []
    for alert, progress in zip(found, progress_of(found), strict=True):
        rows = {group: ProgressRow(*group) for group in progress.tally.groups()}
        for count in progress.tally.counts:
            rows[count.role, count.channel].counts[_COLUMN_OF[count.state]] += count.deliveries
        followed.append(Followed(alert, tuple(rows.values()), progress.counted_at))
    return followed


def deliveries(alert: Alert, *, after: int = 0, state: str = "", role: str = "") -> DeliveryPage:
    """One page of an alert's deliveries. An `after` that is none of its deliveries counts as not given."""
    is_ours = bool(after) and alert.deliveries.filter(id=after).exists()
    return deliveries_of(alert, after_id=after if is_ours else 0, limit=PAGE, role=role or None, state=state or None)


def receipts_of(alert: Alert) -> QuerySet[Receipt]:
    """The latest receipts of an alert's deliveries; the raw body and the address stay sealed."""
    rows = Receipt.objects.filter(delivery__alert=alert).defer("raw", "address")
    return rows.order_by("-received_at")[:RECEIPTS]


def letters_of(alert: Alert) -> QuerySet[Letter]:
    """An alert's letters without their pages."""
    rows = Letter.objects.filter(alert=alert).defer("pdf", "fax_pdf", "fax_repeat_pdf", "text", "html")
    return rows.select_related("official").order_by("-role", "frozen_at")


def letter_numbered(letter_id: uuid.UUID) -> Letter:
    """One letter with its PDF. Raises NotFound."""
    letter = Letter.objects.select_related("alert__case").filter(id=letter_id).first()
    if letter is None:
        raise NotFound.of("letter", f"there is no letter {letter_id}")
    return letter


def cases(*, after: str = "") -> Page[Case]:
    """One page of cases, those with the latest news first, behind the case called `after` where there is one."""
    before = Case.objects.filter(reference=after).first() if after else None
    return page_of(Case.objects.all(), "-status_as_of", "reference", after=before, limit=PAGE)


def updates_of(case: Case) -> QuerySet[StatusUpdate]:
    """A case's updates, latest first, with the alerts that each made; the sealed note is not read."""
    rows = case.updates.select_related("source").prefetch_related("persons", "alerts").defer("note")
    return rows.order_by("-recorded_at")[:PAGE]


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Actors as the audit log has them → what staff read: a user's name, else the entry itself."""
    wanted = {actor for actor in actors if actor}
    ids: dict[str, uuid.UUID] = {}
    for actor in wanted:
        kind, _, rest = actor.partition(":")
        if kind == "user":
            ids[actor] = uuid.UUID(rest)
    users = User.objects.in_bulk(list(ids.values()))
    return {actor: users[ids[actor]].username if ids.get(actor) in users else actor for actor in wanted}
