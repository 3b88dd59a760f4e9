"""Forms and filters of deliveries and tasks."""

from __future__ import annotations

from datetime import timedelta

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from urgentaction.console.forms import PlainText
from urgentaction.console.permissions import acting
from urgentaction.console.vocabulary import CHANNELS, ROLES, TASK_KINDS
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.incidents.models import Incident

LONGEST_REASON = 150


class ReasonForm(forms.Form):
    """Why: it stays with the delivery."""

    reason = PlainText(
        label=_("Why"),
        max_length=LONGEST_REASON,
        help_text=_("It stays with the delivery, for whoever reads it later."),
    )


class SettleForm(forms.Form):
    """What became of an unknown."""

    arrived = forms.TypedChoiceField(
        label=_("What you found out"),
        choices=[("yes", _("It arrived.")), ("no", _("It did not arrive."))],
        widget=forms.RadioSelect,
        coerce=lambda given: given == "yes",
        error_messages={"required": _("Choose one of the two.")},
    )
    reason = PlainText(
        label=_("How you know"),
        max_length=LONGEST_REASON,
        help_text=_("For example: “phoned the registry, they have both pages”."),
    )


class AgainForm(ReasonForm):
    """Send it once more."""

    sure = forms.BooleanField(
        label=_("I have read that it may arrive twice"),
        error_messages={"required": _("Tick this once you have read what may happen.")},
    )


class ResultForm(forms.Form):
    """What came of a task."""

    result = PlainText(
        label=_("What came of it"),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What you did, when, and what they said. It stays with the task and stands in the case's history."),
    )


class TaskFilter(django_filters.FilterSet):
    """Open tasks, unless others are asked for."""

    show = django_filters.ChoiceFilter(
        label=_("Show"),
        method="filter_show",
        empty_label=pgettext_lazy("task", "open"),
        choices=[("mine", _("mine")), ("free", _("nobody's")), ("done", _("done"))],
    )
    kind = django_filters.ChoiceFilter(label=_("Kind"), choices=list(TASK_KINDS.items()), empty_label=_("all"))
    alert = django_filters.CharFilter(label=_("Alert"), field_name="alert__number", lookup_expr="iexact")
    case = django_filters.CharFilter(label=_("Case"), field_name="alert__case__reference", lookup_expr="iexact")
    age = django_filters.ChoiceFilter(
        label=_("Older than"),
        method="filter_age",
        empty_label=_("any age"),
        choices=[("1", _("1 hour")), ("24", _("1 day")), ("168", _("1 week"))],
    )

    class Meta:
        model = HumanTask
        fields: tuple[str, ...] = ()

    def filter_show(self, rows: QuerySet[HumanTask], _name: str, value: str) -> QuerySet[HumanTask]:
        """Only mine, only nobody's; done ones are chosen by `open_or_done`."""
        if value == "mine" and self.request is not None:
            return rows.filter(taken_by=acting(self.request))
        return rows.filter(taken_by="") if value == "free" else rows

    def filter_age(self, rows: QuerySet[HumanTask], _name: str, value: str) -> QuerySet[HumanTask]:
        """Written down longer ago than so many hours."""
        return rows.filter(created_at__lte=clock.now() - timedelta(hours=int(value)))


class UnknownFilter(django_filters.FilterSet):
    """Of an alert, a channel, a part."""

    channel = django_filters.ChoiceFilter(label=_("Channel"), choices=list(CHANNELS.items()), empty_label=_("all"))
    role = django_filters.ChoiceFilter(label=_("Part"), choices=list(ROLES.items()), empty_label=_("all"))
    alert = django_filters.CharFilter(label=_("Alert"), field_name="alert__number", lookup_expr="iexact")

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = ()


class IncidentFilter(django_filters.FilterSet):
    """Open ones, unless all are asked for."""

    severity = django_filters.ChoiceFilter(
        label=_("Severity"),
        choices=[("critical", _("critical")), ("warning", _("warning"))],
        empty_label=_("all"),
    )
    show = django_filters.ChoiceFilter(
        label=_("Show"),
        method="filter_show",
        empty_label=_("open and over"),
        choices=[("open", pgettext_lazy("incident", "open")), ("over", _("over"))],
    )

    class Meta:
        model = Incident
        fields: tuple[str, ...] = ()

    def filter_show(self, rows: QuerySet[Incident], _name: str, value: str) -> QuerySet[Incident]:
        """Those that are not over, or those that are."""
        return rows.filter(closed_at__isnull=value == "open")
