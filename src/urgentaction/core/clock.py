"""What time it is, in one place.

Leases, retries and deadlines are compared inside the database (`ua_now()`, `database_now`), because the clocks of
several hosts differ; Python asks `now()` only for what is printed or signed. Outside live mode both can be moved by
the same offset (`URGENTACTION_CLOCK_OFFSET_SECONDS`), which is how a day of outage is tested in seconds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import DateTimeField, Func


def now() -> datetime:
    """This host's time, UTC, moved by the configured offset."""
    return datetime.now(UTC) + timedelta(seconds=settings.CLOCK_OFFSET_SECONDS)


def today(time_zone: str) -> date:
    """The calendar day in `time_zone` (an IANA name)."""
    return now().astimezone(ZoneInfo(time_zone)).date()


def without_offset(moment: datetime) -> datetime:
    """One of our moments as the rest of the world counts it: what a gateway is asked about."""
    return moment - timedelta(seconds=settings.CLOCK_OFFSET_SECONDS)


def database_now() -> Func:
    """An expression for the database's time; the only clock that leases and retries are measured by."""
    return Func(function="ua_now", output_field=DateTimeField())


def read_database_now() -> datetime:
    """The database's time, fetched (one round trip)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ua_now()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment
