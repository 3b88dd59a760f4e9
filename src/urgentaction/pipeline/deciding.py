"""What people and programs ask for: updates, drafts, decisions. Each is one transaction."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from django.db import transaction

from urgentaction.alerts import drafting
from urgentaction.alerts import service as alerts
from urgentaction.alerts.deciding import refuse_if_hindered
from urgentaction.alerts.drafting import Composition
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import standing_approvals
from urgentaction.cases import service as cases
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.queries import case_called
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import label
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.core.errors import Conflict, InvalidInput
from urgentaction.core.phrases import Phrase, say
from urgentaction.deliveries import announcing, composing, reasons
from urgentaction.deliveries.people import close_decision, hold_decision
from urgentaction.tracking.forthcoming import agree
from urgentaction.tracking.snapshot import case_snapshot
from urgentaction.triggers.decision import RuleSet, TriggerDecision, fingerprint
from urgentaction.triggers.facts import CaseSnapshot, UpdateFacts, validate_update
from urgentaction.triggers.rules import decide, prevailing_status
from urgentaction.triggers.ruleset import shipped

OVERTAKEN = Phrase("overtaken: %(status)s as of %(day)s", status="status")


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of reporting an update: the row, the decision, the alerts it made and those it stopped."""

    update: StatusUpdate
    decision: TriggerDecision
    alerts: tuple[Alert, ...] = ()
    withdrawn: tuple[Alert, ...] = ()


def consider(case: Case, told: UpdateText) -> tuple[TriggerDecision, CaseSnapshot, RuleSet]:
    """What an update would lead to, without writing anything: the dry run and the first half of the real one.

    Raises:
        InvalidInput: everything wrong with the update at once.
    """
    facts = UpdateFacts(
        status=told.status,
        confidence=told.confidence,
        as_of=told.as_of,
        reported_at=told.reported_at,
        place=told.place,
        person_keys=told.person_keys,
    )
    if problems := validate_update(facts, now=clock.now()):
        raise InvalidInput(problems)
    before, rules = case_snapshot(case), shipped()
    return decide(before, facts, rules, standing_approvals=standing_approvals()), before, rules


@transaction.atomic
def report_update(
    reference: str, told: UpdateText, *, by: str, dated_on: date | None = None, agreed: str = ""
) -> Reported:
    """Something happened to somebody. In one transaction: write it, raise the fence, stop what is stale, decide, draft.

    Args:
        reference: of the case.
        by: who says so, as the audit log names people (`user:…`, `token:…`, `cli:…`).
        dated_on: the date to print on the letters; None for the day they are frozen.
        agreed: the `fingerprint_of` what `by` was shown before; empty where nobody was.

    Raises:
        NotFound: no such case.
        Conflict: what follows is no longer what was agreed to; nothing was written.
        InvalidInput: the update can't be used; nothing was written.
    """
    case = cases.lock_case(reference)
    alerts.lock_live(case)
    decision, before, rules = consider(case, told)
    if agreed and agreed != fingerprint_of(case, decision):
        raise Conflict.of(
            "case", say("something has changed for %(case)s meanwhile; look at what follows now", case=case.reference)
        )
    facts = UpdateFacts(
        status=told.status,
        confidence=told.confidence,
        as_of=told.as_of,
        reported_at=told.reported_at,
        person_keys=told.person_keys,
    )
    update = cases.record_update(
        case,
        told,
        by=by,
        supersedes_case=decision.supersedes_case,
        prevailing=prevailing_status(before, facts, rules),
        decision=asdict(decision),
    )
    stopped: list[Alert] = []
    if decision.supersedes_case:
        reason = OVERTAKEN(status=label(told.status), day=told.as_of)
        stopped = alerts.withdraw_live(case, reason=reason, by=by)
    drafted = drafting.draft_alerts(case, update, decision, by=by, dated_on=dated_on)
    for alert in drafted:
        announcing.alert_waits(alert, decision)
        announcing.offices_are_vacant(alert)
    announcing.others_lost_their_appeal(case, update, decision)
    transaction.on_commit(lambda: crash_point("after_update"))
    for alert in [*stopped, *drafted]:
        enqueue(Task.ADVANCE_ALERT, str(alert.id))
    crash_point("in_update")
    return Reported(update, decision, tuple(drafted), tuple(stopped))


def send_manual_alert(
    reference: str, plan: AlertPlan, *, level: int, deadline: timedelta | None, by: str, dated_on: date | None = None
) -> Alert:
    """Draft an alert that a person composed; it waits for another person's approval. Raises NotFound, InvalidInput."""
    composed = Composition(plan=plan, level=level, deadline=deadline, dated_on=dated_on)
    return composing.compose_and_submit(reference, composed, by=by)


@transaction.atomic
def approve(
    alert_id: uuid.UUID, *, by: str, hold: timedelta = timedelta(0), comment: str = "", seen: str = ""
) -> Alert:
    """One person's yes; with enough of them the alert starts after its hold. What it is a yes to is kept with it.

    Args:
        seen: the digest of what this person was shown; something else by now is not approved. Empty: what stands now.

    Raises:
        Conflict: it doesn't wait for that, its case has moved on, or it is not what was seen.
        NotAllowed: somebody else has to.
    """
    alert = alerts.locked(alert_id)
    refuse_if_hindered(alert, by=by)
    hold_decision(alert)
    drafting.readdress_to_holders(alert)
    agreed = agree(alert, seen=seen)
    alert = alerts.approve_alert(alert_id, by=by, agreed=agreed, hold=hold, comment=comment, seen=seen)
    if alert.state == AlertState.HELD:
        close_decision(alert, by=by, result=reasons.APPROVED)
        enqueue(Task.ADVANCE_ALERT, str(alert.id))
    return alert


@transaction.atomic
def reject(alert_id: uuid.UUID, *, by: str, comment: str) -> Alert:
    """One person's no. Raises Conflict."""
    hold_decision(alerts.locked(alert_id))
    alert = alerts.reject_alert(alert_id, by=by, comment=comment)
    close_decision(alert, by=by, result=reasons.REJECTED)
    return alert


@transaction.atomic
def take_back_approval(alert_id: uuid.UUID, *, by: str) -> Alert:
    """A yes becomes none; an alert that then lacks approvals stops at once, running or not. Raises Conflict."""
    alert = alerts.revoke_approval(alert_id, by=by)
    enqueue(Task.ADVANCE_ALERT, str(alert.id))
    return alert


@transaction.atomic
def let_go(alert_id: uuid.UUID, *, by: str) -> Alert:
    """Start a held alert now instead of at the end of its hold. Raises Conflict."""
    alert = alerts.end_hold(alert_id, by=by)
    enqueue(Task.ADVANCE_ALERT, str(alert.id))
    return alert


@transaction.atomic
def withdraw(alert_id: uuid.UUID, *, reason: str, by: str) -> Alert:
    """Stop an alert. Nothing of it is claimed after this commit. Raises Conflict."""
    hold_decision(alerts.locked(alert_id))
    alert = alerts.withdraw_alert(alert_id, reason=reason, by=by)
    close_decision(alert, by=by, result=reasons.STOPPED_BY_HAND)
    enqueue(Task.ADVANCE_ALERT, str(alert.id))
    return alert


def dry_run(reference: str, told: UpdateText) -> tuple[Case, TriggerDecision]:
    """What reporting this would do. Writes nothing. Raises NotFound, InvalidInput."""
    case = case_called(reference)
    decision, _, _ = consider(case, told)
    return case, decision


def fingerprint_of(case: Case, decision: TriggerDecision) -> str:
    """A fingerprint of what would follow, to agree to (`report_update`): another as soon as any of it changes."""
    latest = case.updates.order_by("-recorded_at", "-id").values_list("id", flat=True).first()
    return fingerprint(decision, version=case.version, after=str(latest or ""))
