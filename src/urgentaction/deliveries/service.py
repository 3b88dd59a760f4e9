"""What a person may do with deliveries (settle an unknown, have one tried at once, stop it, send it again) and tasks.

Each verb is one transaction with its line in the audit, and tells the workers once that has been committed.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from urgentaction.accounts.service import record_audit
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.queries import is_current
from urgentaction.core import clock
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.core.errors import Conflict, InvalidInput, NotFound
from urgentaction.core.phrases import Code, Phrase, say

from . import reasons
from .expand import add_step, plan_of
from .models import Delivery, HumanTask, HumanTaskKind, Role
from .rules import SENT_AGAIN, Event, State, after, may_hurry

LONGEST_REASON = 150
SETTLE_FIRST = Phrase.typed(
    "say what became of the delivery: `urgentaction delivery settle %(delivery)s` with `--arrived` or `--lost`; that "
    "closes the task too"
)


@transaction.atomic
def settle_unknown(delivery_id: int, *, arrived: bool, by: str, why: str) -> Delivery:
    """A person found out what became of an unknown. One that was lost is followed up at once.

    Raises:
        NotFound, Conflict: no such delivery, or it is not unknown.
        InvalidInput: no reason was given.
    """
    if not why.strip():
        raise InvalidInput.of("reason", say("say how you know; it stays with the delivery"))
    row = _locked(delivery_id)
    new = after(State(row.state), Event.SETTLE_REACHED if arrived else Event.SETTLE_LOST)
    if new is None:
        raise Conflict.of(
            "state",
            say(
                "delivery %(id)s is %(state)s; only an unknown one can be settled",
                id=row.id,
                state=Code.of("state", row.state),
            ),
        )
    row.state, row.reason, row.settled_at = new.value, reasons.SETTLED(why=why)[:200], clock.read_database_now()
    row.save(update_fields=["state", "reason", "settled_at"])
    asked = row.human_tasks.filter(kind=HumanTaskKind.SETTLE_UNKNOWN, done_at=None)
    asked.update(done_at=clock.now(), done_by=by, result=why[:400])
    record_audit(by, "delivery.settle", f"delivery:{row.id}", arrived=arrived)
    enqueue(Task.SWEEP)
    return row


@transaction.atomic
def try_now(delivery_id: int, *, by: str) -> Delivery:
    """End the wait of a queued delivery: it is tried as soon as a worker and a gateway are free, office hours or not.

    Nothing else changes: the fence, consent, the deadline and the gateway's pause are asked as always.

    Raises:
        NotFound: there is none.
        Conflict: it does not wait, or waits for a supporter's quiet hours to end.
    """
    row = _locked(delivery_id)
    if row.state != State.QUEUED:
        raise Conflict.of(
            "state",
            say(
                "delivery %(id)s is %(state)s; only a queued one can be tried at once",
                id=row.id,
                state=Code.of("state", row.state),
            ),
        )
    if not may_hurry(is_supporter=row.role == Role.SUPPORTER, channel=row.channel):
        raise Conflict.of(
            "state", say("delivery %(id)s may wait for somebody's quiet hours to end; leave it its time", id=row.id)
        )
    waited_for, row.due_at = row.due_at, clock.read_database_now()
    if waited_for > row.due_at:
        row.save(update_fields=["due_at"])
        record_audit(by, "delivery.try_now", f"delivery:{row.id}", was_due=waited_for.isoformat())
    enqueue(Task.SEND_BULK if row.role == Role.SUPPORTER else Task.SEND_URGENT)
    return row


@transaction.atomic
def withdraw_delivery(delivery_id: int, *, by: str, why: str) -> Delivery:
    """Stop one delivery that has not left. The rest of its alert goes on, and nothing follows in its place.

    Raises:
        NotFound: there is none.
        Conflict: it has left, or is over.
        InvalidInput: no reason was given.
    """
    reason = _reason(why, say("say why it must not be sent; it stays with the delivery"))
    row = _locked(delivery_id)
    new = after(State(row.state), Event.WITHDRAW)
    if new is None:
        raise Conflict.of(
            "state",
            say(
                "delivery %(id)s is %(state)s; what has left or is over can't be stopped",
                id=row.id,
                state=Code.of("state", row.state),
            ),
        )
    row.state, row.reason, row.settled_at = new.value, reasons.WITHDRAWN(why=reason), clock.read_database_now()
    row.lease_token = row.lease_until = None  # a worker that holds it finds its claim gone
    row.save(update_fields=["state", "reason", "settled_at", "lease_token", "lease_until"])
    record_audit(by, "delivery.withdraw", f"delivery:{row.id}")
    enqueue(Task.SWEEP)
    return row


@transaction.atomic
def send_again(delivery_id: int, *, by: str, why: str) -> Delivery:
    """Have an official's letter sent once more to a contact point where it failed or was withdrawn.

    What is over stays over: this makes a new delivery, with a history of its own, that says whose decision it was.

    Returns:
        The new delivery, queued; in the office's hours where the plan keeps to them.

    Raises:
        NotFound: there is none.
        Conflict: its end does not allow it, the alert no longer sends, or it is on its way there again already.
        InvalidInput: no reason was given.
    """
    reason = _reason(why, say("say why it should go there once more; it stays with the delivery"))
    first = _locked(delivery_id, is_locking=False)
    # Not the whole key: who follows this delivery up holds it, and may write a task that points at the alert.
    alert = Alert.objects.select_for_update(no_key=True).get(id=first.alert_id)
    row = _locked(delivery_id)
    if refusal := refusal_to_send_again(row, alert):
        raise Conflict.of("state", refusal)
    plan = plan_of(alert).officials
    target = alert.targets.select_related("official__office").get(official=row.official)
    if plan is None or row.contact_point is None:
        raise AssertionError(f"delivery {row.id} to an official has no plan or no contact point")
    number = max(_same_way(row).values_list("again", flat=True)) + 1
    add_step(alert, target, row.contact_point, plan, step=row.step, again=number)
    made = _same_way(row).get(again=number)
    made.reason = reasons.SENT_AGAIN(why=reason)
    made.save(update_fields=["reason"])
    record_audit(by, "delivery.send_again", f"delivery:{row.id}", new=made.id)
    enqueue(Task.SEND_URGENT)
    return made


def refusal_to_send_again(row: Delivery, alert: Alert) -> str:
    """Why this delivery can't be sent again now, in words; empty where it can."""
    if row.role == Role.SUPPORTER:
        return say("a supporter's message is never sent again by hand; an address that fails is put right by its owner")
    if State(row.state) not in SENT_AGAIN:
        return say(
            "delivery %(id)s is %(state)s; only what failed or was withdrawn can be sent again",
            id=row.id,
            state=Code.of("state", row.state),
        )
    if row.contact_point is None or row.contact_point.retired_at is not None:
        return say("the contact point of delivery %(id)s is no longer in the directory", id=row.id)
    if alert.state != AlertState.RUNNING or not is_current(alert):
        return say(
            "alert %(number)s sends nothing any more (%(state)s); compose a new one",
            number=alert.number,
            state=Code.of("alert-state", alert.state),
        )
    if alert.deadline_at is not None and alert.deadline_at <= clock.read_database_now():
        return say("the deadline of alert %(number)s has passed; compose a new one", number=alert.number)
    newest = _same_way(row).order_by("-again")[0]
    if newest.id != row.id:
        return say("it was sent there again already: see delivery %(id)s", id=newest.id)
    return ""


@transaction.atomic
def take_task(task_id: uuid.UUID, *, by: str) -> HumanTask:
    """Somebody says "I do it". Raises NotFound; Conflict: it is done, or somebody else has it."""
    task = _open_task(task_id)
    if task.taken_by not in ("", by):
        raise Conflict.of("task", say("somebody else has taken it; speak with them, or wait until they give it back"))
    if not task.taken_by:
        _hold(task, by=by, at=clock.now())
        record_audit(by, "task.take", f"task:{task.id}")
    return task


@transaction.atomic
def give_back_task(task_id: uuid.UUID, *, by: str) -> HumanTask:
    """Whoever took it can't do it after all; another person gives it back for somebody who is away. Raises as above."""
    task = _open_task(task_id)
    if task.taken_by:
        record_audit(by, "task.give_back", f"task:{task.id}", taken_by=task.taken_by)
        _hold(task, by="", at=None)
    return task


@transaction.atomic
def close_task(task_id: uuid.UUID, *, by: str, result: str) -> HumanTask:
    """What a person did about it. Raises NotFound, Conflict; InvalidInput where no result is told."""
    if not result.strip():
        raise InvalidInput.of("result", say("say what came of it; it stays with the task"))
    task = _open_task(task_id)
    if task.kind == HumanTaskKind.SETTLE_UNKNOWN:
        # Closed without an answer, the delivery would stay unknown, and nobody would be asked again.
        raise Conflict.of("task", SETTLE_FIRST(delivery=task.delivery_id))
    task.done_at, task.done_by, task.result = clock.now(), by, result.strip()[:400]
    task.save(update_fields=["done_at", "done_by", "result"])
    record_audit(by, "task.close", f"task:{task.id}")
    return task


def _hold(task: HumanTask, *, by: str, at: datetime | None) -> None:
    task.taken_by, task.taken_at = by[:80], at
    task.save(update_fields=["taken_by", "taken_at"])


def _open_task(task_id: uuid.UUID) -> HumanTask:
    task = HumanTask.objects.select_for_update(of=("self",)).filter(id=task_id).first()
    if task is None:
        raise NotFound.of("task", f"there is no task {task_id}")
    if task.done_at is not None:
        raise Conflict.of("task", say("it was closed by %(done_by)s already", done_by=task.done_by))
    return task


def _same_way(row: Delivery) -> QuerySet[Delivery]:
    """The deliveries of an alert to the same contact point of the same official: the first, and those sent again."""
    return Delivery.objects.filter(
        alert_id=row.alert_id, official=row.official, channel=row.channel, contact_point=row.contact_point
    )


def _reason(why: str, wanted: str) -> str:
    given = " ".join(why.split())
    if not given:
        raise InvalidInput.of("reason", wanted)
    return given[:LONGEST_REASON]


def _locked(delivery_id: int, *, is_locking: bool = True) -> Delivery:
    rows = Delivery.objects.select_for_update(of=("self",)) if is_locking else Delivery.objects.all()
    row = rows.filter(id=delivery_id).first()
    if row is None:
        raise NotFound.of("delivery", f"there is no delivery {delivery_id}")
    return row
