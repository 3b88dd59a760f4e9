"""What staff do with offices and their holders. Each action is one verb of the directory, one message, and back."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import acting, may
from urgentaction.console.responses import found_or_404
from urgentaction.core.errors import InvalidInput
from urgentaction.directory import service
from urgentaction.directory.models import Office
from urgentaction.directory.queries import official_in

from . import pages, reading, words
from .forms import OfficeForm, OfficialForm, blame

REFUSED = 422


@require_POST
@may(Role.EDITOR)
def add_office(request: HttpRequest) -> HttpResponse:
    """A new office."""
    form = OfficeForm(request.POST)
    if form.is_valid():
        try:
            office = service.add_office(form.values(), by=acting(request))
        except InvalidInput as refusal:
            blame(form, refusal)
        else:
            messages.success(request, _("Added. Now say who holds it and how it is reached."))
            return redirect("console:office", office_id=office.id)
    return pages.office_form(request, form, None, status=REFUSED)


@require_POST
@may(Role.EDITOR)
def change_office(request: HttpRequest, office_id: uuid.UUID) -> HttpResponse:
    """Change an office."""
    office = found_or_404(lambda: reading.office_with(office_id))
    form = OfficeForm(request.POST, languages=words.languages_of(office.names, office.postal_address))
    if form.is_valid():
        try:
            service.change_office(office.id, form.values(), by=acting(request))
        except InvalidInput as refusal:
            blame(form, refusal)
        else:
            messages.success(request, _("Saved. Letters that are frozen already stay as they are."))
            return redirect("console:office", office_id=office.id)
    return pages.office_form(request, form, office, status=REFUSED)


@require_POST
@may(Role.EDITOR)
def install_official(request: HttpRequest, office_id: uuid.UUID) -> HttpResponse:
    """A new holder; the old one's tenure ends."""
    office = found_or_404(lambda: reading.office_with(office_id))
    form = OfficialForm(request.POST)
    if form.is_valid():
        try:
            official = service.install_official(office.id, form.values(), by=acting(request))
        except InvalidInput as refusal:
            blame(form, refusal)
        else:
            messages.success(request, _("%(who)s is recorded as the holder.") % {"who": official})
            return _back(request, office)
    return pages.official_form(request, form, office, None, status=REFUSED)


@require_POST
@may(Role.EDITOR)
def change_official(request: HttpRequest, official_id: uuid.UUID) -> HttpResponse:
    """Correct an official, the tenure included."""
    official = found_or_404(lambda: reading.official_with(official_id))
    texts: tuple[Any, ...] = (official.names, official.honorifics, official.salutations)
    form = OfficialForm(request.POST, languages=words.languages_of(*texts))
    if form.is_valid():
        try:
            service.change_official(official.id, form.values(), by=acting(request))
        except InvalidInput as refusal:
            blame(form, refusal)
        else:
            messages.success(request, _("Saved. Letters that are frozen already stay as they are."))
            return _back(request, official.office)
    return pages.official_form(request, form, official.office, official, status=REFUSED)


def _back(request: HttpRequest, office: Office) -> HttpResponse:
    """To the office; with a warning where nobody holds it now."""
    if official_in(office) is None:
        words = _("Nobody is recorded as holding the office today: an alert started now sends no letter there.")
        messages.warning(request, words)
    return redirect("console:office", office_id=office.id)
