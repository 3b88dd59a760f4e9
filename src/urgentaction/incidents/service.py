"""Writing incidents down, reading back what has to be gone on with, and a person's acknowledgement."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from urgentaction.accounts.service import record_audit
from urgentaction.core import clock
from urgentaction.core.errors import Conflict
from urgentaction.core.ids import uuid7
from urgentaction.core.phrases import say

from .diagnosis import sight_of
from .models import Incident
from .oncall import NotTold, tell, trial_call
from .queries import incident_called
from .rules import LOOKS_TO_OPEN, Severity, Standing, Trouble

log = logging.getLogger(__name__)

#: An end that nobody could be told of for so long is no news any more.
END_IS_NEWS = timedelta(days=1)


def recall() -> dict[str, Standing]:
    """Incidents that are open, and those whose end has to be told, by key."""
    untold = Q(end_told_at=None, tellings__gt=0, closed_at__gt=clock.database_now() - END_IS_NEWS)
    rows = Incident.objects.filter(Q(closed_at=None) | untold)
    # An open one comes last, and stands for its key.
    return {row.key: _standing(row) for row in sorted(rows, key=lambda row: (row.closed_at is None, row.opened_at))}


def record(standings: Mapping[str, Standing]) -> dict[str, Standing]:
    """Write incidents down, whether they are new or known. Returns them with the ids of their rows.

    What has not become an incident is left alone; so is one that another watchman has just written down.
    """
    written: dict[str, Standing] = {}
    for key, standing in standings.items():
        if standing.opened_at is None:
            continue
        try:
            with transaction.atomic():
                row, _ = Incident.objects.update_or_create(id=standing.id or uuid7(), defaults=_fields(standing))
        except IntegrityError:
            log.info("incident %s has been written down by another watchman", key)
        else:
            written[key] = replace(standing, id=row.id)
    return written


@transaction.atomic
def acknowledge_incident(name: str, *, by: str) -> Incident:
    """Somebody takes care of it: no reminders any more. The end is still told.

    Args:
        name: its key, its id, or the end of its id.
        by: as the audit log names people.

    Raises:
        NotFound: there is none of that name.
        Conflict: it is over.
    """
    incident = incident_called(name)
    if incident.closed_at is not None:
        raise Conflict.of(
            "incident",
            say(
                "%(key)s is over since %(closed_at)s UTC",
                key=incident.key,
                closed_at=f"{incident.closed_at:%Y-%m-%d %H:%M}",
            ),
        )
    if not incident.acknowledged_by:
        incident.acknowledged_by, incident.acknowledged_at = by[:80], clock.read_database_now()
        incident.save(update_fields=["acknowledged_by", "acknowledged_at"])
        record_audit(by, "incident.acknowledge", f"incident:{incident.id.hex}", key=incident.key)
    return incident


def drill(*, by: str) -> str:
    """Call the people on call with a test message, by the real way. Returns the way that worked: `webhook`, `mail`.

    Args:
        by: as the audit log names people; they are not named in the call.

    Raises:
        NotTold: nobody could be reached, or nobody is configured; the message says why.
    """
    try:
        how = tell(trial_call(f"{settings.PUBLIC_URL} ({settings.MODE})"), settings.ONCALL)
    except NotTold:
        record_audit(by, "oncall.drill", "oncall:contacts", is_told=False)
        raise
    record_audit(by, "oncall.drill", "oncall:contacts", is_told=True, way=how)
    return how


def _standing(row: Incident) -> Standing:
    return Standing(
        trouble=Trouble(
            key=row.key,
            part=row.part,
            code=row.code,
            severity=Severity(row.severity),
            sight=sight_of(row.code),
            what=row.what,
            advice=row.advice,
        ),
        id=row.id,
        seen=LOOKS_TO_OPEN,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        tellings=row.tellings,
        told_at=row.told_at,
        told_how=row.told_how,
        end_told_at=row.end_told_at,
        is_acknowledged=bool(row.acknowledged_by),
    )


def _fields(standing: Standing) -> dict[str, object]:
    trouble = standing.trouble
    return {
        "key": trouble.key[:120],
        "part": trouble.part[:60],
        "code": trouble.code,
        "severity": trouble.severity.value,
        "what": trouble.what[:400],
        "advice": trouble.advice[:400],
        "first_seen_at": standing.first_seen_at,
        "last_seen_at": standing.last_seen_at,
        "opened_at": standing.opened_at,
        "closed_at": standing.closed_at,
        "tellings": standing.tellings,
        "told_at": standing.told_at,
        "told_how": standing.told_how,
        "end_told_at": standing.end_told_at,
    }
