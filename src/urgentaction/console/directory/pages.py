"""The list of offices, one office, and the forms for an office and its holder."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.listing import listed
from urgentaction.console.permissions import is_at_least, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import found_or_404, page
from urgentaction.console.vocabulary import OFFICES, in_reader_language
from urgentaction.core import clock
from urgentaction.directory.models import Office, Official
from urgentaction.directory.queries import holder_among, offices_with, official_in

from . import reading
from .forms import OfficeFilter, OfficeForm, OfficialForm

HERE = {"here": "directory"}
#: So many offices are offered while somebody types, from so many letters on.
OFFERED, SHORTEST = 20, 2


@require_safe
@may(Role.VIEWER)
def offices(request: HttpRequest) -> HttpResponse:
    """Offices with their holders and how they can be reached."""
    sorts = {"name": ("name", "id"), "country": ("country", "name", "id")}
    found = listed(request, reading.offices(), filters=OfficeFilter, sorts=sorts, default="country")
    rows = reading.rows_of(found.items)
    return page(request, "console/directory/list.html", {"list": found, "rows": rows, **rights(request), **HERE})


@require_safe
@may(Role.EDITOR)
def suggestions(request: HttpRequest) -> HttpResponse:
    """Offices that fit what is being typed into a field for one, for its list (`console.forms.OfficeInput`).

    The text is the address's only value, whatever its name: a field sends itself by its own.
    """
    text = request.GET.get(next(iter(request.GET), ""), "").strip()[:80]
    is_asked = len(text) >= SHORTEST and text.isprintable()
    found = offices_with(text).order_by("slug")[:OFFERED] if is_asked else ()
    return page(request, "console/directory/suggestions.html", {"offices": found})


@require_safe
@may(Role.VIEWER)
def office(request: HttpRequest, office_id: uuid.UUID) -> HttpResponse:
    """One office: who holds it, how it is reached, what hangs on it."""
    found = found_or_404(lambda: reading.office_with(office_id))
    points = reading.points_in_use(found.contact_points.all())
    tries = reading.tries_at(points)
    holder = holder_among(found)
    changes = list(reading.changes_of(found))
    context = {
        "office": found,
        "name": in_reader_language(found.names) or found.slug,
        "holder": holder,
        "tenures": reading.tenures(found),
        "addresses": reading.addresses(holder) if holder else (),
        "points": [(point, tries[point.id], reading.asks_for_replacement(point, tries[point.id])) for point in points],
        "retired": [point for point in found.contact_points.all() if point.retired_at is not None],
        "mission_points": reading.points_in_use(found.care_of.contact_points.all()) if found.care_of else (),
        "affected": reading.affected_by([found.id]),
        "now": clock.now(),
        "is_open": reading.is_open_now(found),
        "texts": [(tag, text, found.postal_address.get(tag, ())) for tag, text in found.names.items()],
        "changes": changes,
        "names": names_of(entry.actor for entry in changes),
        **rights(request),
        **HERE,
    }
    return page(request, "console/directory/office.html", context)


@require_safe
@may(Role.EDITOR)
def new_office(request: HttpRequest) -> HttpResponse:
    """The form for a new office."""
    return office_form(request, OfficeForm(initial={"workdays": list("12345"), "preferred_language": "en"}), None)


@require_safe
@may(Role.EDITOR)
def edit_office(request: HttpRequest, office_id: uuid.UUID) -> HttpResponse:
    """The form for an office."""
    found = found_or_404(lambda: reading.office_with(office_id))
    return office_form(request, OfficeForm.of(found), found)


@require_safe
@may(Role.EDITOR)
def new_official(request: HttpRequest, office_id: uuid.UUID) -> HttpResponse:
    """The form for a new holder."""
    found = found_or_404(lambda: reading.office_with(office_id))
    return official_form(request, OfficialForm(initial={"holds_from": clock.today(found.time_zone)}), found, None)


@require_safe
@may(Role.EDITOR)
def edit_official(request: HttpRequest, official_id: uuid.UUID) -> HttpResponse:
    """The form for an official."""
    found = found_or_404(lambda: reading.official_with(official_id))
    return official_form(request, OfficialForm.of(found), found.office, found)


def rights(request: HttpRequest) -> dict[str, bool]:
    """Which links and forms are offered; the views ask again."""
    return {
        "may_edit": is_at_least(request.user, Role.EDITOR),
        "may_import": is_at_least(request.user, Role.APPROVER),
    }


def office_form(request: HttpRequest, form: forms.Form, office: Office | None, *, status: int = 200) -> HttpResponse:
    """The page with the form of an office; None for a new one."""
    title = in_reader_language(office.names) if office else _("New office")
    context: dict[str, Any] = {"form": form, "office": office, "title": title, **HERE}
    return page(request, "console/directory/office_form.html", context, status=status)


def official_form(
    request: HttpRequest, form: forms.Form, office: Office, official: Official | None, *, status: int = 200
) -> HttpResponse:
    """The page with the form of an official; None for a new holder, whose predecessor is shown."""
    context = {
        "form": form,
        "office": office,
        "official": official,
        "title": in_reader_language(official.names) if official else _("New holder"),
        "holder": official_in(office),
        "kind": OFFICES.get(office.kind, ""),
        "affected": reading.affected_by([office.id]),
        **HERE,
    }
    return page(request, "console/directory/official_form.html", context, status=status)
