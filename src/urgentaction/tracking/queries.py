"""Where every delivery stands, in a handful of queries whatever the size. Reads only."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count as CountOf
from django.db.models import Prefetch, QuerySet

from urgentaction.alerts.models import Alert
from urgentaction.deliveries.gateways import entries
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTask
from urgentaction.deliveries.queries import still_paused
from urgentaction.deliveries.rules import State

from .views import AlertProgress, AttemptView, Count, DeliveryView, GatewayView, Tally, TaskView, short_id

PAGE = 100


def progress(alert: Alert) -> AlertProgress:
    """How far one alert is."""
    return progress_of([alert])[0]


def progress_of(alerts: Iterable[Alert]) -> list[AlertProgress]:
    """How far several are, in their order; one query for all. Their cases should be loaded already."""
    alerts = list(alerts)
    counts: dict[uuid.UUID, list[Count]] = defaultdict(list)
    for row in _counted(alert.id for alert in alerts):
        counts[row[0]].append(Count(*row[1:]))
    return [
        AlertProgress(
            alert=alert.number,
            case=alert.case.reference,
            kind=alert.kind,
            level=alert.level,
            state=alert.state,
            tally=Tally(tuple(counts[alert.id])),
        )
        for alert in alerts
    ]


def totals(alerts: Iterable[Alert]) -> Tally:
    """The counts of several alerts, added up."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for _, role, channel, state, number in _counted(alert.id for alert in alerts):
        sums[role, channel, state] += number
    return Tally(tuple(Count(*key, number) for key, number in sorted(sums.items())))


def _counted(alert_ids: Iterable[uuid.UUID]) -> QuerySet[Delivery, tuple[uuid.UUID, str, str, str, int]]:
    rows: QuerySet[Delivery, tuple[uuid.UUID, str, str, str, int]] = (
        Delivery.objects.filter(alert_id__in=list(alert_ids))
        .values("alert_id", "role", "channel", "state")
        .annotate(number=CountOf("id"))
        .order_by("alert_id", "role", "channel", "state")
        .values_list("alert_id", "role", "channel", "state", "number")
    )
    return rows


def deliveries_of(
    alert: Alert | None,
    *,
    after_id: int = 0,
    limit: int = PAGE,
    role: str | None = None,
    state: str | None = None,
    channel: str | None = None,
) -> list[DeliveryView]:
    """One page of deliveries by ascending id, with all their attempts; two queries.

    Args:
        alert: None: of every alert.
        after_id: the last id of the page before; 0 for the first page.
    """
    wanted = {"alert": alert, "role": role, "state": state, "channel": channel}
    rows = Delivery.objects.filter(id__gt=after_id, **{name: value for name, value in wanted.items() if value})
    return _views(rows.order_by("id")[:limit])


def unknowns(limit: int = PAGE) -> list[DeliveryView]:
    """Deliveries of which nobody can say whether they arrived, the most urgent first."""
    return _views(Delivery.objects.filter(state=State.UNKNOWN.value).order_by("priority", "id")[:limit])


def _views(rows: QuerySet[Delivery]) -> list[DeliveryView]:
    tries = Prefetch("tries", Attempt.objects.order_by("number"))
    # Only what is shown: no supporter's row is fetched, so none can be shown by mistake.
    found = rows.select_related("alert", "official__office").prefetch_related(tries)
    return [_view(row) for row in found]


def _view(row: Delivery) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        alert=row.alert.number,
        recipient=_recipient(row),
        role=row.role,
        channel=row.channel,
        step=row.step,
        state=row.state,
        reason=row.reason,
        attempts=tuple(_attempt(attempt) for attempt in row.tries.all()),
        gateway=row.gateway,
        gateway_ref=row.gateway_ref,
        due_at=row.due_at,
        accepted_at=row.accepted_at,
        settled_at=row.settled_at,
    )


def _recipient(row: Delivery) -> str:
    if row.official is not None:
        return f"{row.official.office} · {row.official}"
    return f"supporter …{short_id(row.supporter_id)}" if row.supporter_id else ""


def _attempt(attempt: Attempt) -> AttemptView:
    return AttemptView(
        n=attempt.number,
        outcome=attempt.outcome,
        retry_class=attempt.retry_class,
        code=attempt.code,
        text=attempt.text,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        gateway_ref=attempt.gateway_ref,
    )


def open_tasks() -> list[TaskView]:
    """What is left for people, the oldest first."""
    return tasks(is_done=False)


def tasks(*, is_done: bool | None = None, alert: Alert | None = None) -> list[TaskView]:
    """Tasks for people, the oldest first; done ones, open ones, or (None) both."""
    rows = HumanTask.objects.select_related("alert").order_by("created_at", "id")
    if is_done is not None:
        rows = rows.filter(done_at__isnull=not is_done)
    if alert is not None:
        rows = rows.filter(alert=alert)
    return [
        TaskView(
            id=row.id,
            kind=row.kind,
            title=row.title,
            advice=row.advice,
            alert=row.alert.number if row.alert else "",
            delivery=row.delivery_id,
            created_at=row.created_at,
            done_at=row.done_at,
            done_by=row.done_by,
            result=row.result,
        )
        for row in rows
    ]


def gateway_states() -> list[GatewayView]:
    """Every configured gateway, used before or not."""
    states = {row.name: row for row in GatewayState.objects.all()}
    shut = set(GatewayState.objects.filter(still_paused()).values_list("name", flat=True))
    waiting = dict(
        Delivery.objects.filter(state=State.QUEUED.value, alert__state="running")
        .values("channel")
        .annotate(number=CountOf("id"))
        .values_list("channel", "number")
    )
    found = []
    for name, entry in sorted(entries().items(), key=lambda one: (one[1].channel, -one[1].weight, one[0])):
        row, is_paused = states.get(name), name in shut
        is_broken = row is not None and row.broken_since is not None
        found.append(
            GatewayView(
                name=name,
                channel=entry.channel.value,
                is_paused=is_paused,
                paused_until=row.paused_until if row and is_paused else None,
                reason=row.reason if row and is_paused else "",
                changed_at=row.changed_at if row else None,
                waiting=waiting.get(entry.channel.value, 0),
                weight=entry.weight,
                is_broken=is_broken,
                broken_since=row.broken_since if row else None,
                broken_until=row.broken_until if row else None,
                broken_why=row.broken_why if row else "",
            )
        )
    return found
