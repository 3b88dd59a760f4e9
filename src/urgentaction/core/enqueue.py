"""Hints to the workers, sent after the transaction has committed.

A hint names a task and at most an id: never data, never anything personal. The database says what is due; a hint
that is lost costs a few seconds (the sweeper finds the work by itself), one that comes twice costs nothing. So a
broker that is down must not fail the request that has just been stored: it is logged, and that is all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


class Queue(StrEnum):
    """Separate lanes, so that a hundred thousand supporters never delay one official's fax."""

    URGENT = "urgent"  # triggers, letters, fax and SMS to officials
    BULK = "bulk"  # supporter mail and SMS
    RECEIPTS = "receipts"
    UPKEEP = "upkeep"  # sweeper and heartbeat


class Task(StrEnum):
    """Every task there is. `workers/tasks.py` registers exactly these."""

    ADVANCE_ALERT = "urgentaction.advance_alert"
    SEND_URGENT = "urgentaction.send_urgent"
    SEND_BULK = "urgentaction.send_bulk"
    APPLY_RECEIPTS = "urgentaction.apply_receipts"
    SWEEP = "urgentaction.sweep"
    HEARTBEAT = "urgentaction.heartbeat"


QUEUE_OF: Mapping[Task, Queue] = {
    Task.ADVANCE_ALERT: Queue.URGENT,
    Task.SEND_URGENT: Queue.URGENT,
    Task.SEND_BULK: Queue.BULK,
    Task.APPLY_RECEIPTS: Queue.RECEIPTS,
    Task.SWEEP: Queue.UPKEEP,
    Task.HEARTBEAT: Queue.UPKEEP,
}


def broker_options() -> dict[str, Any]:
    """Transport options shared by those who send hints and those who take them.

    The visibility timeout is longer than a task's hard limit, which is longer than a lease, which is longer than the
    soft limit: whoever gives up first is the one who can still tell the database.
    """
    return {
        "visibility_timeout": settings.VISIBILITY_TIMEOUT_SECONDS,
        "socket_timeout": 15,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "queue_order_strategy": "priority",
    }


@cache
def _sender() -> Celery:
    app = Celery("urgentaction-hints", broker=settings.REDIS_URL, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        task_ignore_result=True,
        task_publish_retry=False,
        broker_transport_options=broker_options(),
        broker_connection_timeout=3,
    )
    return app


def close_connections() -> None:
    """Let go of the broker; the next hint connects again."""
    if _sender.cache_info().currsize:
        _sender().close()
        _sender.cache_clear()


def enqueue(task: Task, *ids: str) -> None:
    """Send a hint once the current transaction has committed (at once if there is none)."""
    transaction.on_commit(lambda: _publish(task, ids))


def _publish(task: Task, ids: tuple[str, ...]) -> None:
    try:
        _sender().send_task(task.value, args=list(ids), queue=QUEUE_OF[task].value, ignore_result=True, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("hint %s not sent (%s); the sweeper will find the work", task.value, type(error).__name__)
