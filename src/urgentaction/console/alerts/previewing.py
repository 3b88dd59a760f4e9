"""What an alert sends, to be read before anybody agrees to it: every letter and notice in every form. Sends nothing.

A message's HTML is shown in a frame that may do nothing: no script, no form, no request, an origin of its own.
"""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import LIVE, alert_called
from urgentaction.console.cautions import said
from urgentaction.console.documents import framed, pdf_to_read, plain
from urgentaction.console.permissions import may
from urgentaction.console.responses import found_or_404, page
from urgentaction.core.errors import TemplateError
from urgentaction.letters.content import Audience
from urgentaction.tracking import forthcoming
from urgentaction.tracking.alert_forecast import alert_costs, cautions_of, notices_of

from . import reading


@require_safe
@may(Role.EDITOR)
def preview(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Everything that goes out, what to look out for, and the decision about exactly that."""
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    contents = forthcoming.contents_of(alert)
    is_ahead = alert.state in LIVE and not contents.is_frozen
    context = {
        "alert": alert,
        "plan": AlertPlan.from_json(alert.plan),
        "contents": contents,
        "is_ahead": is_ahead,
        "cautions": said(cautions_of(alert, contents)) if is_ahead else [],
        "audiences": [Audience.PUBLIC.value, Audience.SUPPORTER.value],
        "here": "alerts",
        **reading.choices(request, alert),
    }
    return page(request, "console/alerts/preview.html", context)


@require_safe
@may(Role.VIEWER)
def numbers(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """How many it would reach now, and what it may cost; a part of the preview, because it takes longer.

    With `?short=1` only the sums in one line, for beside the button that lets it go. Opened by itself it is a page.
    """
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    contents = forthcoming.contents_of(alert)
    rows = notices_of(alert, contents)
    people = sum(row.people for row in rows)
    if request.GET.get("short"):
        short = {"is_counted": True, "letters": len(contents.letters), "people": people}
        return page(request, "console/alerts/reach.html", short)
    is_part = "HX-Request" in request.headers
    context = {
        "alert": alert,
        "here": "alerts",
        "letters": len(contents.letters),
        "plan": AlertPlan.from_json(alert.plan),
        "rows": [(row, row.segments * row.people) for row in rows],
        "people": people,
        "segments": sum(row.segments * row.people for row in rows),
        "costs": alert_costs(alert, contents, rows) if alert.frozen_at is None else [],
    }
    return page(request, "console/alerts/numbers.html" if is_part else "console/alerts/numbers_page.html", context)


@require_safe
@may(Role.EDITOR)
def letter_html(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """A letter as a mail shows it; with `?audience=` as others than its addressee would read it."""
    alert, key = _asked_for(request, alert_id)
    audience = request.GET.get("audience", "") or Audience.GOVERNMENT.value
    if audience not in set(Audience):
        raise Http404
    if alert.frozen_at is not None and audience == Audience.GOVERNMENT:
        return framed(HttpResponse(found_or_404(lambda: forthcoming.contents_of(alert).letter(str(key))).html))
    try:
        made = found_or_404(lambda: forthcoming.letter_for(alert, key, Audience(audience)))
    except TemplateError as fault:
        return framed(plain(str(fault)))
    return framed(HttpResponse(made.rendered.html))


@require_safe
@may(Role.EDITOR)
def letter_pdf(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """A letter's PDF, or with `?form=fax` the pages as they are faxed."""
    alert, key = _asked_for(request, alert_id)
    as_fax = request.GET.get("form") == "fax"
    try:
        pages = found_or_404(lambda: forthcoming.pdf_of(alert, key, as_fax=as_fax))
    except TemplateError as fault:
        return framed(plain(str(fault)))
    name = f"{'' if alert.frozen_at else 'PREVIEW-'}{alert.number.replace('/', '-')}{'-fax' if as_fax else ''}.pdf"
    return pdf_to_read(pages, name)


@require_safe
@may(Role.EDITOR)
def notice_html(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """A notice as a mail shows it, addressed to nobody by name; `?which=email-ko`."""
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    shown = found_or_404(lambda: forthcoming.contents_of(alert).notice(request.GET.get("which", "")))
    return framed(HttpResponse(shown.html) if shown.html else plain(shown.text or shown.fault))


def _asked_for(request: HttpRequest, alert_id: uuid.UUID) -> tuple[Alert, uuid.UUID]:
    """The alert, and the official whose letter is asked for: `?to=`, else the first one. Raises Http404."""
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    asked = request.GET.get("to", "")
    try:
        key = uuid.UUID(asked) if asked else None
    except ValueError:
        raise Http404 from None
    first = key or alert.targets.values_list("official_id", flat=True).first()
    if first is None:
        raise Http404
    return alert, first
