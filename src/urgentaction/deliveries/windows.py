"""Windows of a mailing: claimed and declared by one statement, settled by another, in one transaction with the next.

A claim (`claim.claim`) takes rows for a while and then declares the intent for some of them; that is one write a row
more, and a notice goes to a hundred thousand. Here a window of rows is judged, claimed and declared at once: `queued`
→ `sending`, committed before the first byte goes out. The fences are the same: a running alert whose fence equals the
case's version, a deadline that has not passed, lease token and attempt number on every later write.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from urgentaction.channels.contract import Channel
from urgentaction.core import statements
from urgentaction.core.live import is_live_here

from .claim import Claim
from .reasons import GONE, NO_ADDRESS, STOPPED
from .rules import FAILS_OVER, Event, State, after

# A row that must not go is settled here, without a try: the judgement is the same as `outgoing`'s for single rows.
# Whether the alert may go on is asked once: it is the same for all rows of a notice.
_CLAIM = """
WITH live AS MATERIALIZED (
    SELECT a.id FROM letters_notice n JOIN alerts_alert a ON a.id = n.alert_id JOIN cases_case c ON c.id = a.case_id
    WHERE n.id = %(notice)s AND a.state = 'running' AND a.fence = c.version
      AND (SELECT ua_is_live()) = %(is_live)s
), due AS (
    SELECT d.id, s.id AS supporter, s.email, s.name,
           (extract(epoch FROM d.due_at) * 1000000)::bigint AS due_us,
           (extract(epoch FROM d.expires_at) * 1000000)::bigint AS expires_us,
           CASE WHEN stop.id IS NOT NULL THEN %(stopped)s
                WHEN NOT s.wants_email OR s.erased_at IS NOT NULL THEN %(gone)s
                WHEN length(s.email) = 0 THEN %(no_address)s ELSE '' END AS why_not
    FROM deliveries_delivery d
    JOIN supporters_supporter s ON s.id = d.supporter_id
    LEFT JOIN supporters_suppression stop
           ON stop.channel = 'email' AND stop.lifted_at IS NULL AND stop.address_index = s.email_index
          AND (stop.expires_at IS NULL OR stop.expires_at > (SELECT ua_now()))
    WHERE EXISTS (SELECT 1 FROM live)
      AND d.notice_id = %(notice)s AND d.state = 'queued' AND d.role = 'supporter' AND d.channel = 'email'
      AND d.due_at <= (SELECT ua_now()) AND (d.expires_at IS NULL OR d.expires_at > (SELECT ua_now()))
      AND (d.due_at, d.id) > ('epoch'::timestamptz + %(after_us)s * interval '1 microsecond', %(after_id)s)
      AND NOT (%(has_other)s AND d.gateway = %(gateway)s AND d.retry_class = ANY(%(fails_over)s))
    ORDER BY d.due_at, d.id
    LIMIT %(limit)s
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries_delivery d
SET state = CASE due.why_not WHEN '' THEN 'sending' WHEN %(no_address)s THEN %(failed)s ELSE %(suppressed)s END,
    reason = due.why_not,
    settled_at = CASE due.why_not WHEN '' THEN NULL ELSE (SELECT ua_now()) END,
    attempts = d.attempts + CASE due.why_not WHEN '' THEN 1 ELSE 0 END,
    lease_token = CASE due.why_not WHEN '' THEN %(token)s::uuid END,
    lease_until = CASE due.why_not WHEN '' THEN (SELECT ua_now()) + %(lease)s * interval '1 second' END,
    intent_at = CASE due.why_not WHEN '' THEN (SELECT ua_now()) ELSE d.intent_at END,
    gateway = %(gateway)s, gateway_ref = ''
FROM due WHERE d.id = due.id
RETURNING d.id, d.attempts, due.due_us, due.expires_us, due.supporter, due.email, due.name, due.why_not
"""

# `state || ''`: compared plainly, it lets the planner read the index of leases, which during a mailing holds an entry
# for every row that ever had one since the last vacuum. By the primary key it is fifty look-ups, always.
_ACCEPTED = """
WITH told AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(numbers)s::int[], %(refs)s::text[]) AS t (id, number, ref)
), done AS (
    UPDATE deliveries_delivery d
    SET state = 'accepted', gateway_ref = told.ref, reason = '', accepted_at = %(ended)s,
        lease_token = NULL, lease_until = NULL
    FROM told
    WHERE d.id = told.id AND d.lease_token = %(token)s AND d.attempts = told.number AND d.state || '' = 'sending'
    RETURNING d.id, told.number, told.ref
)
INSERT INTO deliveries_attempt (delivery_id, number, gateway, channel, started_at, ended_at, outcome, retry_class, code,
                                text, gateway_ref, is_fault)
SELECT id, number, %(gateway)s, 'email', %(started)s, %(ended)s, 'accepted', '', '', '', ref, false
FROM done ON CONFLICT DO NOTHING
"""

_GIVE_BACK = """
UPDATE deliveries_delivery d
SET state = 'queued', lease_token = NULL, lease_until = NULL, attempts = d.attempts - 1, reason = told.why,
    due_at = CASE told.wait WHEN 0 THEN d.due_at ELSE ua_now() + told.wait * interval '1 second' END
FROM unnest(%(ids)s::bigint[], %(waits)s::float[], %(whys)s::text[]) AS told (id, wait, why)
WHERE d.id = told.id AND d.lease_token = %(token)s AND d.state || '' = 'sending'
"""


# Of the alerts whose mail is due, one of the best priority by lot, so that each has its turn; then a notice of it.
_DUE_NOTICE = """
SELECT n.id
FROM letters_notice n JOIN alerts_alert a ON a.id = n.alert_id JOIN cases_case c ON c.id = a.case_id
WHERE n.channel = 'email' AND a.state = 'running' AND a.fence = c.version AND n.id <> ALL(%(but)s::uuid[])
  AND (SELECT ua_is_live()) = %(is_live)s
  AND EXISTS (SELECT 1 FROM deliveries_delivery d
              WHERE d.notice_id = n.id AND d.state = 'queued' AND d.role = 'supporter' AND d.channel = 'email'
                AND d.due_at <= ua_now() AND (d.expires_at IS NULL OR d.expires_at > ua_now()))
ORDER BY a.priority, md5(a.id::text || %(lot)s), random()
LIMIT 1
"""

_WITHDRAW = """
UPDATE deliveries_delivery SET state = %(withdrawn)s, settled_at = ua_now(), reason = %(reason)s
WHERE id IN (SELECT id FROM deliveries_delivery
             WHERE notice_id = %(notice)s AND state = 'queued' AND role = 'supporter' AND channel = 'email'
             ORDER BY due_at, id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""

_PUT_OFF = """
UPDATE deliveries_delivery SET due_at = ua_now() + %(wait)s * interval '1 second', reason = %(reason)s
WHERE id IN (SELECT id FROM deliveries_delivery
             WHERE notice_id = %(notice)s AND state = 'queued' AND role = 'supporter' AND channel = 'email'
               AND due_at <= ua_now()
             ORDER BY due_at, id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""


#: A place in the queue: when it was due (microseconds since 1970), and its number.
Place = tuple[int, int]
START: Place = (0, 0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """A supporter's mail that is this worker's to send now; name and address are still sealed.

    `expires_us` is in microseconds since 1970. A tuple, because one is made for each message.
    """

    id: int
    attempt: int
    supporter: uuid.UUID
    email: bytes
    name: bytes
    expires_us: int | None

    @property
    def expires_at(self) -> datetime | None:
        """Not after."""
        return None if self.expires_us is None else _EPOCH + timedelta(microseconds=self.expires_us)


@dataclass(frozen=True, slots=True)
class Window:
    """What one claim brought.

    Attributes:
        rows: declared as `sending`.
        settled: how many were found not to go, and were settled without a try.
        last: the place of the last of all in the queue; the next window may begin behind it.
    """

    token: uuid.UUID
    rows: tuple[Row, ...] = ()
    settled: int = 0
    last: Place = START

    def claim_of(self, row: Row) -> Claim:
        """A row's claim, as everything that is not ordinary is told by."""
        return Claim(row.id, row.attempt, Channel.EMAIL, self.token)


def claim_window(notice: uuid.UUID, *, gateway: str, limit: int, has_other: bool, after: Place = START) -> Window:
    """Take up to `limit` due mails of a notice for a gateway. Commit before anything of them goes out.

    Args:
        after: begin behind this place. What lies before it has mostly been sent, and its index entries stay until the
            next vacuum: read again for every window, they would make a mailing slower the longer it goes on.
        has_other: another gateway carries mail too: what this one has just refused is left for it.
    """
    token = uuid.uuid4()
    parameters: dict[str, Any] = {
        "notice": notice,
        "gateway": gateway,
        "limit": limit,
        "has_other": has_other,
        "after_us": after[0],
        "after_id": after[1],
        "fails_over": [one.value for one in FAILS_OVER],
        "token": token,
        "lease": settings.LEASE_SECONDS,
        "is_live": is_live_here(),
        "stopped": STOPPED,
        "gone": GONE,
        "no_address": NO_ADDRESS,
        "suppressed": _settled(Event.SUPPRESS),
        "failed": _settled(Event.REFUSE_UNTRIED),
    }
    found = statements.rows(_CLAIM, parameters)
    rows = tuple(
        Row(delivery, attempt, supporter, email, name, expires_us)
        for delivery, attempt, _, expires_us, supporter, email, name, why_not in found
        if not why_not
    )
    last = max(((one[2], one[0]) for one in found), default=after)
    return Window(token, rows, len(found) - len(rows), last)


def write_accepted(
    told: Sequence[tuple[Row, str]], *, token: uuid.UUID, gateway: str, started: datetime, ended: datetime
) -> int:
    """Write down what a gateway took, with its own names for it. Returns how many were still this worker's."""
    if not told:
        return 0
    parameters: dict[str, Any] = {
        "ids": _numbers(row.id for row, _ in told),
        "numbers": _numbers(row.attempt for row, _ in told),
        "refs": [ref[:200] for _, ref in told],
        "token": token,
        "gateway": gateway,
        "started": started,
        "ended": ended,
    }
    return statements.run(_ACCEPTED, parameters)


def give_back(held: Sequence[tuple[Claim, timedelta, str]]) -> int:
    """Put back what was declared and certainly not begun, its attempt uncounted; each with its wait and why."""
    if not held:
        return 0
    parameters: dict[str, Any] = {
        "ids": [claim.id for claim, _, _ in held],
        "waits": [wait.total_seconds() for _, wait, _ in held],
        "whys": [why[:200] for _, _, why in held],
        "token": held[0][0].token,
    }
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, parameters)
        return int(cursor.rowcount)


def due_notice(*, but: Sequence[uuid.UUID] = ()) -> uuid.UUID | None:
    """A notice of which mail may be sent now, none of `but`; None where there is none."""
    lot = str(random.random())  # noqa: S311 - spreads load, guards nothing
    with connection.cursor() as cursor:
        cursor.execute(_DUE_NOTICE, {"lot": lot, "but": list(but), "is_live": is_live_here()})
        row = cursor.fetchone()
    return row[0] if row else None


def withdraw_queued(notice: uuid.UUID, *, reason: str, batch: int = 5000) -> int:
    """Withdraw what is unsent of a notice, up to a batch. Returns how many."""
    parameters: dict[str, Any] = {
        "notice": notice,
        "reason": reason,
        "batch": batch,
        "withdrawn": _settled(Event.WITHDRAW),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAW, parameters)
        return int(cursor.rowcount)


def put_off(notice: uuid.UUID, *, wait: timedelta, reason: str, batch: int = 5000) -> int:
    """Let what is due of a notice wait, up to a batch. Returns how many."""
    parameters: dict[str, Any] = {
        "notice": notice,
        "wait": wait.total_seconds(),
        "reason": reason[:200],
        "batch": batch,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, parameters)
        return int(cursor.rowcount)


def _numbers(values: Iterable[int]) -> str:
    """As PostgreSQL writes an array; psycopg would look at each number by itself."""
    return f"{{{','.join(map(str, values))}}}"


def _settled(event: Event) -> str:
    new = after(State.QUEUED, event)
    if new is None:
        raise AssertionError(f"{event} is not legal for a delivery that waits")
    return new.value
