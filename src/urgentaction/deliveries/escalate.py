"""What follows when an official was not reached in time: the next step of the plan, and in the end a person.

The order of the steps is in `cascade` (pure); here it is asked about the rows and acted upon. Each follow-up happens
once, whoever meets it first: the delivery is locked, then its official's place in the alert, so that two sweepers never
begin two steps for one failure.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from django.db.models import Exists, OuterRef, QuerySet

from urgentaction.alerts.models import AlertState, AlertTarget
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.phrases import Phrase
from urgentaction.directory.kinds import Health
from urgentaction.directory.models import ContactPoint

from . import cascade
from .cascade import UNREACHED
from .contact_points import ask_for_replacement
from .expand import add_step, plan_of, points_of
from .models import Delivery, HumanTask, HumanTaskKind
from .people import close_tasks_of, open_task
from .queries import OFFICIALS, late, unreached
from .reasons import ARRIVED_AFTER_ALL, NEXT_STEP
from .rules import State

#: A gateway's answers that say the address itself is dead, not merely that this try failed.
DEAD_CLASSES = frozenset({"never"})
_KEY = "reach:"
REACH = Phrase("Reach %(official)s for alert %(number)s")
BY_HAND = Phrase(
    "Nothing left to try by machine (%(why)s). Post or hand over the letter, or phone the office and log it; correct "
    "the directory; then mark this task as done."
)
NO_POINT = Phrase("no contact point on file")
NO_PLANNED = Phrase("no contact point on file for the planned channels")


def due_escalations(limit: int = 100) -> list[int]:
    """Deliveries to officials that something follows from and nobody has seen to, the most urgent first.

    They failed or came too late; or are past their step's deadline without success; or are unknown and a person has
    been asked; or they arrived, and a person is still asked to reach the official.
    """
    found = {pair for rows in _due() for pair in rows.order_by("priority", "id").values_list("priority", "id")[:limit]}
    return [delivery_id for _, delivery_id in sorted(found)][:limit]


def _due() -> Iterator[QuerySet[Delivery]]:
    # One statement for each, because an index serves each of them and none serves all.
    running = Delivery.objects.filter(alert__state=AlertState.RUNNING)
    yield Delivery.objects.filter(unreached())
    yield running.filter(late())
    asked = HumanTask.objects.filter(delivery=OuterRef("pk"), kind=HumanTaskKind.SETTLE_UNKNOWN, done_at=None)
    yield running.filter(Exists(asked), role__in=OFFICIALS, state=State.UNKNOWN.value, escalated_at=None)
    yield _arrived_after_all()


def _arrived_after_all() -> QuerySet[Delivery]:
    """Deliveries that arrived although a person was asked to reach their official, and still is."""
    tasks = HumanTask.objects.filter(kind=HumanTaskKind.REACH_OFFICIAL, done_at=None, key__startswith=_KEY)
    keys = dict(tasks.values_list("key", "alert_id"))
    if not keys:
        return Delivery.objects.none()
    rows = Delivery.objects.filter(alert_id__in=set(keys.values()), role__in=OFFICIALS, state=State.DELIVERED.value)
    fit = [row[0] for row in rows.values_list("id", "alert_id", "official_id") if _key(row[1], row[2]) in keys]
    return Delivery.objects.filter(id__in=fit)


def escalate(delivery_id: int) -> ContactPoint | HumanTask | None:
    """Follow one delivery up, once. Runs in the caller's transaction.

    Returns:
        The contact point tried next; the task made for a person, or closed because the official was reached after all;
        or None: another step of the same official is still under way or has succeeded, or the alert was stopped.
    """
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("alert", "contact_point", "official")
    row = rows.filter(id=delivery_id).first()
    if row is None or not any(due.filter(id=row.id).exists() for due in _due()):
        return None
    if row.state == State.DELIVERED:
        return _close_task(row)
    if row.state not in UNREACHED and not row.reason:
        row.reason = NEXT_STEP
    row.escalated_at = clock.read_database_now()
    row.save(update_fields=["escalated_at", "reason"])
    crash_point("in_escalation", channel=row.channel)
    if row.state == State.FAILED and row.retry_class in DEAD_CLASSES and row.contact_point is not None:
        _is_dead(row.contact_point, row.reason)
    if row.alert.state not in (AlertState.RUNNING, AlertState.FINISHED):
        return None
    targets = AlertTarget.objects.select_for_update(of=("self",)).select_related("official__office")
    return _follow(row, targets.get(alert=row.alert, official=row.official))


def _is_dead(point: ContactPoint, reason: str) -> None:
    """Nobody tries it any more, and somebody is asked to find the one that is right now; once, however many failed."""
    living = ContactPoint.objects.filter(id=point.id).exclude(health=Health.DEAD)
    if living.update(health=Health.DEAD, health_note=reason):
        ask_for_replacement(point, why=reason)


def _follow(row: Delivery, target: AlertTarget) -> ContactPoint | HumanTask | None:
    alert = row.alert
    plan = plan_of(alert).officials
    if plan is None:
        raise AssertionError(f"alert {row.alert_id} has deliveries to officials but no plan for them")
    siblings = list(
        Delivery.objects.filter(alert=alert, official=target.official)
        .select_related("contact_point__office")
        .order_by("id")
    )
    points = points_of(target, plan)
    # Nothing of a finished alert is claimed any more: a mail that bounces after that is for a person.
    is_over = row.state == State.EXPIRED or alert.state == AlertState.FINISHED
    is_over |= alert.deadline_at is not None and alert.deadline_at <= clock.read_database_now()
    following = cascade.next_step(list(points), [as_step(one) for one in siblings], plan.order, is_over=is_over)
    if following is None:
        return None
    if following.point is None:
        return hand_over(target, why=_what_was_tried(siblings, target))
    add_step(alert, target, points[following.point], plan, step=row.step + 1)
    return points[following.point]


def as_step(row: Delivery) -> cascade.Step:
    """A delivery to an official, its contact point loaded, as the order of steps sees it."""
    return cascade.Step(
        point_id=row.contact_point_id,
        channel=Channel(row.channel),
        address=row.contact_point.dial_value if row.contact_point else "",
        state=State(row.state),
        is_followed=row.escalated_at is not None,
    )


def _what_was_tried(siblings: Iterable[Delivery], target: AlertTarget) -> str:
    """Each step with what became of it, short: there is little room in a task."""
    said = []
    for row in siblings:
        point = row.contact_point
        way = f"{row.channel} c/o mission" if point and point.office_id != target.official.office_id else row.channel
        said.append(f"{way}: {(row.reason or row.state)[:60]}")
    return "; ".join(said)


def hand_over(target: AlertTarget, *, why: str) -> HumanTask:
    """The last step of every plan: a person posts the letter or phones the office."""
    official = target.official
    return open_task(
        HumanTaskKind.REACH_OFFICIAL,
        key=_key(target.alert_id, official.id),
        title=REACH(official=official, number=target.alert.number),
        advice=BY_HAND(why=why[:230] or NO_POINT()),
        alert=target.alert,
    )


def _key(alert_id: uuid.UUID, official_id: uuid.UUID | None) -> str:
    return f"{_KEY}{alert_id}:{official_id}"


def official_of(task: HumanTask) -> uuid.UUID | None:
    """The official that a task asks somebody to reach; None for tasks of another kind."""
    if task.kind != HumanTaskKind.REACH_OFFICIAL or not task.key.startswith(_KEY):
        return None
    return uuid.UUID(task.key.rpartition(":")[2])


def _close_task(row: Delivery) -> HumanTask | None:
    """The official was reached after all: nobody needs to post the letter any more.

    A receipt closes it by itself; what a gateway was asked or a person found out is met here.
    """
    task = HumanTask.objects.filter(key=_key(row.alert_id, row.official_id), done_at=None).first()
    closed = close_tasks_of(row, HumanTaskKind.REACH_OFFICIAL, result=ARRIVED_AFTER_ALL(delivery=row.id))
    return task if closed else None
