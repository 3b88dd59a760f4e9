"""Making drafts: those that a decision calls for, and those that a person composes, changes and sends for approval.

All run inside the caller's transaction. What happens to an alert once it waits for a decision is in `service`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from urgentaction.accounts.service import record_audit
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput
from urgentaction.core.ids import uuid7
from urgentaction.core.phrases import Code, say
from urgentaction.directory.models import Official
from urgentaction.directory.queries import official_in, officials_in_office
from urgentaction.triggers.decision import Action, Level, OfficialsAudience, Start, TriggerDecision

from .agreed import LETTER, Change
from .deciding import UNDECIDED
from .models import Alert, AlertKind, AlertState, AlertTarget
from .plan import APPROVALS_NEEDED, AlertPlan, plans_of
from .queries import sent_alerts
from .service import FALLBACK_LANGUAGE, hold_approved, locked


def draft_alerts(
    case: Case,
    update: StatusUpdate,
    decision: TriggerDecision,
    *,
    by: str,
    dated_on: date | None = None,
) -> list[Alert]:
    """Write down what a decision calls for: one alert for each part that starts on its own.

    Args:
        case: already at its new version.
        dated_on: the date printed on the letters; None for the day they are frozen.
    """
    if not decision.makes_alert:
        return []
    alerts = []
    for plan in plans_of(decision):
        needed = APPROVALS_NEEDED[decision.approval]
        if plan.start is not Start.WITH_ALERT or decision.action is Action.DRAFT_ONLY:
            needed = max(needed, 1)
        draft = _Draft(
            update=update,
            kind=AlertKind(decision.letter_kind) if decision.letter_kind else AlertKind.FURTHER_INFORMATION,
            level=decision.level,
            priority=decision.priority,
            rule=decision.rule_id,
            digest=decision.rules_digest,
            deadline=timedelta(hours=decision.deadline_hours) if decision.deadline_hours else None,
            needed=needed,
            by=by,
            dated_on=dated_on,
        )
        alert = _create(case, plan, draft)
        alert.predecessors.set(sent_alerts(case).exclude(id=alert.id))
        if decision.sends_automatically and plan.start is Start.WITH_ALERT:
            hold_approved(alert, hold=timedelta(minutes=decision.hold_minutes))
        elif plan.start is Start.WITH_ALERT and decision.action is not Action.DRAFT_ONLY:
            alert.state = AlertState.AWAITING_APPROVAL
            alert.save(update_fields=["state"])
        alerts.append(alert)
    return alerts


@dataclass(frozen=True, slots=True)
class Target:
    """An official whom a composed alert addresses (`to`) or copies in (`cc`)."""

    official: Official
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What a person composes.

    Attributes:
        deadline: counted from when the alert starts; None: what is unsent never expires.
        dated_on: the date printed on the letters; None: the day they are frozen.
        targets: whom the letters go to, in this order; None: the case's addressees, whoever is in office.
    """

    plan: AlertPlan
    level: int
    deadline: timedelta | None = None
    dated_on: date | None = None
    targets: Sequence[Target] | None = None

    @property
    def approvals_needed(self) -> int:
        """One, by somebody else; two for what is grave, as in the rules."""
        return 2 if self.level == Level.GRAVE else 1


def draft_manual(case: Case, composed: Composition, *, by: str, draft_id: uuid.UUID | None = None) -> Alert:
    """An alert that a person composes. It waits for nobody yet: `submit_draft` sends it for approval.

    Args:
        draft_id: its id, where whoever composes has chosen one, so that pressing a button twice makes one draft.

    Raises:
        InvalidInput: nobody would hear anything.
    """
    _refuse_without_audience(composed)
    draft = _Draft(
        update=case.updates.order_by("-recorded_at").first(),
        kind=AlertKind.MANUAL,
        level=composed.level,
        priority=composed.level,
        rule="manual",
        digest="",
        deadline=composed.deadline,
        needed=composed.approvals_needed,
        by=by,
        dated_on=composed.dated_on,
    )
    alert = _create(case, composed.plan, draft, targets=composed.targets, draft_id=draft_id)
    alert.predecessors.set(sent_alerts(case).exclude(id=alert.id))
    return alert


def is_composed_so(alert: Alert, composed: Composition) -> bool:
    """Whether an alert is what this composition makes."""
    if composed.targets is not None:
        targets = [(one.official_id, one.role) for one in alert.targets.all()]
        if targets != [(one.official.id, one.role) for one in composed.targets]:
            return False
    deadline = alert.deadline_at - alert.created_at if alert.deadline_at else None
    there = (AlertPlan.from_json(alert.plan), alert.level, deadline, alert.dated_on)
    return there == (composed.plan, composed.level, composed.deadline, composed.dated_on)


def change_draft(alert_id: uuid.UUID, composed: Composition, *, by: str) -> Alert:
    """Compose a draft anew. Approvals given to what it was are taken back, and it has to be sent for approval again.

    Whoever does is its author from now on: the yes has to come from somebody else than wrote it as it stands.

    Raises:
        Conflict: it is decided on, or a rule made it, or its case has moved on.
        InvalidInput: nobody would hear anything.
    """
    alert = _undecided(alert_id)
    if alert.kind != AlertKind.MANUAL:
        raise Conflict.of(
            "kind", say("a rule made alert %(number)s; reject it and compose another one instead", number=alert.number)
        )
    _refuse_without_audience(composed)
    alert.plan = composed.plan.to_json()
    alert.level = alert.priority = composed.level
    alert.deadline_at = alert.created_at + composed.deadline if composed.deadline else None
    alert.dated_on = composed.dated_on
    alert.approvals_needed = composed.approvals_needed
    alert.drafted_by = by
    alert.state = AlertState.DRAFT
    alert.save(
        update_fields=[
            "plan",
            "level",
            "priority",
            "deadline_at",
            "dated_on",
            "approvals_needed",
            "drafted_by",
            "state",
        ],
    )
    _begin_anew(alert)
    _address(alert, composed.plan, alert.case, composed.targets)
    record_audit(by, "alert.change", f"alert:{alert.id}")
    return alert


def address_draft(alert_id: uuid.UUID, targets: Sequence[Target], *, by: str) -> Alert:
    """Name the officials of a draft that a rule has left for a person to address (a new target).

    Raises:
        Conflict: it is decided on, its case has moved on, or its addressees are not ours to name.
        InvalidInput: nobody is addressed.
    """
    alert = _undecided(alert_id)
    plan = AlertPlan.from_json(alert.plan)
    if plan.officials_audience is not OfficialsAudience.NEW_TARGET:
        raise Conflict.of(
            "officials",
            say("a rule chose the addressees of alert %(number)s; compose another one", number=alert.number),
        )
    if not any(target.role == "to" for target in targets):
        raise InvalidInput.of("targets", say("name at least one official to whom the letter is addressed"))
    _begin_anew(alert)
    _write_targets(alert, targets)
    record_audit(by, "alert.address", f"alert:{alert.id}")
    return alert


def readdress(alert: Alert, found: Mapping[str, Change]) -> dict[str, Official]:
    """Whoever has taken an addressed office over takes the place of the one before. The caller has locked the alert.

    Args:
        found: what of it has changed; only offices with another holder are looked at.

    Returns:
        the new holders, by the part they had changed.
    """
    done = {}
    for target in alert.targets.select_related("official__office"):
        key = f"{LETTER}{target.official_id}"
        if found.get(key) is not Change.HOLDER:
            continue
        holder = official_in(target.official.office)
        if holder is None or alert.targets.filter(official=holder).exists():
            continue
        target.official = holder
        target.save(update_fields=["official"])
        done[key] = holder
    return done


def with_holders(targets: Iterable[AlertTarget]) -> list[AlertTarget]:
    """The targets, with whoever holds an office today in the place of who held it when they were named. Saves nothing.

    A vacant office keeps the one before: what is to be done about that is for a person.
    """
    found = list(targets)
    there = {target.official_id for target in found}
    for target in found:
        holder = official_in(target.official.office)
        if holder is not None and holder.id not in there:
            holder.office = target.official.office
            target.official = holder
            there.add(holder.id)
    return found


def readdress_to_holders(alert: Alert) -> None:
    """Write it down (`with_holders`), before anybody agrees to it or, where a rule decided, before it is frozen."""
    before = dict(alert.targets.values_list("id", "official_id"))
    for target in with_holders(alert.targets.select_related("official__office")):
        if target.official_id != before[target.id]:
            target.save(update_fields=["official"])


def submit_draft(alert_id: uuid.UUID, *, by: str) -> Alert:
    """Draft → waits for another person's yes. Raises Conflict if it is past that or its case has moved on."""
    alert = _undecided(alert_id)
    if alert.state != AlertState.DRAFT:
        raise Conflict.of("state", say("alert %(number)s waits for approval already", number=alert.number))
    alert.state = AlertState.AWAITING_APPROVAL
    alert.save(update_fields=["state"])
    record_audit(by, "alert.submit", f"alert:{alert.id}")
    return alert


def _undecided(alert_id: uuid.UUID) -> Alert:
    alert = locked(alert_id)
    if alert.state not in UNDECIDED:
        raise Conflict.of(
            "state",
            say(
                "alert %(number)s is %(state)s; it can't be changed any more",
                number=alert.number,
                state=Code.of("alert-state", alert.state),
            ),
        )
    if alert.fence != alert.case.version:
        raise Conflict.of(
            "case", say("%(reference)s has a newer status; compose another alert", reference=alert.case.reference)
        )
    return alert


def _refuse_without_audience(composed: Composition) -> None:
    plan = composed.plan
    if plan.officials is None and plan.supporters is None:
        raise InvalidInput.of("audience", say("nobody would hear of it; choose officials, supporters or both"))
    if plan.officials is not None and composed.targets is not None and not composed.targets:
        raise InvalidInput.of("targets", say("choose at least one official, or write to supporters only"))


def _begin_anew(alert: Alert) -> None:
    """Nobody has agreed to what it will be now, and nobody is addressed yet."""
    alert.approvals.filter(is_yes=True, revoked_at=None).update(revoked_at=clock.now())
    alert.targets.all().delete()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What a new alert is made of, besides its case and plan."""

    update: StatusUpdate | None
    kind: AlertKind
    level: int | None
    priority: int
    rule: str
    digest: str
    deadline: timedelta | None
    needed: int
    by: str
    dated_on: date | None


def _create(
    case: Case,
    plan: AlertPlan,
    draft: _Draft,
    *,
    targets: Sequence[Target] | None = None,
    draft_id: uuid.UUID | None = None,
) -> Alert:
    created = clock.now()
    alert = Alert.objects.create(
        id=draft_id or uuid7(),
        number=f"{case.reference}/{case.alerts.count() + 1}",
        case=case,
        update=draft.update,
        kind=draft.kind.value,
        level=draft.level,
        priority=draft.priority,
        state=AlertState.DRAFT,
        fence=case.version,
        rule=draft.rule,
        ruleset_digest=draft.digest,
        plan=plan.to_json(),
        languages=[FALLBACK_LANGUAGE],
        deadline_at=created + draft.deadline if draft.deadline else None,
        dated_on=draft.dated_on,
        drafted_by=draft.by,
        approvals_needed=draft.needed,
        created_at=created,
    )
    _address(alert, plan, case, targets)
    record_audit(draft.by, "alert.draft", f"alert:{alert.id}", rule=draft.rule, kind=draft.kind.value)
    return alert


def _address(alert: Alert, plan: AlertPlan, case: Case, targets: Sequence[Target] | None) -> None:
    """Those chosen, else who holds the addressed offices now. A new target (grave) is left for a person to name."""
    alert.languages = sorted({FALLBACK_LANGUAGE, *_languages_of(case)})
    alert.save(update_fields=["languages"])
    if plan.officials is None or plan.officials_audience in (OfficialsAudience.NONE, OfficialsAudience.NEW_TARGET):
        return
    if targets is None:
        entries = officials_in_office(case.addressees.select_related("office"))
        # A vacant one must not hold up the others; the pipeline makes a task of it.
        targets = [Target(official, entry.role) for entry, official in entries if official is not None]
    _write_targets(alert, targets)


def _write_targets(alert: Alert, targets: Sequence[Target]) -> None:
    languages = _languages_of(alert.case)
    AlertTarget.objects.bulk_create(
        AlertTarget(
            alert=alert,
            official=target.official,
            role=target.role,
            position=position,
            language=preferred if preferred in languages else FALLBACK_LANGUAGE,
        )
        for position, target in enumerate(targets, start=1)
        for preferred in (target.official.office.preferred_language,)
    )


def _languages_of(case: Case) -> list[str]:
    return list(case.texts.values_list("language", flat=True))
