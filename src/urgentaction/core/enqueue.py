"""Hints to the workers, sent after the transaction has committed.

A hint names a task and at most an id: never data, never anything personal. The database says what is due; a hint
that is lost costs a few seconds (the sweeper finds the work by itself), one that comes twice costs nothing. So a
broker that is down must neither fail nor delay the request that has just been stored: one short try, one line in the
log, and for some seconds no further hint is tried. A hint that nobody took for a minute is worth nothing any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: A hint older than this is thrown away unread: the sweeper has found its work, or sends the hint again.
HINT_SECONDS = 60
#: After a failure no hint is tried for so long.
PAUSE_SECONDS = 5.0


class Queue(StrEnum):
    """Separate lanes, so that a hundred thousand supporters never delay one official's fax."""

    URGENT = "urgent"  # triggers, letters, fax and SMS to officials
    BULK = "bulk"  # supporter mail and SMS, whether somebody really signed up, tables of supporters
    RECEIPTS = "receipts"
    UPKEEP = "upkeep"  # sweeper and heartbeat


class Task(StrEnum):
    """Every task there is. `workers/tasks.py` registers exactly these."""

    ADVANCE_ALERT = "urgentaction.advance_alert"
    SEND_URGENT = "urgentaction.send_urgent"
    SEND_BULK = "urgentaction.send_bulk"
    SEND_CONFIRMATIONS = "urgentaction.send_confirmations"
    TAKE_IN_TABLE = "urgentaction.take_in_table"
    APPLY_RECEIPTS = "urgentaction.apply_receipts"
    SWEEP = "urgentaction.sweep"
    HEARTBEAT = "urgentaction.heartbeat"


QUEUE_OF: Mapping[Task, Queue] = {
    Task.ADVANCE_ALERT: Queue.URGENT,
    Task.SEND_URGENT: Queue.URGENT,
    Task.SEND_BULK: Queue.BULK,
    Task.SEND_CONFIRMATIONS: Queue.BULK,
    Task.TAKE_IN_TABLE: Queue.BULK,
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


class Breaker:
    """Whether the broker is worth a try. Shared by the threads of a process: while it is down, one of them tries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._try_at: float | None = None  # set while the broker is down

    def may_try(self) -> bool:
        """True while all is well, and once in a pause after a failure."""
        with self._lock:
            if self._try_at is None:
                return True
            if time.monotonic() < self._try_at:
                return False
            self._try_at = time.monotonic() + PAUSE_SECONDS
            return True

    def failed(self, why: str) -> None:
        """Begin a pause; logged when it is the first in a row."""
        with self._lock:
            is_news, self._try_at = self._try_at is None, time.monotonic() + PAUSE_SECONDS
        if is_news:
            log.warning("the broker takes no hints (%s); the sweeper finds the work until it does", why)

    def worked(self) -> None:
        """All is well (again)."""
        with self._lock:
            was_down, self._try_at = self._try_at is not None, None
        if was_down:
            log.info("the broker takes hints again")

    def forget(self) -> None:
        """As at the start: another broker may be asked next."""
        with self._lock:
            self._try_at = None


_breaker = Breaker()


@cache
def _sender() -> Celery:
    """Sends hints with one try each: whoever sends one has somebody waiting for an answer."""
    app = Celery("urgentaction-hints", broker=settings.REDIS_URL, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        task_ignore_result=True,
        task_publish_retry=False,
        broker_transport_options=broker_options()
        | {"max_retries": 0, "socket_connect_timeout": 1, "socket_timeout": 2},
        broker_connection_timeout=1,
    )
    return app


def close_connections() -> None:
    """Let go of the broker; the next hint connects again."""
    _breaker.forget()
    if _sender.cache_info().currsize:
        _sender().close()
        _sender.cache_clear()


def enqueue(task: Task, *ids: str) -> None:
    """Send a hint once the current transaction has committed (at once if there is none)."""
    transaction.on_commit(lambda: _publish(task, ids))


def _publish(task: Task, ids: tuple[str, ...]) -> None:
    if not _breaker.may_try():
        return
    try:
        _send(task, ids)
    except (KombuError, RedisError, OSError) as error:
        _breaker.failed(type(error).__name__)
    else:
        _breaker.worked()


def _send(task: Task, ids: tuple[str, ...]) -> None:
    _sender().send_task(
        task.value,
        args=list(ids),
        queue=QUEUE_OF[task].value,
        expires=HINT_SECONDS,
        ignore_result=True,
        retry=False,
    )
