"""How many deliveries of an alert stand where, at a price that does not grow with it.

A small alert is counted whenever somebody asks. Of a large one the counts are kept with their moment (`Tally`), and
counted again only after many times as long as counting took: whoever looks on, and however often, spends a small share
of one core, and sending pays nothing at all (docs/adr/0016-progress-counts.md).

Must not: be asked before a message is sent. These numbers are for people.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from urgentaction.alerts.models import Alert

from .models import Tally

#: Counted every time, whoever asks: it takes a millisecond.
SMALL = 2000
#: Counted again after so many times as long as it took: while something moves, and once it is over (late receipts).
REST, LONG_REST = 40, 400
#: One look counts so many large ones at most, those first that have been due the longest: else a list of fifty mailings
#: that nobody has looked at for a while would count all of them at once. The next looks count the others.
AT_ONCE = 2

#: role, channel, state, deliveries.
Row = tuple[str, str, str, int]

_COUNT = """
SELECT alert_id, role, channel, state, count(*), ua_now() FROM deliveries_delivery
WHERE alert_id = ANY(%(alerts)s) GROUP BY alert_id, role, channel, state ORDER BY alert_id, role, channel, state
"""

# Whoever changes `due_at` counts; the others show what is there. A process that dies meanwhile delays the next count.
_TAKE_ON = """
UPDATE deliveries_tally SET due_at = ua_now() + %(rest)s * seconds * interval '1 second'
WHERE alert_id IN (SELECT alert_id FROM deliveries_tally
                   WHERE alert_id = ANY(%(overtaken)s)
                      OR (due_at <= ua_now() AND alert_id IN (
                             SELECT alert_id FROM deliveries_tally
                             WHERE alert_id = ANY(%(alerts)s) AND due_at <= ua_now() ORDER BY due_at LIMIT %(most)s))
                   ORDER BY alert_id FOR UPDATE SKIP LOCKED)
RETURNING alert_id
"""

_KEEP = """
INSERT INTO deliveries_tally (alert_id, counts, counted_at, seconds, due_at)
VALUES (%(alert)s, %(counts)s, %(at)s, %(seconds)s, %(at)s + %(rest)s * %(seconds)s * interval '1 second')
ON CONFLICT (alert_id) DO UPDATE
SET counts = excluded.counts, counted_at = excluded.counted_at, seconds = excluded.seconds, due_at = excluded.due_at
WHERE deliveries_tally.counted_at < excluded.counted_at
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one alert. `at`: when a large one was counted (UTC); None: just now."""

    rows: tuple[Row, ...] = ()
    at: datetime | None = None


def counts_of(alerts: Iterable[Alert]) -> dict[uuid.UUID, Counts]:
    """The counts of some alerts: two queries, whatever their number; two more for each large one that is counted anew.

    Those are AT_ONCE at most, and whichever has ended since it was counted.
    """
    by_id = {alert.id: alert for alert in alerts}
    kept = {row.alert_id: row for row in Tally.objects.filter(alert_id__in=list(by_id))}
    fresh = _taken_on([by_id[known] for known in kept], kept)
    found = {known: Counts(_rows(row), row.counted_at) for known, row in kept.items() if known not in fresh}
    for known in fresh:
        found |= _count([by_id[known]])
    if unknown := [alert for known, alert in by_id.items() if known not in kept]:
        found |= _count(unknown)
    return found


def over_since(alert: Alert) -> datetime | None:
    """When the last of its deliveries was to be settled; late receipts apart, nothing changes after it."""
    return alert.finished_at or alert.swept_at


def rest_of(alert: Alert) -> int:
    """How many times as long as counting took its counts stand."""
    return REST if over_since(alert) is None else LONG_REST


def _rows(row: Tally) -> tuple[Row, ...]:
    return tuple((role, channel, state, int(number)) for role, channel, state, number in row.counts)


def _taken_on(alerts: Sequence[Alert], kept: Mapping[uuid.UUID, Tally]) -> set[uuid.UUID]:
    """Those that this reader counts again: they are due, or were counted before they were over."""
    overtaken = [one.id for one in alerts if (since := over_since(one)) and kept[one.id].counted_at <= since]
    if not alerts:
        return set()
    parameters: dict[str, Any] = {
        "alerts": [alert.id for alert in alerts],
        "overtaken": overtaken,
        "rest": REST,
        "most": AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_ON, parameters)
        return {row[0] for row in cursor.fetchall()}


def _count(alerts: Sequence[Alert]) -> dict[uuid.UUID, Counts]:
    """Count them in one statement, and keep the counts of the large ones."""
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"alerts": [alert.id for alert in alerts]})
        rows = cursor.fetchall()
    seconds = time.perf_counter() - begun
    found: dict[uuid.UUID, list[Row]] = defaultdict(list)
    for alert_id, *row, _ in rows:
        found[alert_id].append((row[0], row[1], row[2], row[3]))
    everything = sum(row[4] for row in rows)
    moments: dict[uuid.UUID, datetime] = {}
    for alert in alerts:
        size = sum(row[3] for row in found[alert.id])
        if size >= SMALL:
            moments[alert.id] = rows[0][5]
            _keep(alert, found[alert.id], at=rows[0][5], seconds=seconds * size / everything)
    return {alert.id: Counts(tuple(found[alert.id]), moments.get(alert.id)) for alert in alerts}


def _keep(alert: Alert, rows: Sequence[Row], *, at: datetime, seconds: float) -> None:
    parameters: dict[str, Any] = {
        "alert": alert.id,
        "counts": json.dumps(rows),
        "at": at,
        "seconds": seconds,
        "rest": rest_of(alert),
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, parameters)
