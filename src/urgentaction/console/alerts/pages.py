"""An alert's page, with a live part that is fetched again while it is looked at."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import LIVE, alert_called
from urgentaction.console.permissions import is_at_least, may
from urgentaction.console.reading import names_of, with_progress
from urgentaction.console.responses import found_or_404, page, private
from urgentaction.deliveries.models import Role as RecipientRole
from urgentaction.deliveries.rules import State

from . import reading

UNDECIDED = (AlertState.DRAFT, AlertState.AWAITING_APPROVAL)


@require_safe
@may(Role.VIEWER)
def alert(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One alert: letters, deliveries, receipts, and what may be done with it."""
    return page(request, "console/alerts/page.html", _alert_context(request, alert_id))


@require_safe
@may(Role.VIEWER)
def alert_live(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """The live part of an alert's page."""
    return page(request, "console/alerts/live.html", _alert_context(request, alert_id))


@require_safe
@may(Role.VIEWER)
def letter(_request: HttpRequest, letter_id: uuid.UUID) -> HttpResponse:
    """A letter's PDF, to read or to print and post."""
    found = found_or_404(lambda: reading.letter_numbered(letter_id))
    name = f"{found.alert.number.replace('/', '-')}-{found.role}-{found.language}.pdf"
    response = HttpResponse(bytes(found.pdf), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return private(response)


def _alert_context(request: HttpRequest, alert_id: uuid.UUID) -> dict[str, Any]:
    found = found_or_404(lambda: alert_called(str(alert_id)))
    after, state, role = _page_of(request)
    shown = reading.deliveries(found, after=after, state=state, role=role)
    approvals = list(found.approvals.order_by("at"))
    return {
        "alert": found,
        "plan": AlertPlan.from_json(found.plan),
        "targets": found.targets.select_related("official"),
        "progress": with_progress([found])[0],
        "letters": reading.letters_of(found),
        "lines": shown.items,
        "next": shown.next,
        "after": after,
        "state": state,
        "role": role,
        "states": [state.value for state in State],
        "roles": [role.value for role in RecipientRole],
        "query": request.GET.urlencode(),
        "receipts": reading.receipts_of(found),
        "approvals": approvals,
        "tasks": found.human_tasks.filter(done_at=None).order_by("created_at"),
        "names": names_of([found.drafted_by, *(one.by for one in approvals)]),
        **_choices(request, found),
    }


def _choices(request: HttpRequest, alert: Alert) -> dict[str, bool]:
    """Which buttons are offered: the state allows it, and so does the role. The actions check both again."""
    is_approver = is_at_least(request.user, Role.APPROVER)
    return {
        "may_decide": is_approver and alert.state in UNDECIDED,
        "may_let_go": is_approver and alert.state == AlertState.HELD,
        "may_withdraw": is_at_least(request.user, Role.EDITOR) and alert.state in LIVE,
    }


def _page_of(request: HttpRequest) -> tuple[int, str, str]:
    """`after`, `state` and `role` of the address; what is none of ours counts as not given."""
    after = request.GET.get("after", "")
    state, role = request.GET.get("state", ""), request.GET.get("role", "")
    return (
        int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0,
        state if state in {known.value for known in State} else "",
        role if role in {known.value for known in RecipientRole} else "",
    )
