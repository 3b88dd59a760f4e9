"""What is left for a person: opening a task, and closing it where news came first. People use `service.close_task`."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import F, Q, QuerySet

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.core import clock

from .models import Delivery, HumanTask, HumanTaskKind

#: How urgent a task is that belongs to no alert, on an alert's scale. A gateway that waits for us holds up everything.
WITHOUT_ALERT: Mapping[HumanTaskKind, int] = dict.fromkeys(HumanTaskKind, 3) | {HumanTaskKind.FIX_CONFIGURATION: 1}

#: Tasks to reach an official by a letter that no machine would send any more. One that is only too late is not stale:
#: it is true, and what machines could not do in time is for a person. `is_stale` says the same of one task.
STALE = Q(kind=HumanTaskKind.REACH_OFFICIAL.value) & (
    Q(alert__state=AlertState.WITHDRAWN.value) | ~Q(alert__fence=F("alert__case__version"))
)


def is_stale(task: HumanTask) -> bool:
    """Whether an open task asks to post a letter that was withdrawn or overtaken.

    Args:
        task: with its alert and the alert's case at hand, where it has one.
    """
    if task.kind != HumanTaskKind.REACH_OFFICIAL or task.alert is None or task.done_at is not None:
        return False
    return task.alert.state == AlertState.WITHDRAWN or task.alert.fence != task.alert.case.version


def open_task(
    kind: HumanTaskKind,
    *,
    key: str,
    title: str,
    advice: str,
    alert: Alert | None = None,
    delivery: Delivery | None = None,
    may_reopen: bool = False,
) -> HumanTask:
    """Write a task down, once: the same `key` finds the one that is there.

    Args:
        key: names the trouble (`reach:<alert>:<official>`), so that meeting it again makes no second task.
        advice: what to do, in words, with the command to type.
        may_reopen: the trouble can come back. Met again after somebody closed its task, it gets a new one. Without it
            the key names one event, and what a person has closed stays closed.
    """
    key = key[:120]
    about = alert or (delivery.alert if delivery is not None else None)
    if not may_reopen and (known := HumanTask.objects.filter(key=key).order_by("-created_at").first()):
        return known
    task, _ = HumanTask.objects.get_or_create(
        key=key,
        done_at=None,
        defaults={
            "kind": kind.value,
            "alert": alert,
            "delivery": delivery,
            "title": title[:200],
            "advice": advice[:400],
            "priority": about.priority if about is not None else WITHOUT_ALERT[kind],
            "due_at": about.deadline_at if about is not None else None,
            "created_at": clock.now(),
        },
    )
    return task


def hold_decision(alert: Alert) -> None:
    """Lock what waits for a decision about an alert, to the end of the transaction.

    Whoever takes or closes a task locks it first and writes the audit log afterwards; whoever decides has to take the
    two in the same order, or they wait for each other.
    """
    hold_tasks(HumanTask.objects.filter(alert=alert, kind=HumanTaskKind.DECIDE))


def hold_tasks(tasks: QuerySet[HumanTask]) -> None:
    """Lock the open ones of these, before anything is written into the audit log."""
    list(tasks.filter(done_at=None).order_by("id").select_for_update(of=("self",)).values_list("id", flat=True))


def close_decision(alert: Alert, *, by: str, result: str) -> None:
    """A draft that waited has been decided on."""
    tasks = HumanTask.objects.filter(alert=alert, kind=HumanTaskKind.DECIDE, done_at=None)
    # That its text names somebody stays to be mended, whatever becomes of the alert.
    tasks.exclude(key=f"consent:{alert.id}").update(done_at=clock.now(), done_by=by, result=result[:400])


def close_tasks_of(row: Delivery, kind: HumanTaskKind, *, result: str) -> int:
    """What people were asked to do about this delivery has been overtaken by news. Returns how many tasks that closed.

    Tasks to reach an official belong to the alert and the official, whichever delivery they were opened for.
    """
    about = Q(delivery=row)
    if kind is HumanTaskKind.REACH_OFFICIAL:
        about = Q(key=f"reach:{row.alert_id}:{row.official_id}")
    return HumanTask.objects.filter(about, kind=kind, done_at=None).update(
        done_at=clock.now(), done_by="system:deliveries", result=result[:400]
    )
