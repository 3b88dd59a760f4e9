"""Checking the audit log a piece at a time: a log of years must not be read within one request.

A check walks the chain from its first entry to its last and writes down how far it came, so that it can go on where it
stopped. It also compares the log with the check before it: whoever rewrites entries and computes every hash anew has an
unbroken chain, but not the hash that was written down at that place. What no check in this database can prove is that
the database was not replaced as a whole; for that, keep the head's hash somewhere else.
"""

from __future__ import annotations

import time
import uuid

from django.db import connection, transaction

from urgentaction.core import clock
from urgentaction.core.errors import NotFound
from urgentaction.core.phrases import say

from .models import AuditCheck, AuditEntry
from .service import chain_hash, record_audit

BATCH = 2000
_ACTIONS = """
    WITH RECURSIVE found AS (
        (SELECT action FROM accounts_auditentry ORDER BY action LIMIT 1)
        UNION ALL
        SELECT (SELECT action FROM accounts_auditentry WHERE action > found.action ORDER BY action LIMIT 1)
        FROM found WHERE found.action IS NOT NULL
    )
    SELECT action FROM found WHERE action IS NOT NULL
"""
#: One step reads for so long, then says how far it came.
STEP_SECONDS = 5.0


def head() -> AuditEntry | None:
    """The log's last entry: its hash stands for all before it."""
    return AuditEntry.objects.order_by("-id").first()


def latest_check() -> AuditCheck | None:
    """The check that was begun last, finished or not."""
    return AuditCheck.objects.order_by("-started_at").first()


def actions_in_log() -> list[str]:
    """Every action that stands in the log, in alphabetical order; looks at one entry for each (a loose index scan)."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS)
        return [name for (name,) in cursor.fetchall()]


def begin_check(*, by: str, seconds: float = STEP_SECONDS) -> AuditCheck:
    """Walk the log from its beginning, for at most so long; `go_on` does the rest."""
    check = AuditCheck.objects.create(started_at=clock.now(), started_by=by[:80], last_hash=bytes(32))
    return go_on(check.id, by=by, seconds=seconds)


@transaction.atomic
def go_on(check_id: uuid.UUID, *, by: str, seconds: float = STEP_SECONDS) -> AuditCheck:
    """Walk on from where a check stopped. One that is finished stays as it is.

    Raises:
        NotFound: there is no such check.
    """
    check = AuditCheck.objects.select_for_update().filter(id=check_id).first()
    if check is None:
        raise NotFound.of("check", say("there is no such check; begin a new one"))
    end = time.monotonic() + seconds
    while check.finished_at is None:
        batch = list(AuditEntry.objects.filter(id__gt=check.last_entry).order_by("id")[:BATCH])
        _read(check, batch)
        if check.broken_entry is not None or len(batch) < BATCH:
            _finish(check, by=by)
        elif time.monotonic() >= end:
            break
    check.save()
    return check


def _read(check: AuditCheck, batch: list[AuditEntry]) -> None:
    """Take in entries up to the first that does not fit."""
    for entry in batch:
        if bytes(entry.previous_hash) != bytes(check.last_hash):
            check.finding = "an entry before it was removed, or put in"
        elif bytes(entry.hash) != chain_hash(entry):
            check.finding = "it was changed after it was written"
        else:
            check.entries += 1
            check.last_entry, check.last_hash = entry.id, bytes(entry.hash)
            continue
        check.broken_entry = entry.id
        return


def _finish(check: AuditCheck, *, by: str) -> None:
    if check.broken_entry is None:
        _compare_with_before(check)
    check.finished_at = clock.now()
    found = {} if check.broken_entry is None else {"broken_entry": check.broken_entry}
    record_audit(by, "audit.verify", "audit:log", entries=check.entries, head=bytes(check.last_hash).hex(), **found)


def _compare_with_before(check: AuditCheck) -> None:
    """The chain holds in itself; is it also the one that an earlier check saw?"""
    earlier = AuditCheck.objects.filter(finished_at__isnull=False, broken_entry=None, last_entry__gt=0)
    before = earlier.exclude(id=check.id).order_by("-started_at").first()
    if before is None:
        return
    now = AuditEntry.objects.filter(id=before.last_entry).values_list("hash", flat=True).first()
    if now is None or bytes(now) != bytes(before.last_hash):
        check.broken_entry = before.last_entry
        check.finding = f"the check of {before.started_at:%Y-%m-%d %H:%M} UTC saw another log up to here"
