"""Contact points: the page of one, with its trail and what may be done with it; and each of those deeds."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.channels.contract import Channel
from urgentaction.console.permissions import acting, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import found_or_404, page
from urgentaction.core.errors import InvalidInput
from urgentaction.deliveries import contact_points as deeds
from urgentaction.directory import contact_points as directory
from urgentaction.directory.kinds import CheckResult
from urgentaction.directory.models import ContactPoint, Office
from urgentaction.directory.queries import stranded_without

from . import reading
from .actions import REFUSED
from .forms import ChangeForm, CheckForm, ContactPointForm, ReplaceForm, RetireForm, blame
from .pages import HERE, rights


@require_safe
@may(Role.VIEWER)
def point(request: HttpRequest, point_id: uuid.UUID) -> HttpResponse:
    """One contact point: who checked it, what became of letters there, what hangs on it."""
    found = found_or_404(lambda: reading.point_with(point_id))
    return _page(request, found)


@require_safe
@may(Role.EDITOR)
def new(request: HttpRequest, office_id: uuid.UUID) -> HttpResponse:
    """The form for a new contact point."""
    office = found_or_404(lambda: reading.office_with(office_id))
    return _new_form(request, ContactPointForm(), office)


@require_POST
@may(Role.EDITOR)
def add(request: HttpRequest, office_id: uuid.UUID) -> HttpResponse:
    """A new contact point."""
    office = found_or_404(lambda: reading.office_with(office_id))
    form = ContactPointForm(request.POST)
    if form.is_valid():
        told = form.cleaned_data
        try:
            directory.add_contact_point(
                office.id,
                channel=Channel(told["channel"]),
                printed=told["printed_value"],
                dial=told["dial_value"],
                rank=told["rank"],
                check=form.check_if_any(),
                by=acting(request),
            )
        except InvalidInput as refusal:
            blame(form, refusal)
        else:
            messages.success(request, _("Added. The next alert uses it; those that run use it as their next step."))
            return redirect("console:office", office_id=office.id)
    return _new_form(request, form, office, status=REFUSED)


@require_POST
@may(Role.EDITOR)
def change(request: HttpRequest, point_id: uuid.UUID) -> HttpResponse:
    """Correct how it is printed, or its place in the order."""
    form = ChangeForm(request.POST, auto_id="change_%s")

    def deed() -> str:
        told = form.cleaned_data
        directory.change_contact_point(point_id, printed=told["printed_value"], rank=told["rank"], by=acting(request))
        return _("Saved.")

    return _act(request, point_id, "change_form", form, deed)


@require_POST
@may(Role.EDITOR)
def check(request: HttpRequest, point_id: uuid.UUID) -> HttpResponse:
    """Write down that it was checked."""
    form = CheckForm(request.POST, auto_id="check_%s")

    def deed() -> str:
        result = CheckResult(form.cleaned_data["result"])
        deeds.record_check(point_id, form.check_made(result), by=acting(request))
        return _("Written down: who checked it, how and when.")

    return _act(request, point_id, "check_form", form, deed)


@require_POST
@may(Role.EDITOR)
def replace(request: HttpRequest, point_id: uuid.UUID) -> HttpResponse:
    """Retire it and put another one in its place."""
    form = ReplaceForm(request.POST, auto_id="replace_%s")

    def deed() -> str:
        told = form.cleaned_data
        deeds.replace_contact_point(
            point_id,
            printed=told["printed_value"],
            dial=told["dial_value"],
            check=form.check_made(),
            by=acting(request),
        )
        return _("Replaced. The new one has its place in the order; the old one is not used any more.")

    return _act(request, point_id, "replace_form", form, deed)


@require_POST
@may(Role.EDITOR)
def retire(request: HttpRequest, point_id: uuid.UUID) -> HttpResponse:
    """Use it no more."""
    form = RetireForm(request.POST, auto_id="retire_%s")

    def deed() -> str:
        told = form.cleaned_data
        deeds.retire_contact_point(point_id, why=told["why"], is_sure=told["is_sure"], by=acting(request))
        return _("Retired. It is not used any more; what was sent there stays on file.")

    return _act(request, point_id, "retire_form", form, deed)


def _act(
    request: HttpRequest, point_id: uuid.UUID, name: str, form: forms.Form, deed: Callable[[], str]
) -> HttpResponse:
    """Do it and go to the office; what is wrong stands at its field on the same page."""
    found = found_or_404(lambda: reading.point_with(point_id))
    if form.is_valid():
        try:
            messages.success(request, deed())
        except InvalidInput as refusal:
            blame(form, refusal)
        else:
            return redirect("console:office", office_id=found.office_id)
    return _page(request, found, status=REFUSED, **{name: form})


def _page(request: HttpRequest, found: ContactPoint, *, status: int = 200, **bound: forms.Form) -> HttpResponse:
    tries = reading.tries_at([found])[found.id]
    checks = list(reading.checks_of(found))
    stranded = stranded_without(found)
    context: dict[str, Any] = {
        "point": found,
        "office": found.office,
        "tries": tries,
        "checks": checks,
        "names": names_of(one.by for one in checks),
        "asks": reading.asks_for_replacement(found, tries),
        "stranded": stranded,
        "affected": reading.affected_by([found.office_id]),
        "lost": reading.affected_by(one.id for one in stranded) if stranded else None,
        "check_form": CheckForm(auto_id="check_%s"),
        "replace_form": ReplaceForm(auto_id="replace_%s"),
        "change_form": ChangeForm(
            auto_id="change_%s", initial={"printed_value": found.printed_value, "rank": found.rank}
        ),
        "retire_form": RetireForm(auto_id="retire_%s"),
        **bound,
        "refused": next(iter(bound.values()), None),
        **rights(request),
        **HERE,
    }
    return page(request, "console/directory/point.html", context, status=status)


def _new_form(request: HttpRequest, form: forms.Form, office: Office, *, status: int = 200) -> HttpResponse:
    return page(request, "console/directory/point_form.html", {"form": form, "office": office, **HERE}, status=status)
