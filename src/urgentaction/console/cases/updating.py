"""Saying what happened to a case, in two steps: what would follow is shown, then it is recorded as it was shown.

Nothing is kept in between: the page carries the values to and fro, and a fingerprint of what it showed. If anything has
changed by the time somebody agrees, nothing is recorded and the new consequences are shown.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction import pipeline
from urgentaction.accounts.models import Role
from urgentaction.cases.models import Case
from urgentaction.cases.queries import case_called
from urgentaction.console.cautions import said
from urgentaction.console.permissions import acting, may
from urgentaction.console.responses import found_or_404, page
from urgentaction.console.vocabulary import reader_language
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput
from urgentaction.pipeline import Reported
from urgentaction.tracking.forecast import forecast

from . import reading, wording
from .forms import UpdateForm


@require_safe
@may(Role.EDITOR)
def update_new(request: HttpRequest, reference: str) -> HttpResponse:
    """The empty form. `?status=…&confidence=…` fill it in, so that a task can link to it."""
    case = found_or_404(lambda: case_called(reference))
    asked = {name: request.GET.get(name, "") for name in ("status", "confidence")}
    persons = request.GET.getlist("person")
    today = clock.today(reading.zone_of(case) or timezone.get_current_timezone_name())
    form = UpdateForm(case, initial={"as_of": today, "persons": persons, **asked})
    return _ask(request, case, form)


@require_POST
@may(Role.EDITOR)
def update_preview(request: HttpRequest, reference: str) -> HttpResponse:
    """What would follow. Writes nothing. With `change` among the values: the form again, as it was filled in."""
    case = found_or_404(lambda: case_called(reference))
    form = UpdateForm(case, request.POST)
    if "change" in request.POST or not form.is_valid():
        return _ask(request, case, form)
    return _show(request, case, form)


@require_POST
@may(Role.EDITOR)
def update_record(request: HttpRequest, reference: str) -> HttpResponse:
    """Record it, if what follows is still what was shown; else show what follows now."""
    case = found_or_404(lambda: case_called(reference))
    form = UpdateForm(case, request.POST)
    if not form.is_valid():
        return _ask(request, case, form)
    agreed = request.POST.get("agreed", "")
    if not agreed:
        return _show(request, case, form)
    try:
        done = pipeline.report_update(
            reference, form.told(), by=acting(request), dated_on=form.letters_dated_on(), agreed=agreed
        )
    except Conflict:
        messages.error(
            request,
            _("Nothing was recorded: something has changed since you looked. This is what would follow now."),
        )
        case.refresh_from_db()
        return _show(request, case, form)
    except InvalidInput as refusal:
        form.refuse(refusal)
        return _ask(request, case, form)
    messages.success(request, _what_came_of(done))
    return redirect("console:case", reference=case.reference)


def _ask(request: HttpRequest, case: Case, form: UpdateForm) -> HttpResponse:
    latest = case.updates.select_related("source").defer("note").order_by("-recorded_at").first()
    context = {"case": case, "form": form, "latest": latest, "here": "cases", "zone": reading.zone_of(case)}
    return page(request, "console/cases/update.html", context, status=422 if form.errors else 200)


def _show(request: HttpRequest, case: Case, form: UpdateForm) -> HttpResponse:
    """The consequences, and the button that accepts them."""
    told = form.told()
    try:
        with transaction.atomic():
            decision = pipeline.dry_run(case.reference, told)[1]
            agreed = pipeline.fingerprint_of(case, decision)
            found = forecast(case, told, decision, dated_on=form.letters_dated_on())
    except InvalidInput as refusal:
        form.refuse(refusal)
        return _ask(request, case, form)
    faults = [*(one.fault for one in found.letters), *(one.fault for one in found.notices)]
    persons = {one.key: reading.label_of(one, reader_language()) for one in reading.persons_of(case)}
    context: dict[str, Any] = {
        "case": case,
        "zone": reading.zone_of(case),
        "form": form,
        "told": told,
        "dated_on": form.letters_dated_on(),
        "found": found,
        "decision": found.decision,
        "agreed": agreed,
        "concerned": [(key, persons.get(key, key)) for key in decision.concerned],
        "left_out": [(key, persons.get(key, key), key in decision.remainder) for key in decision.left_out],
        "cautions": said(found.cautions),
        "approval": wording.approval(decision),
        "start": wording.start(decision),
        "is_unmade": decision.sends_automatically and any(faults),
        "reasons": wording.reasons(decision),
        "letter_forms": [("pdf", _("PDF")), ("fax", _("Fax")), ("html", _("Mail")), ("text", _("Text"))],
        "here": "cases",
    }
    return page(request, "console/cases/consequences.html", context)


def _what_came_of(done: Reported) -> str:
    parts = [_("Recorded.")]
    if done.withdrawn:
        parts.append(_("Withdrawn: %(alerts)s.") % {"alerts": ", ".join(one.number for one in done.withdrawn)})
    for alert in done.alerts:
        if alert.state == "held":
            parts.append(_("%(alert)s starts by itself.") % {"alert": alert.number})
        else:
            parts.append(_("%(alert)s waits for a decision.") % {"alert": alert.number})
    if not done.alerts:
        parts.append(_("No alert came of it."))
    return " ".join(parts)
