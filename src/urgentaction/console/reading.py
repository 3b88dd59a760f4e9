"""What several families of pages read: progress, open tasks, names. Writes nothing, decides nothing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from urgentaction.accounts.models import User
from urgentaction.alerts.models import Alert
from urgentaction.deliveries.models import HumanTask
from urgentaction.deliveries.rules import State
from urgentaction.tracking.queries import progress_of
from urgentaction.tracking.views import AlertProgress

PAGE = 100

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


def open_tasks() -> QuerySet[HumanTask]:
    """What is left for people, oldest first."""
    return HumanTask.objects.filter(done_at=None).select_related("alert", "delivery").order_by("created_at")[:PAGE]


def with_progress(alerts: Iterable[Alert]) -> list[Followed]:
    """Alerts with their counts: two queries for all of them."""
    found = list(alerts)
    return [followed(alert, progress) for alert, progress in zip(found, progress_of(found), strict=True)]


def followed(alert: Alert, progress: AlertProgress) -> Followed:
    """An alert with the rows of its counts."""
    rows = {group: ProgressRow(*group) for group in progress.tally.groups()}
    for count in progress.tally.counts:
        rows[count.role, count.channel].counts[_COLUMN_OF[count.state]] += count.deliveries
    return Followed(alert, tuple(rows.values()), progress.counted_at)


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Actors as the audit log has them → what staff read: a user's name, else the entry itself."""
    wanted = {actor for actor in actors if actor}
    ids: dict[str, uuid.UUID] = {}
    for actor in wanted:
        kind, _, rest = actor.partition(":")
        if kind == "user":
            with contextlib.suppress(ValueError):  # written by hand in a standing approval, say
                ids[actor] = uuid.UUID(rest)
    users = User.objects.in_bulk(list(ids.values()))
    return {actor: users[ids[actor]].username if ids.get(actor) in users else actor for actor in wanted}
