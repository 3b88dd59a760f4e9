"""A case as it stood before each of its past updates, rebuilt from what is stored.

Exact: the case's status, what was known by then, which alerts were running, which standing approvals were in force.
Approximated: whether an earlier alert had reached somebody by that hour is taken from what is known of it today, and
everybody who is listed in the case today counts as listed then. `replay` finds out where that was not good enough.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch

from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.cases.models import Person, StatusUpdate
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.rules import REACHED
from urgentaction.triggers import decision as triggers
from urgentaction.triggers.facts import CaseSnapshot, PersonSnapshot, RunningAlert

#: Whom updates are about, by their keys only: nobody's name is read.
KEYS = Prefetch("persons", queryset=Person.objects.only("id", "key", "case_id"))


@dataclass(frozen=True, slots=True)
class Past:
    """The histories of some cases, read once."""

    updates: dict[uuid.UUID, list[StatusUpdate]]
    alerts: dict[uuid.UUID, list[Alert]]
    persons: dict[uuid.UUID, list[str]]
    approvals: list[StandingApproval]

    @classmethod
    def of(cls, cases: Collection[uuid.UUID], *, until: datetime) -> Past:
        """Everything recorded in these cases up to and including that moment; a fixed number of queries."""
        reached = Delivery.objects.filter(alert=OuterRef("pk"), state__in=[state.value for state in REACHED])
        updates = StatusUpdate.objects.filter(case__in=cases, recorded_at__lte=until).defer("note")
        alerts = Alert.objects.filter(case__in=cases, created_at__lte=until).defer("plan")
        persons = Person.objects.filter(case__in=cases).order_by("key").values_list("case_id", "key")
        listed: dict[uuid.UUID, list[str]] = defaultdict(list)
        for case, key in persons:
            listed[case].append(key)
        return cls(
            updates=_by_case(updates.prefetch_related(KEYS).order_by("recorded_at", "id")),
            alerts=_by_case(alerts.annotate(has_reached=Exists(reached)).order_by("created_at")),
            persons=listed,
            approvals=list(StandingApproval.objects.filter(granted_at__lte=until)),
        )

    def before(self, update: StatusUpdate) -> CaseSnapshot:
        """The case as it stood when this update came; the update is one of those read."""
        known = self.updates.get(update.case_id, [])
        earlier = known[: [one.id for one in known].index(update.id)]
        superseding = [one for one in earlier if one.decision.get("supersedes_case")]
        alerts = self._alerts_at(update)
        return CaseSnapshot(
            status=Status(update.previous_status) if update.previous_status else None,
            confidence=Confidence(superseding[-1].confidence) if superseding else None,
            persons=self._persons_at(update, superseding),
            version=superseding[-1].case_version if superseding else 0,
            running_alerts=tuple(
                RunningAlert(number=one.number, kind=one.kind, level=one.level)
                for one in alerts
                if not _is_over(one, at=update.recorded_at)
            ),
            previously_reached=any(getattr(one, "has_reached", False) for one in alerts if one.started_at is not None),
            latest_as_of=max((one.as_of for one in earlier if one.confidence != Confidence.RUMOURED), default=None),
        )

    def standing_at(self, moment: datetime) -> list[triggers.StandingApproval]:
        """The standing approvals that were in force at that moment."""
        return [
            triggers.StandingApproval(rule_id=one.rule, by=one.by)
            for one in self.approvals
            if one.granted_at <= moment
            and (one.revoked_at is None or one.revoked_at > moment)
            and (one.expires_at is None or one.expires_at > moment)
        ]

    def _alerts_at(self, update: StatusUpdate) -> list[Alert]:
        return [
            one
            for one in self.alerts.get(update.case_id, [])
            if one.created_at < update.recorded_at and one.update_id != update.id
        ]

    def _persons_at(self, update: StatusUpdate, superseding: Iterable[StatusUpdate]) -> tuple[PersonSnapshot, ...]:
        """Whoever an update named since has a status of their own; the others shared the case's."""
        own: dict[str, Status] = {}
        for one in superseding:
            own.update({person.key: Status(one.status) for person in one.persons.all()})
        keys = {*self.persons.get(update.case_id, ()), *(person.key for person in update.persons.all())}
        return tuple(PersonSnapshot(key=key, status=own.get(key)) for key in sorted(keys))


def _is_over(alert: Alert, *, at: datetime) -> bool:
    ends = [moment for moment in (alert.stopped_at, alert.finished_at) if moment is not None]
    return any(moment < at for moment in ends)


def _by_case(rows: Iterable[Any]) -> dict[uuid.UUID, list[Any]]:
    found: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.case_id].append(row)
    return found
