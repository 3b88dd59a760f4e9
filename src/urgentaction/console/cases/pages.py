"""The list of cases, and one case."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.cases.models import Case
from urgentaction.cases.queries import case_called
from urgentaction.console.listing import listed
from urgentaction.console.permissions import may
from urgentaction.console.reading import names_of, with_progress
from urgentaction.console.responses import found_or_404, page

from . import reading


@require_safe
@may(Role.VIEWER)
def cases(request: HttpRequest) -> HttpResponse:
    """Cases with their status."""
    sorts = {"reference": ("reference",), "status": ("status", "reference"), "as_of": ("status_as_of", "reference")}
    found = listed(request, Case.objects.all(), sorts=sorts, default="-as_of", nulls=("status_as_of",))
    return page(request, "console/cases/list.html", {"list": found, "here": "cases"})


@require_safe
@may(Role.VIEWER)
def case(request: HttpRequest, reference: str) -> HttpResponse:
    """One case: what happened, and the alerts that followed."""
    found = found_or_404(lambda: case_called(reference))
    updates = list(reading.updates_of(found))
    context = {
        "case": found,
        "title": found.titles.get("en", found.reference),
        "updates": updates,
        "alerts": with_progress(found.alerts.order_by("-created_at")),
        "names": names_of(update.recorded_by for update in updates),
        "here": "cases",
    }
    return page(request, "console/cases/page.html", context)
