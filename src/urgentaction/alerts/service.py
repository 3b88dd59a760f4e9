"""What may be done with an alert. Each verb checks the state it finds, writes one row, and leaves a line in the audit.

All run inside the caller's transaction and lock the alert first, so two people pressing two buttons get one answer
each, not a mixture.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, F, Q

from urgentaction.accounts.service import record_audit
from urgentaction.cases.models import Case
from urgentaction.core import clock
from urgentaction.core.errors import Conflict
from urgentaction.core.phrases import Code, Phrase, say
from urgentaction.triggers.decision import OfficialsAudience, SupportersAudience

from .agreed import Agreed, Change, NotAgreed, agreed_in, changes, to_json
from .deciding import UNDECIDED, refuse_if_hindered
from .models import Alert, AlertState, AlertTarget, Approval
from .plan import AlertPlan
from .queries import LIVE, has_enough_approvals, live_alerts

FALLBACK_LANGUAGE = "en"
_NOT_STARTED = (AlertState.DRAFT, AlertState.AWAITING_APPROVAL, AlertState.HELD)
TOO_LATE = Phrase("its deadline passed before it was approved")
NEVER_STARTED = Phrase("its deadline passed before it could start")
BY_HAND = Phrase("withdrawn by hand")
IN_ITS_HOLD = Phrase("stopped during its hold")
REJECTED = Phrase("rejected")
TAKEN_BACK = Phrase("approval taken back")


def lock_live(case: Case) -> list[Alert]:
    """Lock the case's alerts that are not over.

    Whoever acts on an alert locks it first and writes the audit log afterwards; an update has to take the two in the
    same order, or they wait for each other.
    """
    return list(live_alerts(case).select_for_update())


def expire_overdue() -> list[Alert]:
    """Alerts that nobody approved before their deadline are over. Returns them.

    What was approved in time may start when its hold ends, and as long after that as it had in all.
    """
    now = clock.database_now()
    starts_by = ExpressionWrapper(F("hold_until") + (F("deadline_at") - F("created_at")), DateTimeField())
    late = Q(state__in=UNDECIDED, deadline_at__lte=now) | Q(state=AlertState.HELD, starts_by__lte=now)
    rows = Alert.objects.alias(starts_by=starts_by).filter(late)
    expired: list[Alert] = list(rows.select_for_update(skip_locked=True))
    for alert in expired:
        reason = NEVER_STARTED() if alert.state == AlertState.HELD else TOO_LATE()
        _stop(alert, AlertState.EXPIRED, reason=reason, by="system:alerts")
    return expired


def withdraw_live(case: Case, *, reason: str, by: str) -> list[Alert]:
    """Stop everything of this case that is not over. What is unsent is marked later; claims stop with this commit."""
    stopped = list(live_alerts(case).select_for_update())
    for alert in stopped:
        _stop(alert, AlertState.WITHDRAWN, reason=reason, by=by)
    return stopped


def withdraw_alert(alert_id: uuid.UUID, *, reason: str, by: str) -> Alert:
    """Stop one alert. Raises Conflict if it is over already."""
    alert = locked(alert_id)
    if alert.state not in LIVE:
        raise Conflict.of(
            "state",
            say(
                "alert %(number)s is %(state)s already; nothing was left to stop",
                number=alert.number,
                state=Code.of("alert-state", alert.state),
            ),
        )
    _stop(alert, AlertState.WITHDRAWN, reason=reason or BY_HAND(), by=by)
    return alert


def approve_alert(
    alert_id: uuid.UUID,
    *,
    by: str,
    agreed: Agreed,
    hold: timedelta = timedelta(0),
    comment: str = "",
    seen: str = "",
) -> Alert:
    """One person's yes. With enough of them the alert is held for `hold`, then starts.

    What others agreed to before counts only if it is the same.

    Args:
        agreed: what it is a yes to; freezing holds to it.
        seen: the digest of what this person was shown (`tracking.forthcoming`), for the audit log.

    Raises:
        Conflict: the alert does not wait for approval, or its case has moved on.
        NotAllowed: who drafted it can't be the only one to approve it.
    """
    alert = locked(alert_id)
    refuse_if_hindered(alert, by=by)
    _void_what_differs(alert, agreed, by=by)
    given = {"is_yes": True, "comment": comment[:500], "at": clock.now(), "revoked_at": None}
    Approval.objects.update_or_create(alert=alert, by=by, defaults={**given, "agreed": to_json(agreed)})
    record_audit(by, "alert.approve", f"alert:{alert.id}", **({"seen": seen} if seen else {}))
    if has_enough_approvals(alert):
        hold_approved(alert, hold=hold)
    else:
        alert.state = AlertState.AWAITING_APPROVAL
        alert.save(update_fields=["state"])
    return alert


def reject_alert(alert_id: uuid.UUID, *, by: str, comment: str) -> Alert:
    """One person's no ends it. Raises Conflict if it is past that."""
    alert = locked(alert_id)
    if alert.state not in _NOT_STARTED:
        raise Conflict.of(
            "state",
            say(
                "alert %(number)s is %(state)s; withdraw it instead",
                number=alert.number,
                state=Code.of("alert-state", alert.state),
            ),
        )
    Approval.objects.update_or_create(
        alert=alert, by=by, defaults={"is_yes": False, "comment": comment[:500], "at": clock.now(), "revoked_at": None}
    )
    _stop(alert, AlertState.REJECTED, reason=comment or REJECTED(), by=by)
    return alert


def revoke_approval(alert_id: uuid.UUID, *, by: str) -> Alert:
    """Take a yes back. An approved alert that then lacks approvals stops, running or not; a draft goes on waiting."""
    alert = locked(alert_id)
    changed = alert.approvals.filter(by=by, is_yes=True, revoked_at=None).update(revoked_at=clock.now())
    if not changed:
        raise Conflict.of("approval", say("%(by)s has not approved alert %(number)s", by=by, number=alert.number))
    record_audit(by, "alert.take_back_approval", f"alert:{alert.id}")
    if alert.state in (AlertState.HELD, AlertState.RUNNING) and not has_enough_approvals(alert):
        _stop(alert, AlertState.WITHDRAWN, reason=TAKEN_BACK(), by=by)
    return alert


def held_by_yes_of(who: str) -> list[Alert]:
    """Alerts that have not started and that this person said yes to, locked to the end of the transaction.

    Args:
        who: as the audit log names people.
    """
    given = Approval.objects.filter(by=who, is_yes=True, revoked_at=None, alert__state__in=_NOT_STARTED)
    found = [locked(alert_id) for alert_id in given.order_by("alert_id").values_list("alert_id", flat=True)]
    return [alert for alert in found if alert.state in _NOT_STARTED]


def void_yes_of(who: str, alerts: Iterable[Alert], *, by: str) -> list[Alert]:
    """A yes no longer counts whose giver is shut out. Returns those alerts that wait for approval again because of it.

    What runs goes on: it was rightly approved, and half a mailing helps nobody.

    Args:
        alerts: as `held_by_yes_of` locked them.
    """
    waiting = []
    for alert in alerts:
        alert.approvals.filter(by=who, is_yes=True, revoked_at=None).update(revoked_at=clock.now())
        record_audit(by, "alert.void_approval", f"alert:{alert.id}", of=who)
        if alert.state == AlertState.HELD and not has_enough_approvals(alert):
            alert.state, alert.hold_until = AlertState.AWAITING_APPROVAL, None
            alert.save(update_fields=["state", "hold_until"])
            waiting.append(alert)
    return waiting


def _void_what_differs(alert: Alert, agreed: Agreed, *, by: str) -> None:
    """Two people who agreed to different things have not agreed: the earlier yes has to be given again."""
    for other in alert.approvals.filter(is_yes=True, revoked_at=None, agreed__isnull=False).exclude(by=by):
        if found := changes(agreed_in(other.agreed or {}), agreed):
            other.revoked_at = clock.now()
            other.save(update_fields=["revoked_at"])
            record_audit("system:alerts", "alert.void_approval", f"alert:{alert.id}", of=other.by, changed=len(found))


def ask_again(alert: Alert, *, changed: int) -> Alert:
    """Running, and not frozen → waits for approval: it is not what was agreed to. Nothing of it has left.

    Its deadline counts as before it started, so one that nobody approves in time is over as any other.

    Args:
        alert: as it was when that was found out.
        changed: how many letters and notices differ.

    Raises:
        Conflict: it was stopped, frozen or started anew meanwhile.
    """
    found = locked(alert.id)
    if not _still_runs_unfrozen(found, alert):
        raise Conflict.of("state", say("alert %(number)s has moved on", number=found.number))
    found.approvals.filter(is_yes=True, revoked_at=None).update(revoked_at=clock.now())
    if found.deadline_at is not None and found.started_at is not None:
        found.deadline_at = found.created_at + (found.deadline_at - found.started_at)
    found.state = AlertState.AWAITING_APPROVAL
    found.started_at = found.hold_until = None
    found.save(update_fields=["state", "started_at", "hold_until", "deadline_at"])
    record_audit("system:alerts", "alert.ask_again", f"alert:{found.id}", changed=changed)
    return found


def _still_runs_unfrozen(found: Alert, before: Alert) -> bool:
    return found.state == AlertState.RUNNING and found.frozen_at is None and found.started_at == before.started_at


def end_hold(alert_id: uuid.UUID, *, by: str) -> Alert:
    """Start a held alert without waiting for the rest of its hold."""
    alert = locked(alert_id)
    if alert.state != AlertState.HELD:
        raise Conflict.of(
            "state",
            say(
                "alert %(number)s is %(state)s; only a held one can be let go",
                number=alert.number,
                state=Code.of("alert-state", alert.state),
            ),
        )
    alert.hold_until = clock.read_database_now()
    alert.save(update_fields=["hold_until"])
    record_audit(by, "alert.end_hold", f"alert:{alert.id}")
    return alert


def start_alert(alert_id: uuid.UUID) -> bool:
    """Held and due → running. False if something came in between; starting twice changes nothing."""
    alert = locked(alert_id)
    is_due = alert.hold_until is not None and alert.hold_until <= clock.read_database_now()
    if alert.state != AlertState.HELD or not is_due or alert.fence != alert.case.version:
        return False
    if not has_enough_approvals(alert):
        return False
    alert.state = AlertState.RUNNING
    alert.started_at = clock.now()
    if alert.deadline_at is not None:
        # The deadline counts from the start: hours lost in approval must not eat the officials' time to read.
        alert.deadline_at = alert.started_at + (alert.deadline_at - alert.created_at)
    alert.save(update_fields=["state", "started_at", "deadline_at"])
    record_audit("system:alerts", "alert.start", f"alert:{alert.id}")
    return True


def ask_a_person(alert_id: uuid.UUID) -> Alert | None:
    """Held, due, and its standing approval taken back → waits for a person's yes, which no later standing one replaces.

    Returns:
        The alert; None where there is nothing to ask.
    """
    alert = locked(alert_id)
    is_due = alert.hold_until is not None and alert.hold_until <= clock.read_database_now()
    if alert.state != AlertState.HELD or not is_due or alert.approvals_needed or has_enough_approvals(alert):
        return None
    alert.state, alert.hold_until, alert.approvals_needed = AlertState.AWAITING_APPROVAL, None, 1
    alert.save(update_fields=["state", "hold_until", "approvals_needed"])
    record_audit("system:alerts", "alert.ask_a_person", f"alert:{alert.id}", rule=alert.rule)
    return alert


def mark(alert_id: uuid.UUID, *, field: str) -> None:
    """Write the moment at which a step of an alert was finished (`expanded_at`, `swept_at`)."""
    if field not in {"expanded_at", "swept_at"}:
        raise ValueError(f"{field} is no step of an alert")
    Alert.objects.filter(id=alert_id, **{f"{field}__isnull": True}).update(**{field: clock.now()})


def hold_to_agreement(alert: Alert, plan: AlertPlan, made: Agreed) -> None:
    """Only what its approvers agreed to is frozen. Where a rule decided, nobody agreed to a text.

    Args:
        made: what would be sent.

    Raises:
        NotAgreed: some of it is something else.
    """
    may_lack = plan.officials_audience is OfficialsAudience.REACHED_BEFORE
    found: dict[str, Change] = {}
    kept = alert.approvals.filter(is_yes=True, revoked_at=None, agreed__isnull=False).values_list("agreed", flat=True)
    for agreed in kept:
        found |= changes(agreed_in(agreed or {}), made, may_lack_letters=may_lack)
    if found:
        raise NotAgreed(found)


def mark_frozen(alert: Alert) -> None:
    """Write the moment at which its letters and notices stand.

    Raises:
        Conflict: it was stopped meanwhile, or sent back for approval, or another worker froze it.
    """
    here = Alert.objects.filter(id=alert.id, state=AlertState.RUNNING, started_at=alert.started_at, frozen_at=None)
    if not here.update(frozen_at=clock.now()):
        raise Conflict.of(
            "state", say("alert %(number)s has moved on while its letters were made", number=alert.number)
        )


def finish_alert(alert_id: uuid.UUID) -> bool:
    """Running → finished. The caller looks for work left after this, in the same transaction.

    Only so is it certain: whoever puts work back holds the alert while doing it (`keep_running`).
    """
    done = Alert.objects.filter(id=alert_id, state=AlertState.RUNNING, expanded_at__isnull=False).update(
        state=AlertState.FINISHED, finished_at=clock.now()
    )
    if done:
        record_audit("system:alerts", "alert.finish", f"alert:{alert_id}")
    return bool(done)


def keep_running(alert_id: uuid.UUID) -> bool:
    """Hold an alert open to the end of this transaction, because something of it came back; reopen a finished one.

    False where it is over, or stale by now: nothing of it may be sent any more. Its case is locked first, as by an
    update, which would else look for what it has to stop while a finished alert is just being reopened.
    """
    list(Case.objects.select_for_update(of=("self",), no_key=True).filter(alerts=alert_id).values_list("id"))
    alert = Alert.objects.select_for_update(of=("self",), no_key=True).filter(id=alert_id, fence=F("case__version"))
    state = alert.values_list("state", flat=True).first()
    if state == AlertState.FINISHED:
        Alert.objects.filter(id=alert_id).update(state=AlertState.RUNNING, finished_at=None)
        record_audit("system:alerts", "alert.reopen", f"alert:{alert_id}")
    return state in (AlertState.RUNNING, AlertState.FINISHED)


def hold_approved(alert: Alert, *, hold: timedelta) -> None:
    """Approved → held. The caller has locked it, and has seen that it has its approvals."""
    alert.state = AlertState.HELD
    alert.hold_until = clock.read_database_now() + hold
    alert.save(update_fields=["state", "hold_until"])


def _stop(alert: Alert, state: AlertState, *, reason: str, by: str) -> None:
    alert.state = state
    alert.stopped_at = clock.now()
    alert.stop_reason = reason[:200]
    alert.save(update_fields=["state", "stopped_at", "stop_reason"])
    record_audit(by, f"alert.{state}", f"alert:{alert.id}")


def locked(alert_id: uuid.UUID) -> Alert:
    """The alert, locked to the end of the transaction, with its case and update."""
    return Alert.objects.select_for_update(of=("self",)).select_related("case", "update").get(id=alert_id)


def follows_up(plan: AlertPlan) -> bool:
    """Some part of it goes to exactly those whom the predecessors reached, so it waits until that is known."""
    return plan.officials_audience is OfficialsAudience.REACHED_BEFORE or (
        plan.supporters is not None and plan.supporters.audience is SupportersAudience.REACHED_BEFORE
    )


def drop_unreached_targets(alert: Alert, plan: AlertPlan, *, reached: Any) -> int:
    """A follow-up to officials goes to those whom the earlier alert reached; the others stay as they are.

    Args:
        reached: the deliveries that reached somebody (`deliveries.queries.reached_by`).
    """
    if plan.officials_audience is not OfficialsAudience.REACHED_BEFORE:
        return 0
    # By office, not by person: whoever has taken the office over meanwhile must hear of it.
    offices = set(reached.filter(official__isnull=False).values_list("official__office_id", flat=True))
    dropped, _ = alert.targets.exclude(official__office_id__in=offices).delete()
    return dropped


def keep_languages(alert: Alert, languages: list[str]) -> None:
    """The languages in which the alert's notices can be written; everybody else reads the English one."""
    if alert.languages != languages:
        alert.languages = languages
        alert.save(update_fields=["languages"])


def write_in(target: AlertTarget, language: str) -> None:
    """The language of a target's letter, where it isn't the one its office prefers."""
    if target.language != language:
        target.language = language
        target.save(update_fields=["language"])
