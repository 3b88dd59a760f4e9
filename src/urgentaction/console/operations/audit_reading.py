"""The reads of the audit log's pages. Writes nothing, decides nothing."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.auditing import actions_in_log
from urgentaction.accounts.models import AuditEntry, User
from urgentaction.core.errors import NotFound

MOST_EXPORTED = 100_000
#: Several hosts write the log, each by its own clock: entries may be so far from the order of their times.
_OUT_OF_ORDER = 1000
#: Kinds of subjects that have a page, with the page's argument.
_PAGES = {
    "alert": ("console:alert", "alert_id"),
    "case": ("console:case", "reference"),
    "gateway": ("console:gateway", "name"),
    "rule": ("console:rule", "rule_id"),
}


class AuditFilters(django_filters.FilterSet):
    """Who, what, to what, when; and the hash of an entry, to find one that was written down elsewhere."""

    actor = django_filters.CharFilter(label=_("Who"), method="by_actor")
    action = django_filters.ChoiceFilter(
        label=_("What"), choices=lambda: [(one, one) for one in actions_in_log()], empty_label=_("any")
    )
    subject = django_filters.CharFilter(label=_("To what"))
    since = django_filters.DateFilter(
        label=_("From"), method="not_before", widget=forms.DateInput(attrs={"type": "date"})
    )
    until = django_filters.DateFilter(
        label=_("Up to and including"), method="not_after", widget=forms.DateInput(attrs={"type": "date"})
    )
    hash = django_filters.CharFilter(label=_("Hash"), method="by_hash")

    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = ()

    def by_actor(self, rows: QuerySet[AuditEntry], _name: str, value: str) -> QuerySet[AuditEntry]:
        """A member of staff by the name they log in with; anybody by what stands in the log (`cli:ada`)."""
        user = User.objects.filter(username=value.strip()).values_list("id", flat=True).first()
        return rows.filter(actor=f"user:{user}" if user else value.strip())

    def by_hash(self, rows: QuerySet[AuditEntry], _name: str, value: str) -> QuerySet[AuditEntry]:
        """The one entry with this hash; what is none fits nothing."""
        try:
            return rows.filter(hash=bytes.fromhex(value.strip()))
        except ValueError:
            return rows.none()

    def not_before(self, rows: QuerySet[AuditEntry], _name: str, value: date) -> QuerySet[AuditEntry]:
        """Bounded by the id too, by which the list is ordered: else an old period would be looked for from today."""
        moment = _midnight(value)
        first = _first_since(moment)
        return rows.filter(at__gte=moment, id__gt=first - _OUT_OF_ORDER) if first is not None else rows.none()

    def not_after(self, rows: QuerySet[AuditEntry], _name: str, value: date) -> QuerySet[AuditEntry]:
        """As above, from the other side."""
        moment = _midnight(value + timedelta(days=1))
        first = _first_since(moment)
        rows = rows.filter(at__lt=moment)
        return rows if first is None else rows.filter(id__lt=first + _OUT_OF_ORDER)


def entry_numbered(entry_id: int) -> AuditEntry:
    """One entry. Raises NotFound."""
    found = AuditEntry.objects.filter(id=entry_id).first() if entry_id < 2**63 else None
    if found is None:
        raise NotFound.of("entry", f"there is no entry {entry_id}")
    return found


def exported(request: HttpRequest) -> QuerySet[AuditEntry]:
    """What the list's filters leave, the latest first; all of it where they are none of ours."""
    bound: Any = AuditFilters(request.GET, queryset=AuditEntry.objects.all(), request=request)
    rows: QuerySet[AuditEntry] = bound.qs if bound.form.is_valid() else AuditEntry.objects.none()
    return rows.order_by("-id")[:MOST_EXPORTED]


def subject_address(subject: str) -> str:
    """Where the subject of an entry is shown; "" where it has no page."""
    kind, _, name = subject.partition(":")
    if kind not in _PAGES or not name:
        return ""
    route, argument = _PAGES[kind]
    try:
        return reverse(route, kwargs={argument: uuid.UUID(name) if argument == "alert_id" else name})
    except (NoReverseMatch, ValueError):
        return ""


def _first_since(moment: datetime) -> int | None:
    return AuditEntry.objects.filter(at__gte=moment).order_by("at").values_list("id", flat=True).first()


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware right here
