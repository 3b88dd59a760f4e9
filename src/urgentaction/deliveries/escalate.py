"""What follows when an official was not reached: the next step of the plan, and in the end a person."""

from __future__ import annotations

from urgentaction.alerts.models import AlertState, AlertTarget
from urgentaction.core import clock
from urgentaction.directory.models import ContactPoint, Health
from urgentaction.directory.queries import usable_contact_points

from .expand import add_step, plan_of
from .models import Delivery, HumanTask, HumanTaskKind, Role
from .people import open_task
from .rules import State

#: How a delivery ends that did not come to the official.
UNREACHED = (State.FAILED, State.EXPIRED)
#: A gateway's answers that say the address itself is dead, not merely that this try failed.
DEAD_CLASSES = frozenset({"never"})


def due_escalations(limit: int = 100) -> list[int]:
    """Deliveries to officials that failed or came too late, and that nobody has followed up."""
    return list(
        Delivery.objects.filter(state__in=UNREACHED, escalated_at=None, role__in=[Role.TO, Role.CC])
        .order_by("priority", "id")
        .values_list("id", flat=True)[:limit]
    )


def escalate(delivery_id: int) -> ContactPoint | HumanTask | None:
    """Follow one failed delivery up, once. Runs in the caller's transaction.

    Returns the contact point tried next, the task made for a person, or None: another step of the same official is
    still under way or has succeeded, or the alert is over.
    """
    row = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("alert", "contact_point", "official")
        .filter(id=delivery_id, state__in=UNREACHED, escalated_at=None)
        .first()
    )
    if row is None:
        return None
    row.escalated_at = clock.now()
    row.save(update_fields=["escalated_at"])
    if row.retry_class in DEAD_CLASSES and row.contact_point is not None:
        ContactPoint.objects.filter(id=row.contact_point.id).update(health=Health.DEAD, health_note=row.reason)
    if row.alert.state != AlertState.RUNNING:
        return None
    target = AlertTarget.objects.select_related("official__office").get(alert=row.alert, official=row.official)
    return _next_step(row, target)


def _next_step(row: Delivery, target: AlertTarget) -> ContactPoint | HumanTask | None:
    plan = plan_of(row.alert).officials
    if plan is None:
        raise AssertionError(f"alert {row.alert_id} has deliveries to officials but no plan for them")
    siblings = Delivery.objects.filter(alert=row.alert, official=target.official)
    tried = set(siblings.values_list("contact_point_id", flat=True))
    channels = plan.to if target.role == "to" else plan.cc
    is_over = row.state == State.EXPIRED  # another number would be too late as well
    for point in () if is_over else usable_contact_points(target.official.office_id, channels):
        # In a parallel plan the other channels are under way already; only the same channel's next number is a step.
        if point.id not in tried:
            add_step(row.alert, target, point, plan, step=row.step + 1)
            return point
    if siblings.exclude(state__in=UNREACHED).exists():
        return None
    return hand_over(target, why=row.reason)


def hand_over(target: AlertTarget, *, why: str) -> HumanTask:
    """The last step of every plan: a person posts the letter or phones the office."""
    official = target.official
    return open_task(
        HumanTaskKind.REACH_OFFICIAL,
        key=f"reach:{target.alert_id}:{official.id}",
        title=f"Reach {official} for alert {target.alert.number}",
        advice=(
            f"Nothing left to try by machine ({why[:120] or 'no contact point on file'}). Post or hand over the "
            "letter, or phone the office and log it; correct the directory; then mark this task as done."
        ),
        alert=target.alert,
    )
