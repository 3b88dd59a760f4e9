"""Templates: the list, one with its history, one version, what differs, what to put back; and forms of address."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.listing import listed
from urgentaction.console.permissions import acting, is_at_least, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import found_or_404, page
from urgentaction.core.errors import InvalidInput, TemplateError
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.directory.kinds import AddressedAs, OfficeKind
from urgentaction.letters.comparison import compared
from urgentaction.letters.forms_of_address import load_forms
from urgentaction.letters.models import TemplateState, TemplateVersion
from urgentaction.letters.versions import (
    LIVE,
    SHIPPED,
    TemplateName,
    has_newer_file,
    outdated,
    text_called,
    version_numbered,
)

from . import reading
from .forms import HistoryFilter, ListForm, PutBackForm, ReasonForm
from .previewing import preview_context

HISTORY_PAGE = 20


@require_safe
@may(Role.VIEWER)
def templates(request: HttpRequest) -> HttpResponse:
    """Every template by family, kind and language, and what waits for somebody."""
    form = ListForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    found = reading.everything()
    waiting = reading.waiting(found)
    drafts = list(reading.drafts_of(acting(request)))
    actors = [row.author for row in waiting]
    actors += [one.in_force.author for one in found if one.in_force]
    context = {
        "list": {"form": form, "is_filtered": any(wanted.values())},
        "shelves": reading.shelves(found, **wanted),
        "waiting": waiting,
        "drafts": drafts,
        "names": names_of(actors),
        "may_edit": is_at_least(request.user, Role.EDITOR),
        "here": "library",
    }
    return page(request, "console/library/list.html", context)


@require_safe
@may(Role.VIEWER)
def template(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """One template: the text in force, how it would look, and every version there was."""
    name = reading.name_or_404(family, kind, language)
    force = reading.in_force(name)
    rows = reading.history(name)
    found = listed(
        request, rows, filters=HistoryFilter, sorts={"number": ("number",)}, default="-number", size=HISTORY_PAGE
    )
    actors = [actor for row in found.items for actor in (row.author, row.reviewed_by, row.retired_by)]
    if force.version:
        actors += [force.version.author, force.version.reviewed_by]
    context = {
        **_about(request, name),
        "force": force,
        "lines": reading.numbered(force.source.text) if force.source else (),
        "has_newer_file": force.version is not None and has_newer_file(force.version),
        "list": found,
        "names": names_of(actors),
        "numbers": list(rows.order_by("-number").values_list("number", flat=True)[:200]),
        "letters": () if force.version else reading.letters_from_file(name),
        **preview_context(request, name),
    }
    return page(request, "console/library/template.html", context)


@require_safe
@may(Role.VIEWER)
def version(request: HttpRequest, family: str, kind: str, language: str, number: int) -> HttpResponse:
    """One version: what it changes, what was found in it, how it looks; and what may be done with it."""
    name = reading.name_or_404(family, kind, language)
    found = found_or_404(lambda: version_numbered(name, number))
    force = reading.in_force(name)
    is_open = found.state in (TemplateState.DRAFT, TemplateState.IN_REVIEW)
    before = _before(found, force)
    warnings = reading.warnings_of(found)
    context = {
        **_about(request, name),
        "version": found,
        "force": force,
        "outdated": outdated(found, force.version) if is_open else "",
        "before": before,
        "rows": compared(text_called(name, before).text, found.text) if before else (),
        "findings": warnings,
        "lines": reading.numbered(found.text, warnings),
        "names": names_of([found.author, found.reviewed_by, found.retired_by]),
        "letters": reading.letters_from(found),
        "notices": reading.notices_from(found),
        "reason": ReasonForm(auto_id="take-back-%s"),
        **_choices(request, found),
        **preview_context(request, name, version=found.number),
    }
    return page(request, "console/library/version.html", context)


@require_safe
@may(Role.VIEWER)
def diff(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """What differs between two texts of a template, by `?from=` and `?to=`: numbers, `live` or `shipped`."""
    name = reading.name_or_404(family, kind, language)
    old, new = request.GET.get("from") or LIVE, request.GET.get("to") or SHIPPED
    try:
        before, after = text_called(name, old), text_called(name, new)
    except (InvalidInput, TemplateError) as error:
        raise Http404 from error
    context = {
        **_about(request, name),
        "old": old,
        "new": new,
        "rows": compared(before.text, after.text),
        "numbers": list(reading.history(name).order_by("-number").values_list("number", flat=True)[:200]),
        "force": reading.in_force(name),
    }
    return page(request, "console/library/diff.html", context)


@require_safe
@may(Role.APPROVER)
def put_back(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """Before an earlier text, `?to=` a number or `shipped`, is put back in force: what that changes."""
    name = reading.name_or_404(family, kind, language)
    to = request.GET.get("to", "")
    return put_back_page(request, name, to, PutBackForm(initial={"to": to}))


def put_back_page(request: HttpRequest, name: TemplateName, to: str, form: PutBackForm) -> HttpResponse:
    """The page that asks for a reason and a yes. 404 where there is no such text, or nothing in force."""
    force = reading.in_force(name)
    try:
        after = text_called(name, to)
    except (InvalidInput, TemplateError) as error:
        raise Http404 from error
    if force.source is None:
        raise Http404
    context = {
        **_about(request, name),
        "to": to,
        "force": force,
        "form": form,
        "is_in_force": to == force.called,
        "rows": compared(force.source.text, after.text),
    }
    return page(request, "console/library/put_back.html", context, status=422 if form.errors else 200)


@require_safe
@may(Role.VIEWER)
def forms_of_address(request: HttpRequest) -> HttpResponse:
    """How the holders of offices are addressed, by language and kind of office."""
    asked = request.GET.get("language", "")
    chosen = asked if asked in LETTER_LANGUAGES else LETTER_LANGUAGES[0]
    forms = load_forms(chosen, root=settings.SHIPPED_TEMPLATES)
    rows = [
        (kind, [(who, forms[kind, who]) for who in (None, *AddressedAs) if (kind, who) in forms]) for kind in OfficeKind
    ]
    context = {
        "languages": LETTER_LANGUAGES,
        "language": chosen,
        "rows": [(kind, entries) for kind, entries in rows if entries],
        "here": "library",
    }
    return page(request, "console/library/forms_of_address.html", context)


def _about(request: HttpRequest, name: TemplateName) -> dict[str, Any]:
    return {
        "name": name,
        "may_edit": is_at_least(request.user, Role.EDITOR),
        "may_put_back": is_at_least(request.user, Role.APPROVER),
        "here": "library",
    }


def _before(found: TemplateVersion, force: reading.InForce) -> str:
    """With what a version is compared: open ones with what is in force, others with what they were written from."""
    if found.state in (TemplateState.DRAFT, TemplateState.IN_REVIEW):
        return LIVE if force.source else ""
    if found.based_on is not None:
        return str(found.based_on.number)
    return SHIPPED if force.is_shipped else ""


def _choices(request: HttpRequest, found: TemplateVersion) -> dict[str, bool]:
    """Which buttons are offered: the state allows it, and so does the role. The actions check both again."""
    is_author = found.author == acting(request)
    is_open = found.state in (TemplateState.DRAFT, TemplateState.IN_REVIEW)
    is_editor, is_approver = is_at_least(request.user, Role.EDITOR), is_at_least(request.user, Role.APPROVER)
    return {
        "is_author": is_author,
        "may_submit": is_editor and found.state == TemplateState.DRAFT,
        "may_take_back": is_editor and is_author and is_open,
        "may_approve": is_approver and not is_author and found.state == TemplateState.IN_REVIEW,
        "may_reject": is_approver and not is_author and found.state == TemplateState.IN_REVIEW,
        "waits_for_another": is_approver and is_author and found.state == TemplateState.IN_REVIEW,
    }
