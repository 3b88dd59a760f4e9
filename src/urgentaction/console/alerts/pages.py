"""The list of alerts; an alert's page, with live parts that are fetched again while it is looked at; stopping one."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import LIVE, alert_called
from urgentaction.console.documents import to_keep
from urgentaction.console.listing import listed
from urgentaction.console.permissions import is_at_least, may
from urgentaction.console.reading import names_of, with_progress
from urgentaction.console.responses import found_or_404, page, private
from urgentaction.deliveries.models import Role as RecipientRole
from urgentaction.deliveries.rules import State
from urgentaction.tracking.queries import progress_of

from . import reading
from .filters import NULLS, SORTS, AlertFilter


@require_safe
@may(Role.VIEWER)
def alerts(request: HttpRequest) -> HttpResponse:
    """All alerts, the latest first, with how far each is."""
    rows = Alert.objects.select_related("case").defer("plan")
    found = listed(request, rows, filters=AlertFilter, sorts=SORTS, default="-drafted", nulls=NULLS)
    context = {
        "list": found,
        "rows": list(zip(found.items, progress_of(found.items), strict=True)),
        "names": names_of(alert.drafted_by for alert in found.items),
        "may_compose": is_at_least(request.user, Role.EDITOR),
        "here": "alerts",
    }
    return page(request, "console/alerts/list.html", context)


@require_safe
@may(Role.VIEWER)
def alert(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One alert: letters, deliveries, receipts, and what may be done with it."""
    context = _alert_context(request, alert_id)
    return page(request, "console/alerts/page.html", context | reading.choices(request, context["alert"]))


@require_safe
@may(Role.VIEWER)
def alert_live(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """The live part of an alert's page."""
    return page(request, "console/alerts/live.html", _alert_context(request, alert_id))


@require_safe
@may(Role.VIEWER)
def choices(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """What may be done with an alert now; 204 while that is what `?was=` says, so that no form is disturbed."""
    found = found_or_404(lambda: alert_called(str(alert_id)))
    context = {"alert": found, **reading.choices(request, found)}
    if request.GET.get("was") == context["mark"]:
        return private(HttpResponse(status=204))
    return page(request, "console/alerts/choices.html", context)


@require_safe
@may(Role.EDITOR)
def stop(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """What stopping it would stop, and what it can't call back; the button is here."""
    found = found_or_404(lambda: alert_called(str(alert_id)))
    context = {
        "alert": found,
        "may_stop": found.state in LIVE,
        "effect": reading.effect_of_stopping(found),
        "here": "alerts",
    }
    return page(request, "console/alerts/stop.html", context)


@require_safe
@may(Role.EDITOR)
def letter(_request: HttpRequest, letter_id: uuid.UUID) -> HttpResponse:
    """A letter's PDF, to read or to print and post."""
    found = found_or_404(lambda: reading.letter_numbered(letter_id))
    name = f"{found.alert.number.replace('/', '-')}-{found.role}-{found.language}.pdf"
    return to_keep(HttpResponse(bytes(found.pdf), content_type="application/pdf"), name)


def _alert_context(request: HttpRequest, alert_id: uuid.UUID) -> dict[str, Any]:
    found = found_or_404(lambda: alert_called(str(alert_id)))
    after, state, role = _page_of(request)
    shown = reading.deliveries(found, after=after, state=state, role=role)
    approvals = list(found.approvals.order_by("at"))
    return {
        "alert": found,
        "plan": AlertPlan.from_json(found.plan),
        "targets": found.targets.select_related("official__office"),
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
        "receipts": reading.receipts_of(shown),
        "approvals": approvals,
        **reading.open_tasks_of(found),
        "names": names_of([found.drafted_by, *(one.by for one in approvals)]),
        "here": "alerts",
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
