"""When an office can be reached. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeHours:
    """Opening hours by the office's own clock. Without `opens` or `closes` the office takes faxes day and night.

    `workdays` are ISO weekday digits, Monday is 1.
    """

    time_zone: str
    opens: time | None
    closes: time | None
    workdays: str = "12345"


def next_opening(moment: datetime, hours: OfficeHours) -> datetime:
    """`moment` itself if the office is open then, else when it opens next (aware, same instant scale)."""
    if hours.opens is None or hours.closes is None or not hours.workdays:
        return moment
    zone = ZoneInfo(hours.time_zone)
    local = moment.astimezone(zone)
    for days in range(9):
        day = local.date() + timedelta(days=days)
        if str(day.isoweekday()) not in hours.workdays:
            continue
        opens = datetime.combine(day, hours.opens, zone)
        closes = datetime.combine(day, hours.closes, zone)
        if local < closes:
            return max(moment, opens) if local >= opens else opens.astimezone(moment.tzinfo)
    return moment
