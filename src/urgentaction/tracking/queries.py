"""Where every delivery stands, in a handful of queries whatever the size. Reads only."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Case, Prefetch, QuerySet, When

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.core.errors import InvalidInput, NotFound
from urgentaction.core.paging import Page, page_of
from urgentaction.core.phrases import Named, say
from urgentaction.deliveries.gateways import entries
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTask
from urgentaction.deliveries.queries import OFFICIALS, still_paused
from urgentaction.deliveries.rules import State
from urgentaction.deliveries.tallying import Counts, counts_of

from .views import (
    AlertProgress,
    AttemptView,
    Count,
    DeliveryPage,
    DeliveryView,
    GatewayView,
    Tally,
    TaskPage,
    TaskView,
    short_id,
)

PAGE = 100
_OFFICIALS, _SUPPORTERS = ("official_id", "channel", "contact_point_id", "again"), ("supporter_id", "channel")
_TRIES = Prefetch("tries", Attempt.objects.order_by("number"))


def progress(alert: Alert) -> AlertProgress:
    """How far one alert is."""
    return progress_of([alert])[0]


def progress_of(alerts: Iterable[Alert]) -> list[AlertProgress]:
    """How far several are, in their order; two queries for all. Their cases should be loaded already."""
    alerts = list(alerts)
    counts = counts_of(alerts)
    return [
        AlertProgress(
            alert=alert.number,
            case=alert.case.reference,
            kind=alert.kind,
            level=alert.level,
            state=alert.state,
            tally=_tally(counts[alert.id]),
            counted_at=counts[alert.id].at,
        )
        for alert in alerts
    ]


def totals(alerts: Iterable[Alert]) -> Tally:
    """The counts of several alerts, added up."""
    return added_up(_tally(counts) for counts in counts_of(alerts).values())


def added_up(tallies: Iterable[Tally]) -> Tally:
    """One tally out of several."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for tally in tallies:
        for count in tally.counts:
            sums[count.role, count.channel, count.state] += count.deliveries
    return Tally(tuple(Count(*key, number) for key, number in sorted(sums.items())))


def _tally(counts: Counts) -> Tally:
    return Tally(tuple(Count(*row) for row in counts.rows))


def deliveries_of(
    alert: Alert | None,
    *,
    after_id: int = 0,
    limit: int = PAGE,
    role: str | None = None,
    state: str | None = None,
    channel: str | None = None,
) -> DeliveryPage:
    """One page of deliveries with all their attempts; a handful of queries, whatever its size and place.

    Args:
        alert: then officials come first, each with all their steps, and supporters follow. None: of every alert, in
            the order in which they were made.
        after_id: the last id of the page before; 0 for the first page.

    Raises:
        InvalidInput: no such delivery in this alert to go on after.
    """
    wanted = {"alert": alert, "role": role, "state": state, "channel": channel}
    rows = Delivery.objects.filter(**{name: value for name, value in wanted.items() if value})
    if role:
        rows = rows.filter(official__isnull=role not in OFFICIALS)
    after = _delivery_before(alert, after_id) if after_id else None
    # Only what is shown: no supporter's row is fetched, so none can be shown by mistake.
    rows = rows.prefetch_related(_TRIES)
    if alert is None:
        page = page_of(rows.select_related("alert", "official__office"), "id", after=after, limit=limit)
    else:
        page = _page_of_an_alert(rows, after=after, limit=limit)
        for row in page.items:
            row.alert = alert
    return DeliveryPage(tuple(_view(row) for row in page.items), page.last.id if page.last else None)


def _page_of_an_alert(rows: QuerySet[Delivery], *, after: Delivery | None, limit: int) -> Page[Delivery]:
    """Officials, then supporters; each in the order of the index that keeps them single, so that nothing is sorted."""
    officials: list[Delivery] = []
    if after is None or after.official_id is not None:
        theirs = rows.filter(official__isnull=False).select_related("official__office")
        first = page_of(theirs, *_OFFICIALS, after=after, limit=limit)
        if first.has_more:
            return first
        officials, after = first.items, None
    left = limit - len(officials)
    others = page_of(rows.filter(supporter__isnull=False), *_SUPPORTERS, after=after, limit=max(left, 1))
    if left == 0:
        return Page(officials, has_more=bool(others.items))
    return Page([*officials, *others.items], has_more=others.has_more)


def _delivery_before(alert: Alert | None, after_id: int) -> Delivery:
    found = Delivery.objects.filter(id=after_id, **({"alert": alert} if alert is not None else {})).first()
    if found is None:
        raise InvalidInput.of(
            "after",
            f"there is no delivery {after_id} {'in this alert' if alert else 'yet'}",
        )
    return found


def unknowns(limit: int = PAGE) -> list[DeliveryView]:
    """Deliveries of which nobody can say whether they arrived, the most urgent first."""
    return _views(Delivery.objects.filter(state=State.UNKNOWN.value).order_by("priority", "id")[:limit])


def _views(rows: QuerySet[Delivery]) -> list[DeliveryView]:
    return [_view(row) for row in rows.select_related("alert", "official__office").prefetch_related(_TRIES)]


def _view(row: Delivery) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        alert=row.alert.number,
        recipient=recipient_of(row),
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


def recipient_of(row: Delivery) -> str:
    """An official's office and name, or the end of a supporter's id; "" for one that was erased."""
    if row.official is not None:
        office, official = row.official.office, row.official
        return say(
            "%(office)s · %(official)s",
            office=Named.of(office, office.names),
            official=Named.of(official, official.names),
        )
    return say("supporter …%(id)s", id=short_id(row.supporter_id)) if row.supporter_id else ""


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
    """What is left for people, the oldest first; one page."""
    return list(tasks(is_done=False).items)


def tasks(
    *,
    is_done: bool | None = None,
    alert: Alert | None = None,
    after_id: uuid.UUID | None = None,
    limit: int = PAGE,
) -> TaskPage:
    """Tasks for people, the oldest first; done ones, open ones, or (None) both.

    Args:
        after_id: the last one of the page before.

    Raises:
        NotFound: there is no task to go on after.
    """
    rows = HumanTask.objects.select_related("alert")
    if is_done is not None:
        rows = rows.filter(done_at__isnull=not is_done)
    if alert is not None:
        rows = rows.filter(alert=alert)
    after = HumanTask.objects.filter(id=after_id).first() if after_id else None
    if after_id and after is None:
        raise NotFound.of("after", f"there is no task {after_id}")
    page = page_of(rows, "created_at", "id", after=after, limit=limit)
    return TaskPage(tuple(_task(row) for row in page.items), page.last.id if page.last else None)


def _task(row: HumanTask) -> TaskView:
    return TaskView(
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


def gateway_states(running: Tally | None = None) -> list[GatewayView]:
    """Every configured gateway, used before or not.

    Args:
        running: the counts of all running alerts, where they are at hand; else they are looked up.
    """
    rows = GatewayState.objects.annotate(is_shut=Case(When(still_paused(), then=True), default=False))
    states = {row.name: row for row in rows}
    shut = {row.name for row in states.values() if row.is_shut}
    if running is None:
        running = totals(Alert.objects.filter(state=AlertState.RUNNING).defer("plan"))
    running = running.of(state=State.QUEUED)
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
                waiting=running.of(channel=entry.channel).total,
                weight=entry.weight,
                is_broken=is_broken,
                broken_since=row.broken_since if row else None,
                broken_until=row.broken_until if row else None,
                broken_why=row.broken_why if row else "",
            )
        )
    return found
