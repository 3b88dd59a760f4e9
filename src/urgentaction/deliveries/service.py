"""What a person may do with deliveries: settle an unknown, try again, close a task."""

from __future__ import annotations

import uuid

from urgentaction.accounts.service import record_audit
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotFound

from .models import Delivery, HumanTask, HumanTaskKind
from .rules import Event, State, after


def settle_unknown(delivery_id: int, *, arrived: bool, by: str, why: str) -> Delivery:
    """A person found out what became of an unknown.

    Raises:
        NotFound, Conflict: no such delivery, or it is not unknown.
        InvalidInput: no reason was given.
    """
    if not why.strip():
        raise InvalidInput.of("reason", "say how you know; it stays with the delivery")
    row = _locked(delivery_id)
    new = after(State(row.state), Event.SETTLE_REACHED if arrived else Event.SETTLE_LOST)
    if new is None:
        raise Conflict.of("state", f"delivery {row.id} is {row.state}; only an unknown one can be settled")
    row.state, row.reason, row.settled_at = new.value, f"settled by hand: {why}"[:200], clock.read_database_now()
    row.save(update_fields=["state", "reason", "settled_at"])
    row.human_tasks.filter(done_at=None).update(done_at=clock.now(), done_by=by, result=why[:400])
    record_audit(by, "delivery.settle", f"delivery:{row.id}", arrived=arrived)
    return row


def close_task(task_id: uuid.UUID, *, by: str, result: str) -> HumanTask:
    """What a person did about it. Raises NotFound, Conflict."""
    task = HumanTask.objects.select_for_update(of=("self",)).filter(id=task_id).first()
    if task is None:
        raise NotFound.of("task", f"there is no task {task_id}")
    if task.done_at is not None:
        raise Conflict.of("task", f"it was closed by {task.done_by} already")
    if task.kind == HumanTaskKind.SETTLE_UNKNOWN:
        # Closed without an answer, the delivery would stay unknown, and nobody would be asked again.
        command = f"`urgentaction delivery settle {task.delivery_id}` with `--arrived` or `--lost`"
        raise Conflict.of("task", f"say what became of the delivery: {command}; that closes the task too")
    task.done_at, task.done_by, task.result = clock.now(), by, result[:400]
    task.save(update_fields=["done_at", "done_by", "result"])
    record_audit(by, "task.close", f"task:{task.id}")
    return task


def _locked(delivery_id: int) -> Delivery:
    row = Delivery.objects.select_for_update(of=("self",)).filter(id=delivery_id).first()
    if row is None:
        raise NotFound.of("delivery", f"there is no delivery {delivery_id}")
    return row
