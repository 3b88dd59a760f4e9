"""What workers do with it, step by step; and the sweep, which finds whatever any of these left undone."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F

from urgentaction.alerts import service as alerts
from urgentaction.alerts.agreed import Change, NotAgreed
from urgentaction.alerts.drafting import readdress, readdress_to_holders
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import due_to_start, is_current
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.core.errors import Conflict, TemplateError
from urgentaction.core.interruptions import INTERRUPTIONS
from urgentaction.core.phrases import Phrase
from urgentaction.deliveries import announcing, confirmations, invitations, sweep, unknowns
from urgentaction.deliveries import escalate as escalation
from urgentaction.deliveries.claim import Lane
from urgentaction.deliveries.expanding import expand_alert
from urgentaction.deliveries.finishing import finish_if_done
from urgentaction.deliveries.lanes import send_some
from urgentaction.deliveries.models import Heartbeat
from urgentaction.deliveries.people import close_decision
from urgentaction.deliveries.queries import OFFICIALS, followed_by, has_in_flight, reached_by
from urgentaction.deliveries.ways import next_room
from urgentaction.letters import service as letters
from urgentaction.receipts import service as receipts
from urgentaction.supporters import handing_in

log = logging.getLogger(__name__)

Item = TypeVar("Item")
#: A gateway that takes more within this time is waited for; longer, and the sweeper comes by again.
LONGEST_WAIT = timedelta(seconds=2)
UNMADE = Phrase("a letter can't be made: %(why)s")
SEND_TASK = {Lane.URGENT: Task.SEND_URGENT, Lane.BULK: Task.SEND_BULK}


def advance_alert(alert_id: uuid.UUID) -> None:
    """Take an alert as far as it can go now: start, freeze, expand; or, once stopped, mark what was unsent.

    Every step looks at the row first, so calling this at any time, any number of times, is right.
    """
    with transaction.atomic():
        if alerts.start_alert(alert_id):
            transaction.on_commit(lambda: crash_point("after_start"))
        elif (waiting := alerts.ask_a_person(alert_id)) is not None:
            announcing.standing_approval_is_gone(waiting)
    alert = Alert.objects.select_related("case", "update").get(id=alert_id)
    if alert.state in (AlertState.WITHDRAWN, AlertState.REJECTED, AlertState.EXPIRED):
        _mark_stopped(alert)
        return
    if alert.state != AlertState.RUNNING or not is_current(alert):
        return
    plan = AlertPlan.from_json(alert.plan)
    if alert.expanded_at is None and not _is_audience_known(alert, plan):
        return
    if alert.frozen_at is None and not _freeze(alert, plan):
        return
    if alert.expanded_at is None and not expand_alert(alert, plan):
        return
    for lane in Lane:
        enqueue(SEND_TASK[lane])


def _mark_stopped(alert: Alert) -> None:
    close_decision(alert, by="system:alerts", result=alert.stop_reason)
    while True:
        with transaction.atomic():
            transaction.on_commit(lambda: crash_point("after_withdrawn"))
            if sweep.mark_withdrawn(alert):
                return
        if has_in_flight([alert.id]):
            return  # rows locked by a worker right now: the sweeper comes by again


def _is_audience_known(alert: Alert, plan: AlertPlan) -> bool:
    """A follow-up waits until nothing of the alerts before it is in flight; then officials not reached drop out.

    That comes before the letters are frozen, because their CC list must name nobody who gets nothing. The wait ends
    within a lease; the sweeper comes by again.
    """
    if not alerts.follows_up(plan):
        return True
    if has_in_flight(list(alert.predecessors.values_list("id", flat=True))):
        return False
    if alert.frozen_at is None:
        with transaction.atomic():
            followed = followed_by(alert, roles=OFFICIALS)
            alerts.drop_unreached_targets(alert, plan, reached=reached_by(followed, roles=OFFICIALS))
    return True


def _freeze(alert: Alert, plan: AlertPlan) -> bool:
    try:
        with transaction.atomic():
            if alert.approvals_needed == 0:  # a rule decided: nobody has agreed to a letter to whoever was in office
                readdress_to_holders(alert)
            made = {**letters.freeze_letters(alert, plan), **letters.freeze_notices(alert, plan)}
            alerts.hold_to_agreement(alert, plan, made)
            alerts.mark_frozen(alert)
            crash_point("in_freeze")
    except Conflict:
        return False  # stopped meanwhile, or another worker was faster
    except NotAgreed as error:
        _ask_again(alert, error.found)
        return False
    except TemplateError as error:
        with contextlib.suppress(Conflict), transaction.atomic():  # overtaken meanwhile: then nobody needs the letter
            alerts.withdraw_alert(alert.id, reason=UNMADE(why=error), by="system:letters")
            announcing.letter_failed(alert, error)
        return False
    crash_point("after_freeze")
    return True


def _ask_again(alert: Alert, found: Mapping[str, Change]) -> None:
    """Nothing has left: let somebody read what it is now, and approve that."""
    with contextlib.suppress(Conflict), transaction.atomic():  # stopped or frozen meanwhile
        waiting = alerts.ask_again(alert, changed=len(found))
        new_holders = readdress(waiting, found)
        announcing.approval_is_void(waiting, found, new_holders=new_holders)


def send_due(lane: Lane, *, seconds: float | None = None) -> int:
    """Send what is due in one lane until nothing is, or until the time is over. Returns how many were tried.

    What was claimed and not begun goes back, also where a time limit ends the task.
    """
    budget = settings.TASK_SOFT_SECONDS / 2 if seconds is None else seconds
    end = time.monotonic() + budget
    tried, has_called = 0, False
    while time.monotonic() < end:
        done, is_more = send_some(lane, until=end)
        tried += done
        if is_more and not has_called:
            enqueue(SEND_TASK[lane])  # another process may help, and goes on when this one's time is over
            has_called = True
        elif not is_more:
            if (wait := next_room()) is None or wait > LONGEST_WAIT:
                break
            time.sleep(wait.total_seconds())  # a gateway is at its limit for a moment
    return tried


def send_to_officials() -> int:
    """The urgent lane."""
    return send_due(Lane.URGENT)


def send_to_supporters() -> int:
    """The bulk lane."""
    return send_due(Lane.BULK)


def send_confirmations() -> int:
    """Ask people who signed up whether it was them, and send the invitations that staff are asked in by."""
    budget = settings.TASK_SOFT_SECONDS / 4
    return invitations.send_invitations(seconds=budget) + confirmations.send_confirmations(seconds=budget)


def take_in_table(table_id: uuid.UUID) -> bool:
    """A handed-in table's next step: check it, or take it in."""
    return handing_in.work_on(table_id)


def apply_receipts() -> int:
    """Apply the receipts that are waiting. Returns how many."""
    done = receipts.apply_pending(seconds=20)
    if done and receipts.pending(1):  # what another worker holds comes back with it, or with the next sweep
        enqueue(Task.APPLY_RECEIPTS)
    if done:
        enqueue(Task.SEND_URGENT)
    return done


def sweep_all() -> dict[str, int]:
    """Find and finish whatever was left undone, by looking at the database alone. Returns what was found, by name.

    One broken row must not stop the rest: it is logged and counted, and met again by the next sweep.
    """
    found: Counter[str] = Counter()
    try:
        for name, statement in (
            ("leases returned", sweep.return_expired_leases),
            ("sends given up", sweep.give_up_expired_sends),
            ("expired", sweep.expire_overdue),
        ):
            with transaction.atomic():
                found[name] = statement()
        if found["leases returned"] or found["sends given up"]:
            crash_point("after_leases_returned")
        found["receipts"] = receipts.apply_pending(seconds=1)
        _each(found, "escalated", escalation.due_escalations(), _escalate)
        _expire_alerts()
        _each(found, "alerts advanced", _waiting_alerts(), advance_alert)
        running = Alert.objects.filter(state=AlertState.RUNNING, expanded_at__isnull=False)
        _each(found, "alerts finished", running, finish_if_done)
        _each(found, "unknowns asked", unknowns.due_unknowns(), unknowns.settle)
        found["sign-ups forgotten"] = confirmations.forget_overdue()
        found["tables"] = handing_in.look_after()
        if confirmations.are_due() or invitations.are_due():
            enqueue(Task.SEND_CONFIRMATIONS)
    finally:
        for lane in Lane:
            enqueue(SEND_TASK[lane])
    return {name: count for name, count in found.items() if count}


def _each(found: Counter[str], name: str, items: Iterable[Item], step: Callable[[Item], object]) -> None:
    for item in items:
        try:
            found[name] += step(item) is not False
        except INTERRUPTIONS:
            raise
        except Exception:
            log.exception("sweep: %s failed for %s", name, item)
            found["failed"] += 1


def _escalate(delivery_id: int) -> bool:
    with transaction.atomic():
        transaction.on_commit(lambda: crash_point("after_escalation"))
        return escalation.escalate(delivery_id) is not None


def _expire_alerts() -> None:
    with transaction.atomic():
        alerts.expire_overdue()  # the tasks to decide about them are closed with the stopped alerts (`_mark_stopped`)


def _waiting_alerts() -> list[uuid.UUID]:
    """Alerts whose next step nobody has taken: due to start, not frozen, not expanded, or stopped and not marked."""
    running = Alert.objects.filter(state=AlertState.RUNNING, expanded_at=None, fence=F("case__version"))
    return [alert.id for alert in (*due_to_start(), *running, *sweep.stopped_alerts())]


def beat_heart(name: str = "upkeep") -> None:
    """Leave a mark that came through broker, worker and database."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": clock.read_database_now()})
