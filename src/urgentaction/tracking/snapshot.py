"""A case as the trigger rules need to see it."""

from __future__ import annotations

from urgentaction.alerts.models import Alert
from urgentaction.alerts.queries import live_alerts
from urgentaction.cases.models import Case
from urgentaction.cases.queries import latest_as_of
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.deliveries.queries import reached_by
from urgentaction.triggers.facts import CaseSnapshot, PersonSnapshot, RunningAlert


def case_snapshot(case: Case) -> CaseSnapshot:
    """The case, its persons, what is running, whether anybody was ever reached; read in the caller's transaction."""
    sent = list(Alert.objects.filter(case=case, started_at__isnull=False).values_list("id", flat=True))
    return CaseSnapshot(
        status=Status(case.status) if case.status else None,
        confidence=Confidence(case.confidence) if case.confidence else None,
        persons=tuple(
            PersonSnapshot(key=person.key, status=Status(person.status) if person.status else None)
            for person in case.persons.order_by("key")
        ),
        version=case.version,
        running_alerts=tuple(
            RunningAlert(number=one.number, kind=one.kind, level=one.level) for one in live_alerts(case)
        ),
        previously_reached=reached_by(sent).exists(),
        latest_as_of=latest_as_of(case),
    )
