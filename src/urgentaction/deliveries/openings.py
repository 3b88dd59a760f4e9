"""When an official's contact point may be tried: at once, or when the office it belongs to opens.

A supporter's quiet hours are not decided here (`quiet_hours`).
"""

from __future__ import annotations

from datetime import datetime

from urgentaction.alerts.plan import AlertPlan
from urgentaction.channels.contract import Channel
from urgentaction.directory.models import ContactPoint
from urgentaction.directory.queries import holidays_of
from urgentaction.triggers.decision import OfficialPlan

from .cascade import opening_or_now
from .models import Delivery
from .office_hours import OfficeHours, next_opening


def opening_for(row: Delivery, moment: datetime) -> datetime:
    """When this delivery may be tried next, not before `moment` (aware).

    Later than `moment` only for an official on a channel for which the alert's plan keeps to office hours.
    """
    if row.official_id is None or row.contact_point is None:
        return moment
    plan = AlertPlan.from_json(row.alert.plan).officials
    if plan is None:
        return moment
    return opening_of(row.contact_point, moment, plan=plan, deadline=row.expires_at)


def opening_of(point: ContactPoint, moment: datetime, *, plan: OfficialPlan, deadline: datetime | None) -> datetime:
    """When this contact point may be tried, by the hours and holidays of the office it belongs to.

    Args:
        deadline: of the alert. Where the office opens only after it, nothing is won by waiting.
    """
    if Channel(point.channel) not in plan.office_hours:
        return moment
    office = point.office
    hours = OfficeHours(time_zone=office.time_zone, opens=office.opens, closes=office.closes, workdays=office.workdays)
    opening = next_opening(moment, hours, is_holiday=holidays_of(office))
    return opening_or_now(moment, opening, deadline=deadline)
