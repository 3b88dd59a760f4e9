"""The tasks: names for the broker, one call each. A task may be lost, run twice, or run late; none of that matters."""

from __future__ import annotations

import time
import uuid
from typing import Any

from celery import shared_task
from celery.signals import task_prerun, worker_ready

from urgentaction import pipeline
from urgentaction.core.enqueue import Queue, Task, enqueue

#: A process marks its lane at most so often, however many tasks it takes.
MARK_SECONDS = 5.0
_marked_at: dict[str, float] = {}


@shared_task(name=Task.ADVANCE_ALERT.value)
def advance_alert(alert_id: str) -> None:
    """Start, freeze, expand; or mark what a stopped alert left unsent."""
    pipeline.advance_alert(uuid.UUID(alert_id))


@shared_task(name=Task.SEND_URGENT.value)
def send_urgent() -> None:
    """Officials."""
    pipeline.send_to_officials()


@shared_task(name=Task.SEND_BULK.value)
def send_bulk() -> None:
    """Supporters."""
    pipeline.send_to_supporters()


@shared_task(name=Task.SEND_CONFIRMATIONS.value)
def send_confirmations() -> None:
    """People who have just signed up."""
    pipeline.send_confirmations()


@shared_task(name=Task.TAKE_IN_TABLE.value)
def take_in_table(table_id: str) -> None:
    """A table of supporters: check it, or take it in."""
    pipeline.take_in_table(uuid.UUID(table_id))


@shared_task(name=Task.APPLY_RECEIPTS.value)
def apply_receipts() -> None:
    """What the gateways reported."""
    pipeline.apply_receipts()


@shared_task(name=Task.SWEEP.value)
def sweep() -> None:
    """Whatever was left undone."""
    pipeline.sweep_all()


@shared_task(name=Task.HEARTBEAT.value)
def heartbeat(lane: str = Queue.UPKEEP.value) -> None:
    """Proof that beat, broker, this lane's worker and the database work together."""
    pipeline.beat_heart(lane)


@task_prerun.connect
def mark_lane(task: Any = None, **_kwargs: object) -> None:
    """Any task is a sign of life: behind those of a long mailing, a heartbeat gets stale before its turn comes."""
    lane = (task.request.delivery_info or {}).get("routing_key") if task is not None else None
    if lane in set(Queue) and time.monotonic() - _marked_at.get(lane, 0.0) >= MARK_SECONDS:
        _marked_at[lane] = time.monotonic()
        pipeline.beat_heart(lane)


@worker_ready.connect
def sweep_at_start(**_kwargs: object) -> None:
    """A worker that comes back looks at once for what was left."""
    enqueue(Task.SWEEP)
