"""How an alert's deliveries went in time, for plots: how many were where after so long, and how long it took.

Time is counted in steps that grow (`EDGES`), so that the first seconds of a mailing and the last day of a fax fit into
one picture. An alert's officials are all looked at; of a large mailing a sample is enough for a curve: of the table's
pages, or where the mailing is a small part of the table, some of its rows (docs/performance.md). Reads only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from urgentaction.alerts.models import Alert
from urgentaction.channels.contract import Channel
from urgentaction.deliveries.rules import State
from urgentaction.deliveries.tallying import counts_of

_M, _H, _D = 60, 3600, 86_400
#: Seconds since the start, from one to four weeks. A bucket holds what happened before its edge.
EDGES: tuple[float, ...] = (
    *(1, 2, 3, 5, 7, 10, 15, 20, 30, 45),
    *(one * _M for one in (1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 45)),
    *(one * _H for one in (1, 1.5, 2, 3, 4, 6, 9, 12, 18)),
    *(one * _D for one in (1, 1.5, 2, 3, 5, 7, 14, 28)),
)
#: Seconds from being written down to having arrived (mail: to being taken by the server).
TOOK_EDGES: tuple[float, ...] = (5, 30, 2 * _M, 10 * _M, _H, 6 * _H, _D)
#: Up to so many rows every one is looked at; of more, about so many.
SAMPLE = 10_000
CURVES = ("accepted", "delivered", "failed")
#: Each is served by the index that keeps its rows single.
OFFICIALS, SUPPORTERS = "d.official_id IS NOT NULL", "d.supporter_id IS NOT NULL AND d.channel = ANY(%(channels)s)"
#: Spread by a hash, since ids that follow each other are sent in windows, and would fall into step with them.
_EACH = "(hashint8(d.id) & 2147483647) %% %(each)s = 0"
#: channel, state, bucket of being accepted, of being settled, of how long it took, deliveries.
_Row = tuple[str, str, int | None, int | None, int | None, int]

# Buckets are worked out once a row and counted together; which of them say something is told from the state afterwards.
# `date_part` and not `extract`: that one's numeric costs more than all the rest. The sample is the same at every look.
_COURSE = """
SELECT d.channel, d.state,
       width_bucket(date_part('epoch', d.accepted_at - %(start)s), %(edges)s::float8[]),
       width_bucket(date_part('epoch', d.settled_at - %(start)s), %(edges)s::float8[]),
       width_bucket(date_part('epoch', CASE d.state WHEN 'delivered' THEN d.settled_at ELSE d.accepted_at END
                                       - d.created_at), %(took_edges)s::float8[]),
       count(*)
FROM deliveries_delivery d {sample}
WHERE d.alert_id = %(alert)s AND {whom}
GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True)
class ChannelCourse:
    """One channel. `curves`: for each of CURVES how many had come so far at each edge of EDGES, and in all at the end.

    `took`: how many arrived before each edge of TOOK_EDGES and not before the one below it; the last: later.
    """

    channel: str
    total: int
    curves: Mapping[str, tuple[int, ...]]
    took: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """All channels that occur. `looked_at`: how many rows a sample held; None: every one was looked at."""

    channels: tuple[ChannelCourse, ...] = ()
    looked_at: int | None = None


@dataclass(slots=True)
class _Sums:
    total: float = 0
    by_bucket: dict[tuple[str, int], float] = field(default_factory=lambda: defaultdict(float))


def course_of(alert: Alert) -> Course:
    """How this alert went so far; empty before it has started. A handful of queries."""
    if alert.started_at is None:
        return Course()
    sizes: dict[str, int] = defaultdict(int)  # supporters by channel
    for role, channel, _, number in counts_of([alert])[alert.id].rows:
        if role == "supporter":
            sizes[channel] += number
    large = {channel: size for channel, size in sizes.items() if size > SAMPLE}
    share, each = _share(sum(large.values())) if large else (1, 1)
    if share >= 1 and each == 1:
        large = {}
    sums: dict[str, _Sums] = defaultdict(_Sums)
    _add(sums, _read(alert, OFFICIALS), {})
    if small := sorted(sizes.keys() - large.keys()):
        _add(sums, _read(alert, SUPPORTERS, channels=small), {})
    sampled = _read(alert, SUPPORTERS, channels=sorted(large), share=share, each=each) if large else []
    looked_at = _add(sums, sampled, large) if large else None
    channels = tuple(_channel(channel, sums[channel]) for channel in sorted(sums))
    return Course(channels, looked_at)


def _read(alert: Alert, whom: str, *, channels: Sequence[str] = (), share: float = 1, each: int = 1) -> list[_Row]:
    sample = "" if share >= 1 else "TABLESAMPLE SYSTEM (%(percent)s) REPEATABLE (1)"
    whom = f"{whom} AND {_EACH}" if each > 1 else whom
    parameters: dict[str, Any] = {
        "alert": alert.id,
        "channels": list(channels),
        "start": alert.started_at,
        "edges": [float(edge) for edge in EDGES],
        "took_edges": [float(edge) for edge in TOOK_EDGES],
        "percent": share * 100,
        "each": each,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COURSE.format(sample=sample, whom=whom), parameters)
        return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in cursor.fetchall()]


def _share(size: int) -> tuple[float, int]:
    """How to meet about SAMPLE rows of an alert of this size: in a share of the table's pages, or one row of so many.

    The latter where the alert is a small part of a large table: then finding its rows by their index costs less, and
    what remains is to work out the buckets of a few only. (1, 1): all of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = 'deliveries_delivery'::regclass"
        )
        table = float(cursor.fetchone()[0])
    share = SAMPLE / size
    return (share, 1) if max(table, size) * share < size else (1, max(size // SAMPLE, 1))


def _add(sums: dict[str, _Sums], rows: Sequence[_Row], sizes: Mapping[str, int]) -> int:
    """Add what was read, scaled to the sizes where those are given. Returns how many rows were looked at."""
    met: dict[str, int] = defaultdict(int)
    for channel, *_, number in rows:
        met[channel] += number
    for channel, state, accepted, settled, took, number in rows:
        scaled = number * sizes[channel] / met[channel] if channel in sizes else number
        sums[channel].total += scaled
        for what, bucket in _told(channel, state, accepted, settled, took):
            sums[channel].by_bucket[what, bucket] += scaled
    return sum(met.values())


def _told(
    channel: str, state: str, accepted: int | None, settled: int | None, took: int | None
) -> Iterator[tuple[str, int]]:
    """Which curves rows of this kind belong to, and where."""
    has_arrived = state == State.DELIVERED
    taken = settled if accepted is None and has_arrived else accepted  # a receipt can come before the answer
    if taken is not None:
        yield "accepted", taken
    if settled is not None and state in (State.DELIVERED, State.FAILED):
        yield state, settled
    if took is not None and (has_arrived or (state == State.ACCEPTED and channel == Channel.EMAIL)):
        yield "took", took


def _channel(channel: str, sums: _Sums) -> ChannelCourse:
    curves = {}
    for what in CURVES:
        so_far, points = 0.0, []
        for bucket in range(len(EDGES) + 1):
            so_far += sums.by_bucket[what, bucket]
            points.append(round(so_far))
        curves[what] = tuple(points)
    took = tuple(round(sums.by_bucket["took", bucket]) for bucket in range(len(TOOK_EDGES) + 1))
    return ChannelCourse(channel, math.ceil(sums.total), curves, took)
