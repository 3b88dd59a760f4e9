"""The tasks: names for the broker, one call each. A task may be lost, run twice, or run late; none of that matters."""

from __future__ import annotations

import uuid

from celery import shared_task
from celery.signals import worker_ready

from urgentaction import pipeline
from urgentaction.core.enqueue import Task, enqueue


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


@shared_task(name=Task.APPLY_RECEIPTS.value)
def apply_receipts() -> None:
    """What the gateways reported."""
    pipeline.apply_receipts()


@shared_task(name=Task.SWEEP.value)
def sweep() -> None:
    """Whatever was left undone."""
    pipeline.sweep_all()


@shared_task(name=Task.HEARTBEAT.value)
def heartbeat() -> None:
    """Proof that broker, worker and database work together."""
    pipeline.beat_heart()


@worker_ready.connect
def sweep_at_start(**_kwargs: object) -> None:
    """A worker that comes back looks at once for what was left."""
    enqueue(Task.SWEEP)
