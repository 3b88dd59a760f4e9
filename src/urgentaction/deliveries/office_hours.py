"""When an office can be reached: its hours, its working days, its public holidays. Pure.

An office is open at an instant when the clock on its wall shows a time from `opens` up to, but not including,
`closes`, on one of its working days that is no public holiday. Where that clock is changed (daylight saving), a time
on it may come twice or not at all: it is the wall that counts, so the office opens at whichever instant its clock
first shows a time within its hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: So many days ahead an opening is looked for. The longest holidays (Golden Week, Chinese New Year with its weekends)
#: last a fortnight; what is closed for longer has faulty hours in the directory, and is written to all the same.
LONGEST_SEARCH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeHours:
    """Opening hours by the office's own clock. Without `opens` or `closes` the office takes faxes day and night.

    `workdays` are ISO weekday digits, Monday is 1. Where the weekend is Friday and Saturday they are `12347`.
    """

    time_zone: str
    opens: time | None
    closes: time | None
    workdays: str = "12345"


def _never(_day: date) -> bool:
    return False


def is_open(moment: datetime, hours: OfficeHours, *, is_holiday: Callable[[date], bool] = _never) -> bool:
    """Whether the office is open at this instant (aware)."""
    if hours.opens is None or hours.closes is None or not hours.workdays:
        return True
    local = moment.astimezone(ZoneInfo(hours.time_zone))
    is_workday = str(local.isoweekday()) in hours.workdays and not is_holiday(local.date())
    return is_workday and hours.opens <= local.time() < hours.closes


def next_opening(moment: datetime, hours: OfficeHours, *, is_holiday: Callable[[date], bool] = _never) -> datetime:
    """`moment` itself if the office is open then, else when it opens next: the first instant at which it is open.

    Args:
        moment: aware; the answer is in the same zone.
        is_holiday: whether the office is closed on this day of its own calendar, because of a public holiday.

    Returns:
        `moment` too where no opening is found within `LONGEST_SEARCH` days: a letter must not wait for ever.
    """
    if hours.opens is None or is_open(moment, hours, is_holiday=is_holiday):
        return moment
    zone = ZoneInfo(hours.time_zone)
    first = moment.astimezone(zone).date()
    for days in range(LONGEST_SEARCH + 1):
        day = first + timedelta(days=days)
        if str(day.isoweekday()) not in hours.workdays or is_holiday(day):
            continue
        for instant in sorted(_beginnings(day, hours.opens, zone)):
            if instant > moment and is_open(instant, hours, is_holiday=is_holiday):
                return instant.astimezone(moment.tzinfo)
    return moment


def _beginnings(day: date, opens: time, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants of a day at which an office can begin to be open: its hour, and where its clock is changed."""
    for fold in (0, 1):
        yield datetime.combine(day, opens, zone).replace(fold=fold).astimezone(UTC)
    begins = datetime.combine(day, time(), zone).astimezone(UTC)
    ends = datetime.combine(day + timedelta(days=1), time(), zone).replace(fold=1).astimezone(UTC)
    yield begins
    if begins.astimezone(zone).utcoffset() != ends.astimezone(zone).utcoffset():
        yield _change(begins, ends, zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after `before` at which the zone's offset is that of `after`, to the second."""
    offset = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)
