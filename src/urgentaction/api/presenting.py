"""From rows to answers: the reads of the API. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Count, QuerySet

from urgentaction.alerts.models import Alert, AlertKind, AlertState
from urgentaction.cases.models import Case, CaseAddressee, StatusUpdate
from urgentaction.cases.queries import person_as_shown
from urgentaction.cases.vocabulary import Confidence, CountryRole, Status
from urgentaction.channels.contract import Channel
from urgentaction.deliveries.models import HumanTask, Role
from urgentaction.deliveries.rules import State
from urgentaction.directory.queries import official_in
from urgentaction.pipeline import Reported
from urgentaction.tracking.queries import progress_of
from urgentaction.tracking.views import AlertProgress, DeliveryView
from urgentaction.triggers.decision import TriggerDecision
from urgentaction.triggers.explain import (
    AudienceCounts,
    explain,
)

from . import answers

Row = TypeVar("Row", Case, Alert, StatusUpdate)

#: Where a text is wanted in one language and the case has several.
LANGUAGE = "en"


def page_of(rows: QuerySet[Row], *, limit: int) -> tuple[list[Row], Any]:
    """One page, and the id to go on after (None at the end)."""
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def brief(alert: Alert) -> answers.AlertBrief:
    """An alert in a line."""
    return answers.AlertBrief(
        id=alert.id, number=alert.number, kind=AlertKind(alert.kind), level=alert.level, state=AlertState(alert.state)
    )


def decision(made: TriggerDecision, *, counts: AudienceCounts | None = None) -> answers.DecisionOut:
    """A decision with its explanation; `counts` says whom it would reach."""
    return answers.DecisionOut(
        rule=made.rule_id,
        action=made.action,
        level=made.level.value if made.level is not None else None,
        priority=made.priority,
        approval=made.approval,
        sends_automatically=made.sends_automatically,
        hold_minutes=made.hold_minutes,
        deadline_hours=made.deadline_hours,
        supersedes_case=made.supersedes_case,
        withdraws=list(made.withdrawn_alerts),
        reasons=[reason.code for reason in made.reasons],
        explanation=explain(made, counts=counts),
    )


def reported(what: Reported) -> answers.UpdateOut:
    """What came of an update."""
    update = what.update
    return answers.UpdateOut(
        id=update.id,
        case=update.case.reference,
        case_version=update.case_version,
        status=Status(update.status),
        confidence=Confidence(update.confidence),
        as_of=update.as_of,
        recorded_at=update.recorded_at,
        decision=decision(what.decision),
        alerts=[brief(alert) for alert in what.alerts],
        withdrawn=[brief(alert) for alert in what.withdrawn],
    )


def case_brief(case: Case) -> answers.CaseBrief:
    """A case in a line."""
    return answers.CaseBrief(**_case_fields(case))


def _case_fields(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "reference": case.reference,
        "title": case.titles.get(LANGUAGE, case.reference),
        "group_size": case.group_size,
        "status": case.status or None,
        "confidence": case.confidence or None,
        "place": case.place,
        "status_as_of": case.status_as_of,
        "version": case.version,
    }


def case_whole(case: Case) -> answers.CaseOut:
    """A case with its persons as the public may see them."""
    shown = [
        (person, person_as_shown(person, person.shown_to_public, LANGUAGE, is_government=False))
        for person in case.persons.order_by("key")
    ]
    return answers.CaseOut(
        **_case_fields(case),
        titles=case.titles,
        background_url=case.background_url,
        embargo_until=case.embargo_until,
        countries=[
            answers.CountryOut(country=one.country, role=CountryRole(one.role))
            for one in case.countries.order_by("role", "country")
        ],
        persons=[
            answers.PersonOut(
                key=person.key,
                shown_as=seen.name,
                is_minor=person.is_minor,
                status=Status(person.status) if person.status else None,
            )
            for person, seen in shown
        ],
        addressees=[_addressee(one) for one in case.addressees.select_related("office")],
        alerts=[brief(alert) for alert in case.alerts.order_by("created_at")],
    )


def _addressee(row: CaseAddressee) -> answers.AddresseeOut:
    official = official_in(row.office)
    return answers.AddresseeOut(
        office=str(row.office), role="to" if row.role == "to" else "cc", official=str(official) if official else None
    )


def updates_of(case: Case) -> QuerySet[StatusUpdate]:
    """A case's updates, latest first, with what their answers need."""
    return case.updates.select_related("source").prefetch_related("persons", "alerts").order_by("-id")


def status_update(row: StatusUpdate) -> answers.StatusUpdateOut:
    """One update, without its note."""
    return answers.StatusUpdateOut(
        id=row.id,
        status=Status(row.status),
        previous_status=Status(row.previous_status) if row.previous_status else None,
        confidence=Confidence(row.confidence),
        place=row.place,
        as_of=row.as_of,
        reported_at=row.reported_at,
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        source=row.source.label if row.source else "",
        persons=sorted(person.key for person in row.persons.all()),
        is_family_informed=row.is_family_informed,
        case_version=row.case_version,
        rule=row.decision.get("rule_id", ""),
        action=row.decision.get("action", ""),
        alerts=[alert.number for alert in row.alerts.all()],
    )


def alerts_listed() -> QuerySet[Alert]:
    """All alerts, latest first, with what their answers need."""
    return Alert.objects.select_related("case").prefetch_related("approvals", "predecessors").order_by("-id")


def alerts_whole(rows: Sequence[Alert]) -> list[answers.AlertOut]:
    """Alerts with their progress: two counting queries for the lot."""
    open_tasks = HumanTask.objects.filter(alert__in=[alert.id for alert in rows], done_at=None)
    tasks = dict(open_tasks.values_list("alert_id").annotate(Count("id")))
    return [
        _alert(alert, progress, open_tasks=tasks.get(alert.id, 0))
        for alert, progress in zip(rows, progress_of(rows), strict=True)
    ]


def _alert(alert: Alert, progress: AlertProgress, *, open_tasks: int) -> answers.AlertOut:
    return answers.AlertOut(
        id=alert.id,
        number=alert.number,
        kind=AlertKind(alert.kind),
        level=alert.level,
        state=AlertState(alert.state),
        case=alert.case.reference,
        update=alert.update_id,
        rule=alert.rule,
        priority=alert.priority,
        languages=alert.languages,
        drafted_by=alert.drafted_by,
        approvals_needed=alert.approvals_needed,
        approvals=[
            answers.ApprovalOut(by=one.by, is_yes=one.is_yes, at=one.at, is_revoked=one.revoked_at is not None)
            for one in alert.approvals.all()
        ],
        created_at=alert.created_at,
        hold_until=alert.hold_until,
        started_at=alert.started_at,
        deadline_at=alert.deadline_at,
        stopped_at=alert.stopped_at,
        stop_reason=alert.stop_reason,
        finished_at=alert.finished_at,
        predecessors=sorted(one.number for one in alert.predecessors.all()),
        progress=[
            answers.ProgressOut(
                role=Role(one.role), channel=Channel(one.channel), state=State(one.state), deliveries=one.deliveries
            )
            for one in progress.tally.counts
        ],
        open_tasks=open_tasks,
    )


def delivery(view: DeliveryView) -> answers.DeliveryOut:
    """One delivery with its attempts; no address."""
    return answers.DeliveryOut(
        id=view.id,
        role=Role(view.role),
        recipient=view.recipient,
        channel=Channel(view.channel),
        step=view.step,
        state=State(view.state),
        reason=view.reason,
        due_at=view.due_at,
        accepted_at=view.accepted_at,
        settled_at=view.settled_at,
        gateway=view.gateway,
        gateway_ref=view.gateway_ref,
        attempts=[
            answers.AttemptOut(
                n=one.n,
                outcome=one.outcome,
                retry_class=one.retry_class,
                code=one.code,
                text=one.text,
                gateway_ref=one.gateway_ref,
                started_at=one.started_at,
                ended_at=one.ended_at,
            )
            for one in view.attempts
        ],
    )
