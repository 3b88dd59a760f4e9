"""The directory as a file: out, and in again after a look at what it would change."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.documents import to_keep
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import refusal_in_words
from urgentaction.console.responses import page
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput
from urgentaction.directory.exporting import export_directory
from urgentaction.directory.previewing import import_as_shown, preview_import

from .actions import REFUSED
from .forms import FileForm
from .pages import HERE

#: What the page carries on to the next one, in a form, must stay below what Django reads of a form (1 MiB).
MOST_BYTES = 1_000_000


@require_safe
@may(Role.EDITOR)
def export(_request: HttpRequest) -> HttpResponse:
    """The whole directory as a file."""
    name = f"directory-{clock.now():%Y-%m-%d}.toml"
    response = HttpResponse(export_directory(), content_type="application/toml")
    return to_keep(response, name)


@require_safe
@may(Role.APPROVER)
def choose(request: HttpRequest) -> HttpResponse:
    """Where a file is chosen."""
    return _choose(request, FileForm())


@require_POST
@may(Role.APPROVER)
def preview(request: HttpRequest) -> HttpResponse:
    """What a file would change; nothing is changed."""
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _choose(request, form, status=REFUSED)
    file: UploadedFile[Any] = form.cleaned_data["file"]
    content = file.read()
    if len(content) + content.count(b"\n") > MOST_BYTES:  # browsers send each line end of a form as two characters
        words = _("It is larger than 1 MB. Import it on the server: urgentaction import directory FILE")
        form.add_error("file", words)
        return _choose(request, form, status=REFUSED)
    return _show(request, form, _plain(file.name or ""), content)


@require_POST
@may(Role.APPROVER)
def apply(request: HttpRequest) -> HttpResponse:
    """Import what was shown; where that would now change something else, it is shown again instead."""
    name, content = _plain(request.POST.get("name", "")), _content(request)
    try:
        done = import_as_shown(name, content, digest=request.POST.get("digest", ""), by=acting(request))
    except Conflict as refusal:
        messages.error(request, refusal_in_words(refusal))
        return _show(request, FileForm(), name, content)
    except InvalidInput as refusal:
        return _choose(request, FileForm(), refusal=refusal, status=REFUSED)
    report = done.report
    counts = {"created": report.created, "updated": report.updated, "unchanged": report.unchanged}
    words = _("Imported: %(created)s new, %(updated)s changed, %(unchanged)s as before.")
    messages.success(request, words % counts)
    return redirect("console:directory")


def _show(request: HttpRequest, form: forms.Form, name: str, content: bytes) -> HttpResponse:
    try:
        found = preview_import(name, content, by=acting(request))
    except InvalidInput as refusal:
        return _choose(request, form, refusal=refusal, status=REFUSED)
    context = {"preview": found, "name": name, "content": content.decode("utf-8-sig"), **HERE}
    return page(request, "console/directory/preview.html", context)


def _choose(
    request: HttpRequest, form: forms.Form, *, refusal: InvalidInput | None = None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "problems": refusal.problems if refusal else (), **HERE}
    return page(request, "console/directory/import.html", context, status=status)


def _content(request: HttpRequest) -> bytes:
    """The file as it was shown: browsers send every line end of a form as CR LF."""
    return request.POST.get("content", "").replace("\r\n", "\n").encode()


def _plain(name: str) -> str:
    """A file's name as messages and the audit log may have it."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name.rpartition("/")[2]).strip("-.")[-60:]
    return stem or "directory.toml"
