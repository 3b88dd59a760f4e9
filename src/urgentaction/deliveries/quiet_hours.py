"""When a supporter's text message may be sent: at once, or when their quiet hours end, by their own clock.

Asked when rows are made, for all of a page by one statement, and again just before the wire: a message waits for
gateways and tries, and people choose other hours. Office hours are not decided here (`openings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

#: An expression over a supporter `s`: when what is sent by {channel} may go. Hours may span midnight. A zone that the
#: database does not know counts as UTC.
AFTER_QUIET_HOURS = """
CASE WHEN {channel} <> 'sms' OR s.quiet_from IS NULL OR s.quiet_until IS NULL
       OR ({overrides} AND s.may_override_quiet_hours) THEN (SELECT ua_now())
     WHEN s.quiet_from <= s.quiet_until AND (ua_now() AT TIME ZONE ua_zone(s.time_zone))::time >= s.quiet_from
          AND (ua_now() AT TIME ZONE ua_zone(s.time_zone))::time < s.quiet_until
       THEN ((ua_now() AT TIME ZONE ua_zone(s.time_zone))::date + s.quiet_until) AT TIME ZONE ua_zone(s.time_zone)
     WHEN s.quiet_from > s.quiet_until AND (ua_now() AT TIME ZONE ua_zone(s.time_zone))::time >= s.quiet_from
       THEN ((ua_now() AT TIME ZONE ua_zone(s.time_zone))::date + 1 + s.quiet_until) AT TIME ZONE ua_zone(s.time_zone)
     WHEN s.quiet_from > s.quiet_until AND (ua_now() AT TIME ZONE ua_zone(s.time_zone))::time < s.quiet_until
       THEN ((ua_now() AT TIME ZONE ua_zone(s.time_zone))::date + s.quiet_until) AT TIME ZONE ua_zone(s.time_zone)
     ELSE (SELECT ua_now()) END
"""

_OVERRIDES = "coalesce((a.plan -> 'supporters' ->> 'override_quiet_hours_where_allowed')::boolean, false)"
_ASLEEP = f"""
SELECT id, wakes FROM (
    SELECT d.id, {AFTER_QUIET_HOURS.format(channel="d.channel", overrides=_OVERRIDES)} AS wakes
    FROM deliveries_delivery d
    JOIN supporters_supporter s ON s.id = d.supporter_id
    JOIN alerts_alert a ON a.id = d.alert_id
    WHERE d.id = ANY(%(ids)s) AND d.channel = 'sms' AND s.quiet_from IS NOT NULL
) AS found WHERE wakes > (SELECT ua_now())
"""  # noqa: S608 - put together from our own words


def asleep(delivery_ids: Sequence[int]) -> dict[int, datetime]:
    """Those of these deliveries that must wait for quiet hours to end, and until when."""
    if not delivery_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_ASLEEP, {"ids": list(delivery_ids)})
        return dict(cursor.fetchall())
