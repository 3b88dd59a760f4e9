"""One delivery, the unknowns, what is left for people, and incidents: what is shown. Deeds are in `actions`."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.listing import Listed, listed
from urgentaction.console.permissions import acting, is_at_least, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import found_or_404, page
from urgentaction.deliveries.models import HumanTask, HumanTaskKind
from urgentaction.deliveries.people import is_stale
from urgentaction.incidents.models import Incident
from urgentaction.tracking.queries import recipient_of

from . import reading
from .forms import AgainForm, IncidentFilter, ReasonForm, ResultForm, SettleForm, TaskFilter, UnknownFilter


@require_safe
@may(Role.VIEWER)
def delivery(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """One delivery: every try, every receipt, what follows, and what may be done about it."""
    return delivery_page(request, delivery_id)


@require_safe
@may(Role.VIEWER)
def delivery_live(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """The live part of a delivery's page."""
    return page(request, "console/deliveries/delivery_live.html", delivery_context(request, delivery_id))


def delivery_page(request: HttpRequest, delivery_id: int, **given: forms.Form) -> HttpResponse:
    """A delivery's page.

    Args:
        given: `withdraw_form`, `settle_form` or `again_form` as filled in, where it can't be used as it is.
    """
    context = delivery_context(request, delivery_id)
    context |= {"withdraw_form": ReasonForm(), "settle_form": SettleForm(), "again_form": AgainForm(), **given}
    return page(request, "console/deliveries/delivery.html", context, status=422 if given else 200)


def delivery_context(request: HttpRequest, delivery_id: int) -> dict[str, Any]:
    """What both parts of a delivery's page need. Raises Http404."""
    facts = found_or_404(lambda: reading.delivery_facts(delivery_id))
    office = facts.row.official.office if facts.row.official else None
    return {
        "facts": facts,
        "row": facts.row,
        "alert": facts.row.alert,
        "zone": office.time_zone if office else "",
        "may_act": is_at_least(request.user, Role.EDITOR),
        "may_send_again": is_at_least(request.user, Role.APPROVER),
        "may_open_raw": is_at_least(request.user, Role.APPROVER) and not facts.is_supporter,
        "here": "alerts",
    }


@require_safe
@may(Role.VIEWER)
def unknowns(request: HttpRequest) -> HttpResponse:
    """Deliveries of which nobody can say whether they arrived."""
    sorts = {"urgency": ("priority", "id"), "asked": ("due_at", "id")}
    found = listed(request, reading.unknown_rows(), filters=UnknownFilter, sorts=sorts, default="urgency")
    rows = [(row, recipient_of(row)) for row in found.items]
    return page(request, "console/deliveries/unknowns.html", {"list": found, "rows": rows, "here": "now"})


@require_safe
@may(Role.VIEWER)
def tasks(request: HttpRequest) -> HttpResponse:
    """What is left for people, the most urgent first."""
    found = _tasks(request)
    taken = names_of([task.taken_by for task in found.items] + [task.done_by for task in found.items])
    context = {
        "list": found,
        "names": taken,
        "shows_done": request.GET.get("show") == "done",
        "me": acting(request),
        "here": "tasks",
    }
    return page(request, "console/deliveries/task_list.html", context)


def _tasks(request: HttpRequest) -> Listed[HumanTask]:
    """Open and done ones are two lists: each is served by an index of its own."""
    rows: QuerySet[HumanTask] = reading.task_rows()
    if request.GET.get("show") == "done":
        sorts = {"done": ("done_at", "id")}
        return listed(request, rows.filter(done_at__isnull=False), filters=TaskFilter, sorts=sorts, default="-done")
    by_urgency: dict[str, tuple[str, ...]] = {"urgency": ("priority", "due_at", "id"), "age": ("created_at", "id")}
    return listed(
        request,
        rows.filter(done_at=None),
        filters=TaskFilter,
        sorts=by_urgency,
        default="urgency",
        nulls=("due_at",),
    )


@require_safe
@may(Role.VIEWER)
def task(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """One task: what to do, with what, and who does it."""
    return task_page(request, task_id)


def task_page(request: HttpRequest, task_id: uuid.UUID, *, form: forms.Form | None = None) -> HttpResponse:
    """A task's page. `form`: what came of it, as filled in, where it can't be used as it is."""
    facts = found_or_404(lambda: reading.task_facts(task_id))
    one = facts.task
    is_unknown = one.kind == HumanTaskKind.SETTLE_UNKNOWN and one.delivery_id is not None
    context = {
        "facts": facts,
        "task": one,
        "form": form or (SettleForm() if is_unknown else ResultForm()),
        "is_unknown": is_unknown,
        "is_stale": is_stale(one),
        "names": names_of([one.taken_by, one.done_by]),
        "is_mine": one.taken_by == acting(request),
        "may_act": is_at_least(request.user, Role.EDITOR) and one.done_at is None,
        "here": "tasks",
    }
    return page(request, "console/deliveries/task.html", context, status=422 if form else 200)


@require_safe
@may(Role.VIEWER)
def incidents(request: HttpRequest) -> HttpResponse:
    """What stood still, the latest first."""
    sorts = {"opened": ("opened_at", "id")}
    found = listed(request, Incident.objects.all(), filters=IncidentFilter, sorts=sorts, default="-opened")
    names = names_of(one.acknowledged_by for one in found.items)
    return page(request, "console/deliveries/incidents.html", {"list": found, "names": names, "here": "now"})


@require_safe
@may(Role.VIEWER)
def incident(request: HttpRequest, incident_id: uuid.UUID) -> HttpResponse:
    """One incident: what stands still, what to do about it, and who was called."""
    found = found_or_404(lambda: reading.incident_numbered(incident_id))
    context = {
        "incident": found,
        "names": names_of([found.acknowledged_by]),
        "may_acknowledge": is_at_least(request.user, Role.EDITOR)
        and found.closed_at is None
        and not found.acknowledged_by,
        "here": "now",
    }
    return page(request, "console/deliveries/incident.html", context)
