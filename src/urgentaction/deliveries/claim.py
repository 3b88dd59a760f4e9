"""Claiming deliveries, and the look just before the wire: the two statements that keep stale letters in.

Both join the alert and its case, so only a running alert whose fence equals the case's version yields rows, and none
does while this program and its database differ in whether all this is a drill (`core.live`). Both are fenced by lease
token and attempt number; the database's clock measures the lease.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection

from urgentaction.channels.contract import Channel
from urgentaction.core.live import is_live_here

from .rules import FAILS_OVER, State
from .ways import open_channels


class Lane(StrEnum):
    """Which worker sends it."""

    URGENT = "urgent"  # officials
    BULK = "bulk"  # supporters


ROLES_OF = {Lane.URGENT: ["to", "cc"], Lane.BULK: ["supporter"]}

# The live alerts are looked up first, and the clock is read once: joined row by row, either would make the planner sort
# the whole queue instead of reading its index (docs/performance.md).
_CLAIM = """
WITH live AS MATERIALIZED (
    SELECT a.id FROM alerts_alert a JOIN cases_case c ON c.id = a.case_id
    WHERE a.state = 'running' AND a.fence = c.version
      AND (SELECT ua_is_live()) = %(is_live)s
), due AS (
    SELECT d.id
    FROM deliveries_delivery d
    WHERE d.state = 'queued' AND d.due_at <= (SELECT ua_now())
      AND (d.expires_at IS NULL OR d.expires_at > (SELECT ua_now()))
      AND d.alert_id = ANY(ARRAY(SELECT id FROM live))
      AND d.role = ANY(%(roles)s) AND d.channel = ANY(%(channels)s)
    ORDER BY d.priority, d.due_at, d.id
    LIMIT %(limit)s
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries_delivery d
SET state = 'leased', lease_token = %(token)s, lease_until = ua_now() + %(lease)s * interval '1 second',
    attempts = d.attempts + 1
FROM due WHERE d.id = due.id
RETURNING d.id, d.attempts, d.channel, d.priority, d.due_at, d.gateway, d.retry_class
"""

_INTENT = """
UPDATE deliveries_delivery d
SET state = 'sending', intent_at = ua_now(), gateway = %(gateway)s, gateway_ref = '',
    lease_until = ua_now() + %(lease)s * interval '1 second'
FROM alerts_alert a JOIN cases_case c ON c.id = a.case_id
WHERE d.id = ANY(%(ids)s) AND d.lease_token = %(token)s AND d.state = 'leased' AND d.lease_until > ua_now()
  AND (d.expires_at IS NULL OR d.expires_at > ua_now())
  AND a.id = d.alert_id AND a.state = 'running' AND a.fence = c.version
  AND (SELECT ua_is_live()) = %(is_live)s
RETURNING d.id
"""

_RELEASE = """
UPDATE deliveries_delivery
SET state = 'queued', lease_token = NULL, lease_until = NULL, attempts = attempts - 1
WHERE id = ANY(%(ids)s) AND lease_token = %(token)s AND state = %(state)s
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery held by this worker until its lease ends."""

    id: int
    attempt: int
    channel: Channel
    token: uuid.UUID
    avoid: str = ""  # the gateway that has just refused it, where another one may do better


def claim(lane: Lane, *, limit: int, but: Channel | None = None) -> list[Claim]:
    """Take up to `limit` due deliveries, most urgent first. Their attempt number has risen by one.

    Args:
        but: a channel to leave alone.
    """
    token = uuid.uuid4()
    channels = [channel for channel in open_channels() if channel is not but]
    if not channels:
        return []
    parameters: dict[str, Any] = {
        "roles": ROLES_OF[lane],
        "channels": [channel.value for channel in channels],
        "limit": limit,
        "token": token,
        "lease": settings.LEASE_SECONDS,
        "is_live": is_live_here(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, parameters)
        rows = cursor.fetchall()
    rows.sort(key=lambda row: (row[3], row[4], row[0]))
    return [
        Claim(
            id=row[0],
            attempt=row[1],
            channel=Channel(row[2]),
            token=token,
            avoid=row[5] if row[6] in FAILS_OVER else "",
        )
        for row in rows
    ]


def declare_intent(claims: Sequence[Claim], *, gateway: str) -> set[int]:
    """Write `sending`; only the ids that come back may touch the wire.

    Missing are those whose lease has ended, whose alert was stopped, or whose deadline has passed; all, where the
    database is of the other mode.
    """
    if not claims:
        return set()
    parameters: dict[str, Any] = {
        "ids": [item.id for item in claims],
        "token": claims[0].token,
        "gateway": gateway,
        "lease": settings.LEASE_SECONDS,
        "is_live": is_live_here(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_INTENT, parameters)
        return {row[0] for row in cursor.fetchall()}


def release(claims: Sequence[Claim]) -> int:
    """Give back what was not tried; the attempt does not count. Returns how many were still held.

    Claims that have gone on are left alone, so a whole claim may be released without looking.
    """
    return _give_back(claims, State.LEASED)


def take_back_intent(claims: Sequence[Claim]) -> int:
    """Give back what was declared and then certainly not begun. Returns how many were still ours."""
    return _give_back(claims, State.SENDING)


def _give_back(claims: Sequence[Claim], state: State) -> int:
    if not claims:
        return 0
    parameters: dict[str, Any] = {
        "ids": [item.id for item in claims],
        "token": claims[0].token,
        "state": state.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, parameters)
        return int(cursor.rowcount)
