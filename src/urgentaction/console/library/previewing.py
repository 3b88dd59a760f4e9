"""How a text would look, for a case or an invented one; and what is wrong with it, while somebody writes it.

A preview is a small document of its own, shown in a frame. It may carry styles, which letters by mail need, and no
script, form or picture from elsewhere (`console.documents`).
"""

from __future__ import annotations

import base64
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.cases.models import Case
from urgentaction.cases.queries import case_called
from urgentaction.console.documents import framed
from urgentaction.console.permissions import may
from urgentaction.console.phrasing import refusal_in_words
from urgentaction.console.responses import found_or_404, page
from urgentaction.core.errors import InvalidInput, NotFound, TemplateError
from urgentaction.letters.content import Audience
from urgentaction.letters.preview import Form, Wish
from urgentaction.letters.source import Family
from urgentaction.letters.templates import check_template
from urgentaction.letters.trying import FORMS, Shown, audience_of, try_text
from urgentaction.letters.versions import LIVE, TemplateName, text_called

from . import reading
from .forms import PreviewForm, text_given


@require_safe
@may(Role.EDITOR)
def preview(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """The text in force, or `?version=`, as it would be sent."""
    name = reading.name_or_404(family, kind, language)
    which = request.GET.get("version") or LIVE
    try:
        source = found_or_404(lambda: text_called(name, which))
    except (InvalidInput, TemplateError) as error:
        return _document(request, {"fault": str(error)})
    return _document(request, _tried(name, source.text, request.GET))


@require_POST
@may(Role.EDITOR)
def try_draft(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """A text that is not saved, as it would be sent."""
    name = reading.name_or_404(family, kind, language)
    return _document(request, _tried(name, text_given(request.POST), request.POST))


@require_POST
@may(Role.EDITOR)
def check(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """What is wrong with a text that is not saved: the list of findings alone."""
    name = reading.name_or_404(family, kind, language)
    text = text_given(request.POST)
    return page(request, "console/library/findings.html", {"findings": check_template(name, text), "is_examined": True})


@require_safe
@may(Role.EDITOR)
def addressees(request: HttpRequest) -> HttpResponse:
    """The field in which an addressee is chosen, for `?case=`."""
    form = PreviewForm(request.GET, **_choices(Family.LETTERS, request.GET.get("case", "")))
    return page(request, "console/library/addressees.html", {"field": form["to"]})


def preview_context(
    request: HttpRequest, name: TemplateName, *, version: int | None = None, data: Any = None
) -> dict[str, Any]:
    """What a page needs that holds a preview: `preview_form`, `preview_cases`, and `preview_of`, a version's number."""
    given = request.GET if data is None else data
    cases = reading.cases_for(name.language)
    initial = {"case": cases[0].reference if cases else "", "form": FORMS[name.family][0].value}
    chosen = given.get("case", initial["case"])
    initial |= {key: given[key] for key in ("case", "form", "to", "audience") if key in given}
    return {
        "preview_form": PreviewForm(initial=initial, **_choices(name.family, chosen)),
        "preview_cases": cases,
        "preview_of": version or "",
    }


def _choices(family: Family, reference: str) -> dict[str, Any]:
    asked = reference.strip().upper().replace("\0", "")
    case = Case.objects.filter(reference=asked).first() if asked else None
    return {"family": family, "addressees": reading.addressees_of(case) if case else []}


def _tried(name: TemplateName, text: str, asked: Any) -> dict[str, Any]:
    """What the document shows: `shown`, or `fault` with words about why there is nothing to show."""
    try:
        return {"shown": _shown(name, text, asked)}
    except NotFound as error:
        return {"fault": refusal_in_words(error)}
    except (InvalidInput, TemplateError) as error:
        return {"fault": str(error)}


def _shown(name: TemplateName, text: str, asked: Any) -> Shown:
    reference = asked.get("case", "").strip()
    case = case_called(reference) if reference else None
    form, audience = asked.get("form", ""), asked.get("audience", "")
    wish = Wish(
        kind=name.kind,
        language=name.language,
        audience=Audience(audience) if audience in set(Audience) else audience_of(name.family),
        to=asked.get("to", "").strip() if case else "",
    )
    wanted = Form(form) if form in set(Form) else FORMS[name.family][0]
    return try_text(name, text, form=wanted, case=case, wish=wish)


def _document(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    shown: Shown | None = context.get("shown")
    pages = [f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in shown.pages] if shown else []
    return framed(page(request, "console/library/preview.html", {**context, "pages": pages}))
