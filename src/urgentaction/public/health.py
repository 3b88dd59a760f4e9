"""Whether this service works, for load balancers and watchmen. Numbers only; nothing personal, no addresses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from urgentaction.core import clock
from urgentaction.deliveries.models import Heartbeat
from urgentaction.receipts.service import unapplied_longer_than

BROKER_SECONDS = 1.0
#: Receipts are applied within seconds; older ones mean that no worker takes them.
RECEIPT_PATIENCE = timedelta(minutes=1)


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 while database and broker answer, else 503.

    A missing or old heartbeat is told but is no 503: taking the web away would not bring the workers back.
    """
    database, broker = _database(), is_broker_up()
    is_ok = database["database"] == "ok" and broker
    body = {"mode": settings.MODE.value, "broker": "ok" if broker else "down", **database}
    response = JsonResponse(body, status=200 if is_ok else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


def _database() -> dict[str, Any]:
    try:
        connection.ensure_connection()
        beat = Heartbeat.objects.order_by("-beat_at").values_list("beat_at", flat=True).first()
        waiting = unapplied_longer_than(RECEIPT_PATIENCE)
    except DatabaseError:
        return {"database": "down", "heartbeat_age_seconds": None, "receipts_waiting": None}
    age = None if beat is None else round(max((clock.now() - beat).total_seconds(), 0.0), 1)
    return {"database": "ok", "heartbeat_age_seconds": age, "receipts_waiting": waiting}


def is_broker_up() -> bool:
    """Whether the broker answers a PING within a second."""
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS
    )
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
