"""The reads of the cases' pages. Writes nothing, decides nothing."""

from __future__ import annotations

from django.db.models import QuerySet

from urgentaction.cases.models import Case, StatusUpdate

PAGE = 100


def updates_of(case: Case) -> QuerySet[StatusUpdate]:
    """A case's updates, latest first, with the alerts that each made; the sealed note is not read."""
    rows = case.updates.select_related("source").prefetch_related("persons", "alerts").defer("note")
    return rows.order_by("-recorded_at")[:PAGE]
