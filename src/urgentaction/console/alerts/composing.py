"""Composing an alert by hand: a new one, a copy, a follow-up, or a draft that is changed. Nothing here sends."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert, AlertKind
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import alert_called
from urgentaction.cases.models import Case
from urgentaction.cases.queries import case_called
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import refusal_in_words
from urgentaction.console.responses import found_or_404, page
from urgentaction.core.errors import InvalidInput, NotFound
from urgentaction.deliveries import composing
from urgentaction.directory.models import Office
from urgentaction.triggers.decision import OfficialsAudience

from . import forms

#: Cases to choose from where none is named, those with the latest news first.
RECENT = 20


@require_safe
@may(Role.EDITOR)
def new(request: HttpRequest) -> HttpResponse:
    """An empty form for `?case=`; filled from an alert with `?copy=`, or as its follow-up with `?follow=`."""
    if name := request.GET.get("copy", ""):
        alert = found_or_404(lambda: alert_called(name))
        return _form(request, alert.case, forms.as_composed(alert), forms.roles_of_alert(alert))
    if name := request.GET.get("follow", ""):
        alert = found_or_404(lambda: alert_called(name))
        return _form(request, alert.case, forms.as_follow_up(alert), forms.roles_of_alert(alert))
    reference = request.GET.get("case", "").replace("\0", "").strip().upper()
    try:
        case = case_called(reference) if reference else None
    except NotFound:
        case = None
    if case is None:
        return _choose_case(request, reference)
    return _form(request, case, forms.fresh(case), forms.roles_of_case(case))


@require_POST
@may(Role.EDITOR)
def draft(request: HttpRequest) -> HttpResponse:
    """Keep what was composed as a draft and show what it would send; a faulty form comes back with its faults."""
    case = found_or_404(lambda: case_called(request.POST.get("case", "")))
    form = forms.ComposeForm(case, _roles_in(request) | forms.roles_of_case(case), request.POST)
    if not form.is_valid() or form.composition is None:
        return _shown(request, case, form, status=422)
    wanted = form.composition
    try:
        alert = composing.compose_draft(
            case.reference, wanted, by=acting(request), draft_id=form.cleaned_data["draft_id"]
        )
    except InvalidInput as refusal:
        form.add_error(None, refusal_in_words(refusal))
        return _shown(request, case, form, status=422)
    messages.success(request, _("Kept as a draft. Nothing is sent: read what it would send, then ask for approval."))
    return redirect("console:alert-preview", alert_id=alert.id)


@require_safe
@may(Role.EDITOR)
def edit(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """A draft's form, or where a rule left the addressees to a person, the part that names them."""
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    chosen = forms.roles_of_alert(alert)
    if _is_to_be_addressed(alert):
        return _shown(request, alert.case, forms.NewTargetForm(alert.case, chosen), alert=alert)
    if alert.kind != AlertKind.MANUAL:
        messages.error(request, _("A rule made this alert, so it can't be changed. Reject it and compose a copy."))
        return redirect("console:alert", alert_id=alert.id)
    form = forms.ComposeForm(alert.case, chosen, initial=forms.as_composed(alert))
    return _shown(request, alert.case, form, alert=alert)


@require_POST
@may(Role.EDITOR)
def change(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Write a changed draft down. Approvals given to what it was are taken back."""
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    kind = forms.NewTargetForm if _is_to_be_addressed(alert) else forms.ComposeForm
    form = kind(alert.case, _roles_in(request) | forms.roles_of_alert(alert), request.POST)
    if not form.is_valid():
        return _shown(request, alert.case, form, alert=alert, status=422)
    try:
        if isinstance(form, forms.ComposeForm) and form.composition is not None:
            composing.change_draft(alert.id, form.composition, by=acting(request))
        else:
            composing.address_draft(alert.id, form.cleaned_data["targets"], by=acting(request))
    except InvalidInput as refusal:
        form.add_error(None, refusal_in_words(refusal))
        return _shown(request, alert.case, form, alert=alert, status=422)
    messages.success(request, _("Changed. Approvals given before are taken back."))
    return redirect("console:alert-preview", alert_id=alert.id)


def _is_to_be_addressed(alert: Alert) -> bool:
    return AlertPlan.from_json(alert.plan).officials_audience is OfficialsAudience.NEW_TARGET


def _roles_in(request: HttpRequest) -> dict[uuid.UUID, str]:
    """The offices that a sent form lists, so that the same ones are listed again."""
    slugs = [name.removeprefix("office-") for name in request.POST if name.startswith("office-") and "\0" not in name]
    return dict.fromkeys(Office.objects.filter(slug__in=slugs[:100]).values_list("id", flat=True), "")


def _form(request: HttpRequest, case: Case, initial: dict[str, Any], chosen: dict[uuid.UUID, str]) -> HttpResponse:
    return _shown(request, case, forms.ComposeForm(case, chosen, initial=initial))


def _shown(
    request: HttpRequest, case: Case, form: forms.TargetsForm, *, alert: Alert | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "case": case,
        "form": form,
        "alert": alert,
        "is_whole": isinstance(form, forms.ComposeForm),
        "here": "alerts",
    }
    return page(request, "console/alerts/compose.html", context, status=status)


def _choose_case(request: HttpRequest, reference: str) -> HttpResponse:
    cases = Case.objects.exclude(status_as_of=None).order_by("-status_as_of", "-reference")[:RECENT]
    context = {"cases": cases, "reference": reference, "here": "alerts"}
    return page(request, "console/alerts/choose_case.html", context, status=404 if reference else 200)
