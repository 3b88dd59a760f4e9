"""The reads of an alert's pages: its parts, what one may do with it, what stopping it does. Writes nothing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from urgentaction.accounts.models import Role
from urgentaction.alerts.deciding import UNDECIDED, has_approved, hindrance, is_being_composed, still_needed
from urgentaction.alerts.models import Alert, AlertKind, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import LIVE
from urgentaction.console.permissions import acting, is_at_least
from urgentaction.console.reading import names_of
from urgentaction.core.errors import NotFound
from urgentaction.deliveries.queries import UNSENT
from urgentaction.deliveries.rules import IN_FLIGHT, REACHED, State
from urgentaction.letters.models import Letter
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import deliveries_of, progress
from urgentaction.tracking.views import DeliveryPage
from urgentaction.triggers.decision import OfficialsAudience

from .wording import HINDRANCES

#: The first of each; an alert's deliveries have a page of their own, and so have tasks.
PAGE = 25
RECEIPTS = 25
TASKS = 12


def deliveries(alert: Alert, *, after: int = 0, state: str = "", role: str = "") -> DeliveryPage:
    """One page of an alert's deliveries. An `after` that is none of its deliveries counts as not given."""
    is_ours = bool(after) and alert.deliveries.filter(id=after).exists()
    return deliveries_of(alert, after_id=after if is_ours else 0, limit=PAGE, role=role or None, state=state or None)


def receipts_of(shown: DeliveryPage) -> QuerySet[Receipt]:
    """The latest receipts of the deliveries on a page; the raw body and the address stay sealed.

    Not of all the alert's: the latest of a mailing's hundred thousand would have to be sorted out each time.
    """
    rows = Receipt.objects.filter(delivery_id__in=[line.id for line in shown.items]).defer("raw", "address")
    return rows.order_by("-received_at")[:RECEIPTS]


def open_tasks_of(alert: Alert) -> dict[str, Any]:
    """What is left for people of an alert: the first as `tasks`, and whether there are more (`has_more_tasks`)."""
    rows = alert.human_tasks.filter(done_at=None).order_by("priority", "created_at")
    found = list(rows.select_related("alert__case").defer("alert__plan")[: TASKS + 1])
    return {"tasks": found[:TASKS], "has_more_tasks": len(found) > TASKS}


def letters_of(alert: Alert) -> QuerySet[Letter]:
    """An alert's letters without their pages."""
    rows = Letter.objects.filter(alert=alert).defer("pdf", "fax_pdf", "fax_repeat_pdf", "text", "html")
    return rows.select_related("official").order_by("-role", "frozen_at")


def letter_numbered(letter_id: uuid.UUID) -> Letter:
    """One letter with its PDF. Raises NotFound."""
    letter = Letter.objects.select_related("alert__case").filter(id=letter_id).first()
    if letter is None:
        raise NotFound.of("letter", f"there is no letter {letter_id}")
    return letter


def choices(request: HttpRequest, alert: Alert) -> dict[str, Any]:
    """What this person may do with an alert: the state allows it, and so does the role. The deeds check both again.

    `mark` changes whenever any of it may have: the page asks for the choices anew only then.
    """
    me, is_editor = acting(request), is_at_least(request.user, Role.EDITOR)
    is_approver = is_at_least(request.user, Role.APPROVER)
    waits = alert.state in UNDECIDED and not is_being_composed(alert)
    why_not = hindrance(alert, by=me)
    needed = still_needed(alert) if waits or alert.state == AlertState.HELD else 0
    has_my_yes = has_approved(alert, by=me)
    is_overtaken = alert.fence != alert.case.version
    return {
        "waits": waits,
        "needed": needed,
        "is_being_composed": is_being_composed(alert),
        "may_approve": is_approver and why_not is None and not has_my_yes,
        "may_reject": is_approver and waits,
        "why_not": HINDRANCES[why_not] if waits and is_approver and why_not is not None else "",
        "has_my_yes": has_my_yes,
        "may_take_back": is_approver and has_my_yes and alert.state in LIVE,
        "may_compose": is_editor,
        "may_edit": is_editor and alert.state in UNDECIDED and not is_overtaken and _is_open_to_change(alert),
        "may_submit": is_editor and is_being_composed(alert) and not is_overtaken,
        "may_discard": is_editor and is_being_composed(alert),
        "may_let_go": is_approver and alert.state == AlertState.HELD,
        "may_stop": is_editor and alert.state in LIVE,
        "may_publish": is_approver and alert.frozen_at is not None,
        "is_over": alert.state not in LIVE,
        "drafter": names_of([alert.drafted_by])[alert.drafted_by],
        "mark": f"{alert.state}.{needed}.{int(has_my_yes)}.{int(is_overtaken)}",
    }


def _is_open_to_change(alert: Alert) -> bool:
    is_new_target = AlertPlan.from_json(alert.plan).officials_audience is OfficialsAudience.NEW_TARGET
    return alert.kind == AlertKind.MANUAL or is_new_target


@dataclass(frozen=True, slots=True)
class Effect:
    """How many deliveries of an alert stopping it would stop, can't stop any more, and can't call back."""

    unsent: int
    on_the_wire: int
    gone: int


def effect_of_stopping(alert: Alert) -> Effect:
    """Out of the counts that are kept for an alert; two queries, however large it is."""
    states = progress(alert).tally.by_state()
    unsent = sum(states.get(state, 0) for state in UNSENT)
    gone = sum(states.get(state.value, 0) for state in REACHED)
    on_the_wire = sum(states.get(state.value, 0) for state in IN_FLIGHT if state is not State.LEASED)
    return Effect(unsent, on_the_wire, gone)
