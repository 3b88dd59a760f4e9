"""The audit log: who did what, and whether somebody has changed it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts import auditing
from urgentaction.accounts.models import AuditCheck, AuditEntry, Role
from urgentaction.accounts.service import record_audit
from urgentaction.console.documents import to_keep
from urgentaction.console.listing import listed
from urgentaction.console.permissions import acting, is_at_least, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import found_or_404, page
from urgentaction.core import clock
from urgentaction.core.csv_export import csv_lines

from . import reading
from .audit_reading import MOST_EXPORTED, AuditFilters, entry_numbered, exported, subject_address

EXPORT_HEAD = ("id", "at", "actor", "action", "subject", "detail", "hash")


@require_safe
@may(Role.APPROVER)
def entries(request: HttpRequest) -> HttpResponse:
    """The log, latest first."""
    rows = AuditEntry.objects.defer("previous_hash", "hash")
    found = listed(request, rows, filters=AuditFilters, sorts={"at": ("id",)}, default="-at")
    check = auditing.latest_check()
    actors = [one.actor for one in found.items] + ([check.started_by] if check else [])
    context = {
        "list": found,
        "lines": [(one, subject_address(one.subject)) for one in found.items],
        "names": names_of(actors),
        "head": auditing.head(),
        "check": check,
        "may_export": is_at_least(request.user, Role.ADMINISTRATOR),
        "most_exported": MOST_EXPORTED,
        "here": "operations",
    }
    return page(request, "console/operations/audit.html", context)


@require_safe
@may(Role.APPROVER)
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One entry with its place in the chain."""
    found = found_or_404(lambda: entry_numbered(entry_id))
    context = {
        "entry": found,
        "names": names_of([found.actor]),
        "address": subject_address(found.subject),
        "fits": reading.fits(found),
        "before": AuditEntry.objects.filter(id__lt=entry_id).order_by("-id").values_list("id", flat=True).first(),
        "next": AuditEntry.objects.filter(id__gt=entry_id).order_by("id").values_list("id", flat=True).first(),
        "here": "operations",
    }
    return page(request, "console/operations/audit_entry.html", context)


@require_POST
@may(Role.APPROVER)
def verify(request: HttpRequest) -> HttpResponse:
    """Read the log from its beginning, for some seconds."""
    _say(request, auditing.begin_check(by=acting(request)))
    return redirect("console:audit")


@require_POST
@may(Role.APPROVER)
def verify_on(request: HttpRequest, check_id: uuid.UUID) -> HttpResponse:
    """Read on where a check stopped."""
    _say(request, found_or_404(lambda: auditing.go_on(check_id, by=acting(request))))
    return redirect("console:audit")


def _say(request: HttpRequest, check: AuditCheck) -> None:
    if check.broken_entry is not None:
        words = _(
            "Entry %(id)s does not fit: %(why)s. Tell whoever is responsible for security, and keep the database."
        )
        messages.error(request, words % {"id": check.broken_entry, "why": check.finding})
    elif check.finished_at is None:
        words = _("%(entries)s entries fit so far. Go on: there are more.")
        messages.success(request, words % {"entries": check.entries})
    else:
        messages.success(request, _("Unbroken: all %(entries)s entries fit.") % {"entries": check.entries})


@require_POST
@may(Role.ADMINISTRATOR)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """What the list's filters leave, as a table for a spreadsheet; the latest first, at most MOST_EXPORTED."""
    rows = exported(request)
    record_audit(acting(request), "audit.export", "audit:log", filters=request.GET.urlencode()[:200])
    cells = (
        (one.id, one.at.isoformat(), one.actor, one.action, one.subject, one.detail, bytes(one.hash).hex())
        for one in rows.iterator(chunk_size=2000)
    )
    response = StreamingHttpResponse(csv_lines(EXPORT_HEAD, cells), content_type="text/csv; charset=utf-8")
    return to_keep(response, f"audit-{clock.now():%Y%m%d-%H%M}.csv")
