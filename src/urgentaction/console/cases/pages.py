"""The list of cases, and one case."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.alerts.queries import LIVE
from urgentaction.cases.models import Case
from urgentaction.cases.queries import case_called
from urgentaction.console.listing import listed
from urgentaction.console.permissions import is_at_least, may
from urgentaction.console.reading import with_progress
from urgentaction.console.responses import found_or_404, page
from urgentaction.console.vocabulary import reader_language
from urgentaction.tracking.audience import addressees_of
from urgentaction.tracking.story import Part

from . import reading
from .filters import CaseFilter

SORTS = {
    "reference": ("reference",),
    "status": ("status", "reference"),
    "as_of": ("status_as_of", "reference"),
    "created": ("created_at", "reference"),
}


@require_safe
@may(Role.VIEWER)
def cases(request: HttpRequest) -> HttpResponse:
    """Cases with their status."""
    found = listed(
        request,
        reading.listed_cases(),
        filters=CaseFilter,
        sorts=SORTS,
        default="-as_of",
        nulls=("status_as_of",),
    )
    return page(request, "console/cases/list.html", {"list": found, "here": "cases", **_may(request)})


@require_safe
@may(Role.VIEWER)
def case(request: HttpRequest, reference: str) -> HttpResponse:
    """One case: what is known, who may be told what, whom it writes to, and all that happened."""
    found = found_or_404(lambda: case_called(reference))
    return page(request, "console/cases/page.html", case_context(request, found))


def case_context(request: HttpRequest, found: Case) -> dict[str, Any]:
    """What a case's page shows."""
    part, rights = request.GET.get("show", ""), _may(request)
    events, names = reading.events_of(found, part)
    live = found.alerts.filter(state__in=LIVE).select_related("case", "update").order_by("priority")
    return {
        "case": found,
        "zone": reading.zone_of(found),
        "countries": list(found.countries.order_by("role", "country")),
        "persons": reading.lines_of(reading.persons_of(found), reader_language(), as_public=not rights["may_edit"]),
        "addressees": list(addressees_of(found)),
        "texts": list(found.texts.order_by("language").values_list("language", flat=True)),
        "live": with_progress(live),
        "events": events,
        "names": names,
        "parts": [one.value for one in Part],
        "part": part if part in set(Part) else "",
        "here": "cases",
        **rights,
    }


def _may(request: HttpRequest) -> dict[str, bool]:
    """Which buttons are offered; the views behind them ask again."""
    return {
        "may_edit": is_at_least(request.user, Role.EDITOR),
        "may_approve": is_at_least(request.user, Role.APPROVER),
    }
