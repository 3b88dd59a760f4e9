"""Handing in a table of supporters: its report first, row by row; nothing is written before a person's yes."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import problem_in_words
from urgentaction.console.reading import names_of
from urgentaction.console.responses import attempt, found_or_404, page, there_or_404
from urgentaction.core.errors import InvalidInput
from urgentaction.core.uploads import InMemory
from urgentaction.supporters import handing_in
from urgentaction.supporters.handing_in import Report
from urgentaction.supporters.models import HandedInTable, TableState
from urgentaction.supporters.table import COLUMNS, REQUIRED

from .forms import HandingIn

#: htmx fetches no more after it.
ENOUGH = 286
_UNDONE = (TableState.HANDED_IN, TableState.AGREED)


class LongTable(InMemory):
    """A table may be longer than other files."""

    most_bytes = handing_in.MOST_BYTES


@require_safe
@may(Role.APPROVER)
def tables(request: HttpRequest) -> HttpResponse:
    """What was handed in lately, and the form to hand in another."""
    return page(request, "console/supporters/tables.html", _tables_context(HandingIn()))


@csrf_exempt  # asked below: the form must not be read before the handler is chosen
@require_POST
@may(Role.APPROVER)
def hand_in(request: HttpRequest) -> HttpResponse:
    """Keep a table, and check it: a short one at once."""
    request.upload_handlers = [LongTable(request)]
    return _hand_in(request)


@csrf_protect
def _hand_in(request: HttpRequest) -> HttpResponse:
    form = HandingIn(request.POST, request.FILES)
    if form.is_valid():
        given = form.cleaned_data["table"]
        try:
            table = handing_in.hand_in(given.name, given.read(), by=acting(request))
            return redirect("console:supporter-table", table_id=table.id)
        except InvalidInput as refusal:
            for problem in refusal.problems:
                form.add_error("table", problem_in_words(problem))
    return page(request, "console/supporters/tables.html", _tables_context(form))


@require_safe
@may(Role.APPROVER)
def table(request: HttpRequest, table_id: uuid.UUID) -> HttpResponse:
    """One table's report."""
    return page(request, "console/supporters/table.html", _context(table_id))


@require_safe
@may(Role.APPROVER)
def table_live(request: HttpRequest, table_id: uuid.UUID) -> HttpResponse:
    """The live part of it, fetched until a worker is done."""
    context = _context(table_id)
    return page(request, "console/supporters/table_live.html", context, status=200 if context["is_undone"] else ENOUGH)


@require_POST
@may(Role.APPROVER)
def take(request: HttpRequest, table_id: uuid.UUID) -> HttpResponse:
    """Yes: take it in."""
    there_or_404(HandedInTable.objects.filter(id=table_id))

    def deed() -> str:
        found = handing_in.agree(table_id, by=acting(request))
        return _("Taken in.") if found.state == TableState.TAKEN else _("It is being taken in.")

    attempt(request, deed)
    return redirect("console:supporter-table", table_id=table_id)


@require_POST
@may(Role.APPROVER)
def drop(request: HttpRequest, table_id: uuid.UUID) -> HttpResponse:
    """No: nothing was written, and the table goes."""
    there_or_404(HandedInTable.objects.filter(id=table_id))

    def deed() -> str:
        handing_in.drop(table_id, by=acting(request))
        return _("Dropped. Nothing of it was written, and the table is gone.")

    attempt(request, deed)
    return redirect("console:supporter-tables")


def _tables_context(form: HandingIn) -> dict[str, Any]:
    rows = handing_in.latest_tables()
    return {
        "form": form,
        "tables": [(row, Report.from_json(row.report)) for row in rows],
        "names": names_of(row.handed_in_by for row in rows),
        "required": [column for column in COLUMNS if column in REQUIRED],
        "optional": [column for column in COLUMNS if column not in REQUIRED],
        "here": "supporters",
        "place": "tables",
    }


def _context(table_id: uuid.UUID) -> dict[str, Any]:
    found: HandedInTable = found_or_404(lambda: handing_in.table_called(table_id))
    return {
        "table": found,
        "report": Report.from_json(found.report),
        "names": names_of([found.handed_in_by, found.decided_by]),
        "is_undone": found.state in _UNDONE,
        "here": "supporters",
        "place": "tables",
    }
