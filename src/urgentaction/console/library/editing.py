"""Writing a new version: the page, and saving. A text that can't be saved comes back as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import in_words
from urgentaction.console.reading import names_of
from urgentaction.console.responses import page
from urgentaction.core.errors import Conflict, InvalidInput, NotFound, Problem, TemplateError
from urgentaction.letters.comparison import compared
from urgentaction.letters.library import shipped_or_none
from urgentaction.letters.lint import Finding, Severity
from urgentaction.letters.models import TemplateState, TemplateVersion
from urgentaction.letters.reference import reference
from urgentaction.letters.templates import check_template, draft_template, submit_template
from urgentaction.letters.versions import (
    LIVE,
    SHIPPED,
    TemplateName,
    fingerprint,
    rows_of,
    text_called,
    version_numbered,
)

from . import reading
from .forms import EditForm, text_given
from .previewing import preview_context


@require_safe
@may(Role.EDITOR)
def edit(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """A text to write on: what is in force, `?from=` a version or `shipped`, or `?like=` the same in a language."""
    name = reading.name_or_404(family, kind, language)
    try:
        text, seen = _beginning(name, request.GET.get("from", ""), request.GET.get("like", ""))
    except (InvalidInput, TemplateError) as error:
        raise Http404 from error
    form = EditForm(initial={"text": text, "seen": seen})
    return _page(request, name, form, text=text, seen=seen)


@require_POST
@may(Role.EDITOR)
def save(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """Save it as a draft, and hand it to review where `deed` says so; or only examine it."""
    name = reading.name_or_404(family, kind, language)
    form, text = EditForm(request.POST), text_given(request.POST)
    deed = request.POST.get("deed", "")
    if deed == "examine":
        form = EditForm(initial={**request.POST.dict(), "text": text})
        return _page(request, name, form, text=text, findings=check_template(name, text))
    if not form.is_valid():
        return _page(request, name, form, text=text)
    try:
        version = draft_template(
            name, text=text, by=acting(request), note=form.cleaned_data["note"], seen=_seen(name, request.POST)
        )
    except InvalidInput as refusal:
        findings = _explained(form, refusal)
        return _page(request, name, form, text=text, findings=findings)
    if deed == "submit":
        submit_template(version.id, by=acting(request))
        messages.success(request, _("Saved and handed to review. Another person has to approve it."))
    else:
        messages.success(request, _("Saved as a draft. Nothing is sent from it until it is approved."))
    return redirect("console:template-version", family, kind, language, version.number)


def _beginning(name: TemplateName, start: str, like: str) -> tuple[str, str]:
    """The text to begin with, and the fingerprint of what it was made from.

    A draft or a rejected version goes on from what *it* was written from: what came into force since then is shown
    before it can be saved, and isn't lost.
    """
    if like:
        model = TemplateName.read(f"{name.family}/{name.kind}/{like}")
        return text_called(model, LIVE).text, fingerprint(name)
    if start in ("", LIVE):
        source = reading.in_force(name).source
        return (source.text if source else ""), fingerprint(name)
    source = text_called(name, start)
    if start == SHIPPED:
        return source.text, source.sha256
    version = version_numbered(name, int(start))
    if version.state in (TemplateState.LIVE, TemplateState.RETIRED):
        return version.text, version.sha256
    return version.text, version.based_on.sha256 if version.based_on else version.shipped_sha256


def _seen(name: TemplateName, given: Any) -> str:
    """What the author has seen in force: at the beginning, or since then, where they say that they took it over."""
    now, taken_over = fingerprint(name), str(given.get("taken_over", ""))
    return taken_over if taken_over == now else str(given.get("seen", ""))


def _explained(form: EditForm, refusal: InvalidInput) -> tuple[Finding, ...]:
    """A refusal, put where it belongs: at the note, above the text, or as findings at their lines."""
    findings = []
    for problem in refusal.problems:
        if problem.field == "note":
            form.add_error("note", in_words(problem.message))
        elif isinstance(refusal, (Conflict, NotFound)) or problem.message.startswith("nothing was changed"):
            form.add_error("text", in_words(problem.message))
        else:
            findings.append(_finding(problem))
    if findings:
        form.add_error(None, _("It is not saved yet: correct what is marked as an error. Your text is still here."))
    return tuple(findings)


def _finding(problem: Problem) -> Finding:
    line = problem.field.removeprefix("line ")
    return Finding(Severity.ERROR, in_words(problem.message), int(line) if line.isdigit() else 0)


def _page(
    request: HttpRequest,
    name: TemplateName,
    form: EditForm,
    *,
    text: str,
    seen: str | None = None,
    findings: Sequence[Finding] | None = None,
) -> HttpResponse:
    seen = str(request.POST.get("seen", "")) if seen is None else seen
    force = reading.in_force(name)
    now = force.source.sha256 if force.source else ""
    others = list(reading.history(name).filter(state=TemplateState.IN_REVIEW).order_by("number")[:10])
    actors = [row.author for row in others] + ([force.version.author] if force.version else [])
    context = {
        "name": name,
        "form": form,
        "lines": reading.numbered(text, findings or ()),
        "findings": findings or (),
        "is_examined": findings is not None,
        "force": force,
        "now": now,
        "meanwhile": None if seen == now else _meanwhile(name, seen, force.source.text if force.source else ""),
        "others": others,
        "names": names_of(actors),
        "reference": reference(name.family),
        "here": "library",
        **preview_context(request, name, data=request.POST if request.method == "POST" else None),
    }
    is_refused = form.is_bound and bool(form.errors)
    return page(request, "console/library/edit.html", context, status=422 if is_refused else 200)


def _meanwhile(name: TemplateName, seen: str, now: str) -> dict[str, Any]:
    """What has changed between the text the author began from and the one in force: `rows`; none if it is unknown."""
    row: TemplateVersion | None = rows_of(name).filter(sha256=seen).order_by("-number").first() if seen else None
    file = shipped_or_none(name.family, name.kind, name.language)
    before = row.text if row else file.text if file and file.sha256 == seen else None
    return {"rows": compared(before, now) if before is not None else ()}
