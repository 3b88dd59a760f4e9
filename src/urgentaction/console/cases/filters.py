"""What the list of cases can be narrowed to."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.queries import LIVE
from urgentaction.cases.models import Case, CaseCountry
from urgentaction.cases.vocabulary import CountryRole, Status, label
from urgentaction.console.vocabulary import country_name, reader_language

RUNNING, WAITING, QUIET = "running", "waiting", "none"


def _statuses() -> list[tuple[str, str]]:
    return [("none", str(_("none yet"))), *((one.value, label(one, reader_language())) for one in Status)]


def _roles() -> list[tuple[str, str]]:
    return [(one.value, label(one, reader_language())) for one in CountryRole]


def _countries() -> list[tuple[str, str]]:
    codes = CaseCountry.objects.order_by().values_list("country", flat=True).distinct()
    return sorted(((code, country_name(code)) for code in codes), key=lambda pair: pair[1])


class CaseFilter(django_filters.FilterSet):
    """Text in the reference or a title, status, country and its part, running alerts and their level."""

    text = django_filters.CharFilter(label=_("Text"), method="having_text")
    status = django_filters.ChoiceFilter(label=_("Status"), choices=_statuses, method="of_status", empty_label=_("any"))
    country = django_filters.ChoiceFilter(
        label=_("Country"), choices=_countries, method="as_it_is", empty_label=_("any")
    )
    role = django_filters.ChoiceFilter(label=_("Its part"), choices=_roles, method="as_it_is", empty_label=_("any"))
    alerts = django_filters.ChoiceFilter(
        label=_("Alerts"),
        choices=[(RUNNING, _("running")), (WAITING, _("waiting to start")), (QUIET, _("none live"))],
        method="as_it_is",
        empty_label=_("any"),
    )
    level = django_filters.ChoiceFilter(
        label=_("Level of a live alert"),
        choices=[(str(level), str(level)) for level in range(1, 6)],
        method="as_it_is",
        empty_label=_("any"),
    )

    class Meta:
        model = Case
        fields: ClassVar[list[str]] = []

    def filter_queryset(self, queryset: QuerySet[Case]) -> QuerySet[Case]:
        """Country and part are asked of one row together, and so are an alert's state and level."""
        rows = super().filter_queryset(queryset)
        given = self.form.cleaned_data
        place = {name: given[name] for name in ("country", "role") if given.get(name)}
        if place:
            rows = rows.filter(Exists(CaseCountry.objects.filter(case=OuterRef("pk"), **place)))
        live = Alert.objects.filter(case=OuterRef("pk"), state__in=LIVE)
        if given.get("level"):
            live = live.filter(level=given["level"])
        match given.get("alerts"):
            case "running":
                return rows.filter(Exists(live.filter(state=AlertState.RUNNING)))
            case "waiting":
                return rows.filter(Exists(live.exclude(state=AlertState.RUNNING)))
            case "none":
                return rows.exclude(Exists(live))
        return rows.filter(Exists(live)) if given.get("level") else rows

    def having_text(self, rows: QuerySet[Case], _name: str, value: str) -> QuerySet[Case]:
        """In the reference, or in a title in any language. Cases are few enough to be read through."""
        rows = rows.annotate(every_title=Cast("titles", TextField()))
        return rows.filter(Q(reference__icontains=value) | Q(every_title__icontains=value))

    def of_status(self, rows: QuerySet[Case], _name: str, value: str) -> QuerySet[Case]:
        """`none`: cases without any status."""
        return rows.filter(status="" if value == "none" else value)

    def as_it_is(self, rows: QuerySet[Case], _name: str, _value: Any) -> QuerySet[Case]:
        """Looked at in `filter_queryset`, together with its companion."""
        return rows
