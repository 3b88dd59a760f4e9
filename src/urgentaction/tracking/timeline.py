"""What happened to a case, in one line of time. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Max, Min

from urgentaction.alerts.models import Alert, AlertState, Approval
from urgentaction.cases.models import Case
from urgentaction.cases.vocabulary import Confidence, Status, label
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.letters.models import Letter

from .views import Entry, EntryKind

#: At the same moment, this order tells the story.
_ORDER = tuple(EntryKind)


def timeline(case: Case) -> list[Entry]:
    """Updates, alerts, approvals, letters, first and last messages, tasks: sorted by when they were written down."""
    alerts = list(Alert.objects.filter(case=case).order_by("created_at"))
    entries = [*_updates(case), *_lives(alerts), *_approvals(case), *_letters(case), *_messages(case), *_tasks(case)]
    return sorted(entries, key=lambda entry: (entry.at, _ORDER.index(entry.kind)))


def _updates(case: Case) -> Iterator[Entry]:
    for update in case.updates.all():
        place = f", {update.place}" if update.place else ""
        sure = label(Confidence(update.confidence))
        text = f"{label(Status(update.status))} as of {update.as_of}{place} ({sure}), told by {update.recorded_by}"
        yield Entry(update.recorded_at, EntryKind.UPDATE, text)


def _lives(alerts: list[Alert]) -> Iterator[Entry]:
    for alert in alerts:
        level = f", level {alert.level}" if alert.level else ""
        kind = alert.kind.replace("_", " ")
        yield Entry(alert.created_at, EntryKind.DRAFTED, f"{kind}{level} drafted by {alert.drafted_by}", alert.number)
        if alert.started_at:
            yield Entry(alert.started_at, EntryKind.STARTED, "started", alert.number)
        if alert.stopped_at and alert.state != AlertState.REJECTED:  # a no is an approval's entry
            yield Entry(alert.stopped_at, EntryKind.WITHDRAWN, f"{alert.state}: {alert.stop_reason}", alert.number)
        if alert.finished_at:
            yield Entry(alert.finished_at, EntryKind.FINISHED, "finished", alert.number)


def _approvals(case: Case) -> Iterator[Entry]:
    for approval in Approval.objects.filter(alert__case=case).select_related("alert"):
        comment = f": {approval.comment}" if approval.comment else ""
        kind, what = (EntryKind.APPROVED, "approved") if approval.is_yes else (EntryKind.REJECTED, "rejected")
        yield Entry(approval.at, kind, f"{what} by {approval.by}{comment}", approval.alert.number)


def _letters(case: Case) -> Iterator[Entry]:
    rows = (
        Letter.objects.filter(alert__case=case)
        .values_list("alert__number", "language")
        .annotate(letters=Count("id"), at=Max("frozen_at"))
        .order_by("alert__number", "language")
    )
    by_alert: dict[str, list[tuple[str, int, datetime]]] = defaultdict(list)
    for number, language, letters, at in rows:
        by_alert[number].append((language, letters, at))
    for number, found in by_alert.items():
        languages = ", ".join(f"{letters} in {language}" for language, letters, _ in found)
        yield Entry(max(at for *_, at in found), EntryKind.FROZEN, f"letters frozen: {languages}", number)


def _messages(case: Case) -> Iterator[Entry]:
    rows = (
        Delivery.objects.filter(alert__case=case, accepted_at__isnull=False)
        .values_list("alert__number")
        .annotate(messages=Count("id"), first=Min("accepted_at"), last=Max("accepted_at"))
        .order_by("alert__number")
    )
    for number, messages, first, last in rows:
        yield Entry(first, EntryKind.FIRST_ACCEPTED, "first message taken by a gateway", number)
        if messages > 1:
            yield Entry(last, EntryKind.LAST_ACCEPTED, f"last of {messages} messages taken by a gateway", number)


def _tasks(case: Case) -> Iterator[Entry]:
    for task in HumanTask.objects.filter(alert__case=case).select_related("alert"):
        number = task.alert.number if task.alert else ""
        yield Entry(task.created_at, EntryKind.TASK_OPENED, f"for a person: {task.title}", number)
        if task.done_at:
            result = f" ({task.result})" if task.result else ""
            yield Entry(task.done_at, EntryKind.TASK_CLOSED, f"{task.title}: done by {task.done_by}{result}", number)
