"""How many supporters there are of each kind, at a price that does not grow with the number of readers.

A short list is counted whenever somebody asks. Of a long one the counts are kept with their moment (`SegmentCounts`)
and counted again only after many times as long as counting took, as an alert's deliveries are
(docs/adr/0016-progress-counts.md). These numbers are for people: who gets a message is decided when it is sent.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from urgentaction.core import clock

from .models import SegmentCounts

_NAME = "all"
#: Counted every time, whoever asks: it takes some milliseconds.
SMALL = 2000
#: Counted again after so many times as long as it took.
REST = 40

# `by_email` and `by_sms`: they agreed, and the address is not on the suppression list.
_COUNT = """
WITH held AS MATERIALIZED (
    SELECT channel, address_index FROM supporters_suppression
    WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > ua_now())
), each AS (
    SELECT language, time_zone, may_override_quiet_hours, wants_email OR wants_sms AS wants_any,
        wants_email AND email_index IS NOT NULL AND mail.channel IS NULL AS by_email,
        wants_sms AND phone_index IS NOT NULL AND text.channel IS NULL AS by_sms
    FROM supporters_supporter
    LEFT JOIN held AS mail ON mail.channel = 'email' AND mail.address_index = email_index
    LEFT JOIN held AS text ON text.channel = 'sms' AND text.address_index = phone_index
    WHERE erased_at IS NULL
)
SELECT language, time_zone, by_email, by_sms, by_sms AND may_override_quiet_hours, wants_any, count(*)
FROM each GROUP BY 1, 2, 3, 4, 5, 6
"""

# Whoever changes `due_at` counts; the others show what is there.
_TAKE_ON = """
UPDATE supporters_segmentcounts SET due_at = ua_now() + %s * seconds * interval '1 second'
WHERE name = (SELECT name FROM supporters_segmentcounts WHERE name = %s AND due_at <= ua_now() FOR UPDATE SKIP LOCKED)
"""

_KEEP = """
INSERT INTO supporters_segmentcounts (name, counts, counted_at, seconds, due_at)
VALUES (%(name)s, %(counts)s, %(at)s, %(seconds)s, %(at)s + %(rest)s * %(seconds)s * interval '1 second')
ON CONFLICT (name) DO UPDATE
SET counts = excluded.counts, counted_at = excluded.counted_at, seconds = excluded.seconds, due_at = excluded.due_at
WHERE supporters_segmentcounts.counted_at < excluded.counted_at
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Supporters alike. `by_*`: reached by it; `at_any_hour`: by text message in their quiet hours as well.

    `wants_any`: they agreed to something, whether or not their address is suppressed.
    """

    language: str
    time_zone: str
    by_email: bool
    by_sms: bool
    at_any_hour: bool
    wants_any: bool
    supporters: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One line of a table: a value, how many have it, and how many of them each channel reaches."""

    value: str
    supporters: int
    by_email: int
    by_sms: int


@dataclass(frozen=True, slots=True)
class Segments:
    """Everybody who is not erased, by kind. `at`: when a long list was counted (UTC); None: just now."""

    groups: tuple[Group, ...] = ()
    at: datetime | None = None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(group.supporters for group in self.groups)

    def count(self, fits: Callable[[Group], bool]) -> int:
        """How many are in groups that fit."""
        return sum(group.supporters for group in self.groups if fits(group))

    def by(self, value_of: Callable[[Group], str]) -> list[Segment]:
        """One segment for each value, the largest first."""
        everybody, email, sms = Counter[Hashable](), Counter[Hashable](), Counter[Hashable]()
        for group in self.groups:
            value = value_of(group)
            everybody[value] += group.supporters
            email[value] += group.supporters * group.by_email
            sms[value] += group.supporters * group.by_sms
        return [Segment(str(value), count, email[value], sms[value]) for value, count in everybody.most_common()]


def segments() -> Segments:
    """The counts: one or two queries, and one more where a long list is counted again."""
    kept = SegmentCounts.objects.filter(name=_NAME).first()
    if kept is not None and not _is_taken_on():
        return Segments(_groups(kept.counts), kept.counted_at)
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        rows = cursor.fetchall()
    seconds = time.perf_counter() - begun
    if sum(row[-1] for row in rows) < SMALL:
        return Segments(_groups(rows))
    at = clock.read_database_now()
    parameters: dict[str, Any] = {"name": _NAME, "counts": json.dumps(rows), "at": at, "seconds": seconds, "rest": REST}
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, parameters)
    return Segments(_groups(rows), at)


def forget_counts() -> None:
    """Many supporters have come or gone at once: whoever asks next counts again."""
    with transaction.atomic():
        SegmentCounts.objects.filter(name=_NAME).delete()


def _is_taken_on() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_ON, [REST, _NAME])
        return bool(cursor.rowcount)


def _groups(rows: Sequence[Sequence[object]]) -> tuple[Group, ...]:
    return tuple(Group(*row) for row in rows)  # type: ignore[arg-type]
