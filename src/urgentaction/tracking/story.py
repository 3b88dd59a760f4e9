"""The line of time of one case for its page: every kind of thing that happened to it, the latest first. Reads only.

`timeline` tells the same for a file that is kept, and reads every delivery for it. This one is asked whenever somebody
looks: deliveries are summed (`tallying`), and only those of officials that failed or are unknown stand singly. So it
costs the same whether an alert went to ten people or to a hundred thousand.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db.models import Count, Max, Q

from urgentaction.alerts.models import Alert, Approval
from urgentaction.cases.models import Case
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.queries import OFFICIALS
from urgentaction.deliveries.rules import State
from urgentaction.deliveries.tallying import counts_of
from urgentaction.letters.models import Letter, Publication

#: So many of each kind, the latest: nobody scrolls further, and the dossier has everything.
MOST = 200
_FAILED = (State.FAILED.value, State.UNKNOWN.value)
_STOPPED = (State.WITHDRAWN.value, State.EXPIRED.value, State.SUPPRESSED.value)


class Part(StrEnum):
    """What a reader may look at alone."""

    UPDATES = "updates"
    ALERTS = "alerts"
    LETTERS = "letters"
    DELIVERIES = "deliveries"
    TASKS = "tasks"


class What(StrEnum):
    """What happened. Its words are the page's business."""

    UPDATE = "update"
    DRAFTED = "drafted"
    APPROVED = "approved"
    REJECTED = "rejected"
    STARTED = "started"
    STOPPED = "stopped"
    FINISHED = "finished"
    FROZEN = "frozen"
    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"
    SENT = "sent"
    FAILED = "failed"
    TASK_OPENED = "task_opened"
    TASK_DONE = "task_done"


PART_OF: Mapping[What, Part] = {
    What.UPDATE: Part.UPDATES,
    What.FROZEN: Part.LETTERS,
    What.PUBLISHED: Part.LETTERS,
    What.UNPUBLISHED: Part.LETTERS,
    What.SENT: Part.DELIVERIES,
    What.FAILED: Part.DELIVERIES,
    What.TASK_OPENED: Part.TASKS,
    What.TASK_DONE: Part.TASKS,
}
#: At the same moment, this order tells the story.
_ORDER = tuple(What)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """The deliveries of one alert on one channel, to officials or to supporters."""

    channel: str
    is_to_officials: bool
    total: int
    reached: int
    waiting: int
    failed: int
    unknown: int
    stopped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        at: when (UTC). Sums have none of their own and stand where their alert's deliveries were made.
        by: who did it, as the audit log names people; empty for the machine.
        row: what it is about: a StatusUpdate, Alert, Delivery, HumanTask or Publication.
        sums, languages: of SENT and FROZEN.
    """

    at: datetime
    what: What
    row: object
    by: str = ""
    words: str = ""
    alert: Alert | None = None
    sums: tuple[Sum, ...] = ()
    languages: tuple[tuple[str, int], ...] = ()
    counted_at: datetime | None = field(default=None, compare=False)

    @property
    def part(self) -> Part:
        """Under which of the reader's choices it falls."""
        return PART_OF.get(self.what, Part.ALERTS)


def story(case: Case, *, parts: Collection[Part] = tuple(Part)) -> list[Event]:
    """What happened to a case, the latest first; a fixed number of queries.

    Args:
        parts: only these.
    """
    alerts = {row.id: row for row in Alert.objects.filter(case=case).order_by("-created_at")[:MOST]}
    told: list[Event] = []
    if Part.UPDATES in parts:
        told += _updates(case)
    if Part.ALERTS in parts:
        told += [*_lives(alerts), *_approvals(alerts)]
    if Part.LETTERS in parts:
        told += [*_letters(alerts), *_publications(alerts)]
    if Part.DELIVERIES in parts:
        told += [*_sums(alerts), *_failures(alerts)]
    if Part.TASKS in parts:
        told += _tasks(case, alerts)
    return sorted(told, key=lambda event: (event.at, _ORDER.index(event.what)), reverse=True)


def _updates(case: Case) -> Iterator[Event]:
    rows = case.updates.select_related("source").prefetch_related("persons", "alerts").defer("note")
    for row in rows.order_by("-recorded_at")[:MOST]:
        yield Event(at=row.recorded_at, what=What.UPDATE, row=row, by=row.recorded_by)


def _lives(alerts: Mapping[uuid.UUID, Alert]) -> Iterator[Event]:
    for row in alerts.values():
        yield Event(at=row.created_at, what=What.DRAFTED, row=row, alert=row, by=row.drafted_by)
        if row.started_at:
            yield Event(at=row.started_at, what=What.STARTED, row=row, alert=row)
        if row.stopped_at:
            yield Event(at=row.stopped_at, what=What.STOPPED, row=row, alert=row, words=row.stop_reason)
        if row.finished_at:
            yield Event(at=row.finished_at, what=What.FINISHED, row=row, alert=row)


def _approvals(alerts: Mapping[uuid.UUID, Alert]) -> Iterator[Event]:
    for row in Approval.objects.filter(alert__in=list(alerts)).order_by("-at")[:MOST]:
        what = What.APPROVED if row.is_yes else What.REJECTED
        yield Event(at=row.at, what=what, row=row, alert=alerts[row.alert_id], by=row.by, words=row.comment)


def _letters(alerts: Mapping[uuid.UUID, Alert]) -> Iterator[Event]:
    rows = (
        Letter.objects.filter(alert__in=list(alerts))
        .values_list("alert", "language")
        .annotate(letters=Count("id"), at=Max("frozen_at"))
        .order_by("alert", "language")
    )
    by_alert: dict[uuid.UUID, list[tuple[str, int, datetime]]] = {}
    for alert_id, language, letters, at in rows:
        by_alert.setdefault(alert_id, []).append((language, letters, at))
    for alert_id, found in by_alert.items():
        languages = tuple((language, letters) for language, letters, _ in found)
        row = alerts[alert_id]
        yield Event(at=max(at for *_, at in found), what=What.FROZEN, row=row, alert=row, languages=languages)


def _publications(alerts: Mapping[uuid.UUID, Alert]) -> Iterator[Event]:
    for row in Publication.objects.filter(alert__in=list(alerts)).order_by("-published_at")[:MOST]:
        alert = alerts[row.alert_id]
        yield Event(at=row.published_at, what=What.PUBLISHED, row=row, alert=alert, by=row.published_by)
        if row.withdrawn_at:
            yield Event(at=row.withdrawn_at, what=What.UNPUBLISHED, row=row, alert=alert, by=row.withdrawn_by)


def _sums(alerts: Mapping[uuid.UUID, Alert]) -> Iterator[Event]:
    for alert_id, counts in counts_of(alerts.values()).items():
        row = alerts[alert_id]
        if not counts.rows:
            continue
        by_group: dict[tuple[bool, str], dict[str, int]] = {}
        for role, channel, state, number in counts.rows:
            states = by_group.setdefault((role in OFFICIALS, channel), {})
            states[state] = states.get(state, 0) + number
        sums = tuple(_sum(*group, states) for group, states in sorted(by_group.items(), reverse=True))
        at = row.expanded_at or row.started_at or row.created_at
        yield Event(at=at, what=What.SENT, row=row, alert=row, sums=sums, counted_at=counts.at)


def _sum(is_to_officials: bool, channel: str, states: Mapping[str, int]) -> Sum:  # noqa: FBT001 - the key of a group
    total = sum(states.values())
    failed, unknown = states.get(State.FAILED.value, 0), states.get(State.UNKNOWN.value, 0)
    stopped = sum(states.get(state, 0) for state in _STOPPED)
    reached = states.get(State.ACCEPTED.value, 0) + states.get(State.DELIVERED.value, 0)
    return Sum(
        channel=channel,
        is_to_officials=is_to_officials,
        total=total,
        reached=reached,
        waiting=total - reached - failed - unknown - stopped,
        failed=failed,
        unknown=unknown,
        stopped=stopped,
    )


def _failures(alerts: Mapping[uuid.UUID, Alert]) -> Iterator[Event]:
    """One by one, because each is an office that may not know: what failed, and what nobody can tell."""
    troubled = Q(state__in=_FAILED, role__in=OFFICIALS, official__isnull=False)
    rows = Delivery.objects.filter(troubled, alert__in=list(alerts)).select_related("official__office")
    for row in rows.order_by("-id")[:MOST]:
        at = row.settled_at or row.intent_at or row.created_at
        yield Event(at=at, what=What.FAILED, row=row, alert=alerts[row.alert_id], words=row.reason)


def _tasks(case: Case, alerts: Mapping[uuid.UUID, Alert]) -> Iterator[Event]:
    """Those of its alerts, and those that an update left without one (`announcing.others_lost_their_appeal`)."""
    updates = case.updates.order_by("-recorded_at").values_list("id", flat=True)[:MOST]
    of_case = Q(alert__in=list(alerts)) | Q(key__in=[f"remainder:{update_id}" for update_id in updates])
    for row in HumanTask.objects.filter(of_case).order_by("-created_at")[:MOST]:
        alert = alerts[row.alert_id] if row.alert_id else None
        yield Event(at=row.created_at, what=What.TASK_OPENED, row=row, alert=alert)
        if row.done_at:
            yield Event(at=row.done_at, what=What.TASK_DONE, row=row, alert=alert, by=row.done_by, words=row.result)
