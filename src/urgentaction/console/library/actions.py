"""What staff may do with a version of a template. Each action is one call of its room, one message, and back."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import acting, may
from urgentaction.console.responses import attempt, found_or_404
from urgentaction.letters.models import TemplateVersion
from urgentaction.letters.templates import (
    approve_template,
    reject_template,
    return_to_shipped,
    roll_back_template,
    submit_template,
    take_back_template,
)
from urgentaction.letters.versions import SHIPPED, version_numbered

from . import reading
from .forms import PutBackForm
from .pages import put_back_page

LONGEST_COMMENT = 500


@require_POST
@may(Role.EDITOR)
def submit(request: HttpRequest, family: str, kind: str, language: str, number: int) -> HttpResponse:
    """Hand a draft to review."""

    def deed(version: TemplateVersion) -> str:
        submit_template(version.id, by=acting(request))
        return _("Handed to review. Another person than its author has to approve it.")

    return _act(request, (family, kind, language, number), deed)


@require_POST
@may(Role.EDITOR)
def take_back(request: HttpRequest, family: str, kind: str, language: str, number: int) -> HttpResponse:
    """Give up one's own draft, or what one handed to review."""

    def deed(version: TemplateVersion) -> str:
        take_back_template(version.id, by=acting(request), why=_text(request, "why"))
        return _("Taken back. What was in force stays in force.")

    return _act(request, (family, kind, language, number), deed)


@require_POST
@may(Role.APPROVER)
def approve(request: HttpRequest, family: str, kind: str, language: str, number: int) -> HttpResponse:
    """Put it in force. `anyway`: although something else came into force since it was written."""

    def deed(version: TemplateVersion) -> str:
        is_meant = request.POST.get("anyway") == "yes"
        comment = _text(request, "comment")
        approve_template(version.id, by=acting(request), comment=comment, is_outdated_allowed=is_meant)
        return _("Approved. It is in force from now on; letters that were frozen before stay as they are.")

    return _act(request, (family, kind, language, number), deed)


@require_POST
@may(Role.APPROVER)
def reject(request: HttpRequest, family: str, kind: str, language: str, number: int) -> HttpResponse:
    """Say no, with a reason."""

    def deed(version: TemplateVersion) -> str:
        reject_template(version.id, by=acting(request), comment=_text(request, "comment"))
        return _("Rejected. What was in force stays in force.")

    return _act(request, (family, kind, language, number), deed)


@require_POST
@may(Role.APPROVER)
def roll_back(request: HttpRequest, family: str, kind: str, language: str) -> HttpResponse:
    """Put an earlier text, or the shipped file, back in force at once."""
    name = reading.name_or_404(family, kind, language)
    form = PutBackForm(request.POST)
    if not form.is_valid():
        return put_back_page(request, name, str(request.POST.get("to", "")), form)
    to, why = form.cleaned_data["to"], form.cleaned_data["why"]

    def deed() -> str:
        if to == SHIPPED:
            return_to_shipped(name, by=acting(request), why=why)
            return _("The shipped file is in force again.")
        number = int(to) if to.isascii() and to.isdecimal() else 0
        done = roll_back_template(name, to=number, by=acting(request), why=why)
        return _("The text of version %(old)s is in force again, as version %(new)s.") % {
            "old": number,
            "new": done.number,
        }

    attempt(request, deed)
    return redirect("console:template", family, kind, language)


def _act(
    request: HttpRequest, place: tuple[str, str, str, int], deed: Callable[[TemplateVersion], str]
) -> HttpResponse:
    """Do it and say what came of it. A refusal is a message on the same page, not an error page."""
    family, kind, language, number = place
    name = reading.name_or_404(family, kind, language)
    version = found_or_404(lambda: version_numbered(name, number))
    attempt(request, lambda: deed(version))
    return redirect("console:template-version", family, kind, language, number)


def _text(request: HttpRequest, field: str) -> str:
    return " ".join(request.POST.get(field, "").split())[:LONGEST_COMMENT]
