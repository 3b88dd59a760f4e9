"""The contact points of one official in one alert: which were tried, which comes next, what follows if one fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.core.phrases import Named
from urgentaction.deliveries import cascade
from urgentaction.deliveries.escalate import as_step
from urgentaction.deliveries.expand import plan_of, points_of
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.rules import State
from urgentaction.directory.models import ContactPoint
from urgentaction.triggers.decision import Order


@dataclass(frozen=True, slots=True)
class StepView:
    """One contact point in the order of the plan, as printed. `delivery`: None where it has not been tried."""

    channel: str
    printed: str
    office: str
    is_care_of: bool
    is_dead: bool
    delivery: int | None
    state: str
    is_this: bool = False
    is_next: bool = False


@dataclass(frozen=True, slots=True)
class StepsView:
    """All of them. `ends_with_person`: if this delivery fails, nothing is left to try and a task is made."""

    steps: tuple[StepView, ...]
    ends_with_person: bool = False


def steps_of(row: Delivery) -> StepsView:
    """The steps of the official that `row` is for; none for a supporter. A few queries, whatever the alert's size."""
    plan = plan_of(row.alert).officials
    target = row.alert.targets.select_related("official__office").filter(official=row.official).first()
    if plan is None or target is None:
        return StepsView(())
    siblings = list(
        Delivery.objects.filter(alert_id=row.alert_id, official=row.official)
        .select_related("contact_point__office")
        .order_by("step", "id")
    )
    points = points_of(target, plan)
    home = target.official.office_id
    following = _following(row, row.alert, siblings, list(points), plan.order)
    after_it = points.get(following.point) if following is not None and following.point is not None else None
    shown = [_tried(one, is_this=one.id == row.id, home=home) for one in siblings]
    tried = {one.contact_point_id for one in siblings}
    shown += [_untried(point, home=home, after_it=after_it) for point in points.values() if point.id not in tried]
    return StepsView(tuple(shown), ends_with_person=following is not None and following.point is None)


def _following(
    row: Delivery,
    alert: Alert,
    siblings: Sequence[Delivery],
    points: Sequence[cascade.Point],
    order: Order,
) -> cascade.Next | None:
    """What would follow if this delivery failed now; None where nothing would, or it is over already."""
    if alert.state != AlertState.RUNNING or as_step(row).has_succeeded or State(row.state) in cascade.UNREACHED:
        return None
    steps = [
        replace(as_step(one), state=State.FAILED, is_followed=True) if one.id == row.id else as_step(one)
        for one in siblings
    ]
    return cascade.next_step(points, steps, order)


def _tried(row: Delivery, *, is_this: bool, home: object) -> StepView:
    point = row.contact_point
    return StepView(
        channel=row.channel,
        printed=point.printed_value if point else "",
        office=Named.of(point.office, point.office.names) if point else "",
        is_care_of=point is not None and point.office_id != home,
        is_dead=point is not None and point.health == "dead",
        delivery=row.id,
        state=row.state,
        is_this=is_this,
    )


def _untried(point: ContactPoint, *, home: object, after_it: ContactPoint | None) -> StepView:
    return StepView(
        channel=point.channel,
        printed=point.printed_value,
        office=Named.of(point.office, point.office.names),
        is_care_of=point.office_id != home,
        is_dead=False,
        delivery=None,
        state="",
        is_next=after_it is not None and point.id == after_it.id,
    )
