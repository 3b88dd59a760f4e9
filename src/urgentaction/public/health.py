"""Whether this service works, for load balancers and watchmen. Numbers and codes; nothing personal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from urgentaction.incidents.diagnosis import diagnose
from urgentaction.incidents.looking import look
from urgentaction.incidents.observations import BrokerState, DatabaseState, Observations
from urgentaction.incidents.queries import open_incidents
from urgentaction.receipts.service import unapplied_longer_than

#: Receipts are applied within seconds; older ones mean that no worker takes them.
RECEIPT_PATIENCE = timedelta(minutes=1)


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 while database and broker answer, else 503; `troubles` names what is stuck, as part and code.

    Silent workers, a paused gateway and the like are told but are no 503: taking the web away would not mend them.
    What is expensive to look for is taken from what the watchman has written down.
    """
    seen = look(with_work=False)
    is_there = {"database": seen.database not in _GONE, "broker": seen.broker is not BrokerState.DOWN}
    body = {
        "mode": settings.MODE.value,
        **{name: "ok" if is_ok else "down" for name, is_ok in is_there.items()},
        **_numbers(seen),
        "troubles": _troubles(seen),
    }
    response = JsonResponse(body, status=200 if all(is_there.values()) else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


_GONE = frozenset({DatabaseState.DOWN, DatabaseState.OUTDATED})


def _numbers(seen: Observations) -> dict[str, Any]:
    """The latest sign of life of any worker and of the watchman, and how many receipts wait."""
    ages = [lane.silent_for for lane in seen.lanes if lane.silent_for is not None]
    try:
        waiting = unapplied_longer_than(RECEIPT_PATIENCE) if seen.is_readable else None
    except DatabaseError:
        waiting = None
    return {
        "heartbeat_age_seconds": _seconds(min(ages, default=None)),
        "watch_age_seconds": _seconds(seen.watch_silent_for),
        "receipts_waiting": waiting,
    }


def _troubles(seen: Observations) -> list[dict[str, str]]:
    found = {(trouble.part, trouble.code) for trouble in diagnose(seen)}
    try:
        if seen.is_readable:
            found |= set(open_incidents().values_list("part", "code"))
    except DatabaseError:
        pass  # it went away between two questions; the next one who asks is told
    return [{"part": part, "code": code} for part, code in sorted(found)]


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else round(age.total_seconds(), 1)
