"""What staff take out of a case: the names that are sealed, and the dossier. Each time is in the audit log."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from urgentaction.accounts.models import Role
from urgentaction.cases.queries import case_called
from urgentaction.cases.service import read_names
from urgentaction.console.documents import to_keep
from urgentaction.console.permissions import acting, may
from urgentaction.console.responses import found_or_404, page
from urgentaction.console.vocabulary import reader_language
from urgentaction.core import clock
from urgentaction.core.errors import TemplateError
from urgentaction.tracking.dossier_file import dossier_file

from .reading import label_of


@require_POST
@may(Role.APPROVER)
def case_names(request: HttpRequest, reference: str) -> HttpResponse:
    """The confidential names of a case, on a page of their own that no address leads to: each look is a deed."""
    case = found_or_404(lambda: case_called(reference))
    persons = read_names(case, by=acting(request))
    lines = [
        {
            "key": one.key,
            "label": label_of(one, reader_language()),
            "name": one.confidential_name,
            "spellings": [spelling for spelling in one.confidential_spellings.split("\n") if spelling],
            "note": one.consent_note,
        }
        for one in persons
    ]
    return page(request, "console/cases/names.html", {"case": case, "persons": lines, "here": "cases"})


@require_POST
@may(Role.EDITOR)
def case_dossier(request: HttpRequest, reference: str) -> HttpResponse:
    """The dossier for internal use: persons as officials may see them."""
    return _dossier(request, reference, is_confidential=False)


@require_POST
@may(Role.APPROVER)
def case_dossier_sealed(request: HttpRequest, reference: str) -> HttpResponse:
    """The dossier with everything in it."""
    return _dossier(request, reference, is_confidential=True)


def _dossier(request: HttpRequest, reference: str, *, is_confidential: bool) -> HttpResponse:
    case = found_or_404(lambda: case_called(reference))
    try:
        found = dossier_file(case, by=acting(request), is_confidential=is_confidential, made_at=clock.now())
    except TemplateError as refusal:
        messages.error(request, str(refusal))
        return redirect("console:case", reference=case.reference)
    return to_keep(HttpResponse(found.pdf, content_type="application/pdf"), found.name)
