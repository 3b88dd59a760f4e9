"""The filters of the lists of supporters and of the suppression list."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from urgentaction.console.vocabulary import SUPPRESSION_REASONS, language_name
from urgentaction.core import clock
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.deliveries.models import HumanTask
from urgentaction.supporters.models import Supporter, Suppression
from urgentaction.supporters.rules import SuppressionReason

from .forms import CHANNELS

_ANY = _("any")


class People(django_filters.FilterSet):
    """Segments: language, time zone, what they agreed to. Who was erased is shown only where asked for."""

    language = django_filters.ChoiceFilter(
        label=_("Language"),
        empty_label=_ANY,
        choices=lambda: [(code, language_name(code)) for code in LETTER_LANGUAGES],
    )
    time_zone = django_filters.CharFilter(
        label=_("Time zone"), widget=forms.TextInput(attrs={"placeholder": "Asia/Seoul", "spellcheck": "false"})
    )
    channel = django_filters.ChoiceFilter(label=_("Agreed to"), empty_label=_ANY, choices=CHANNELS, method="of_channel")
    state = django_filters.ChoiceFilter(
        label=_("State"),
        empty_label=_("not erased"),
        choices=[("open", _("agreed to something")), ("none", _("agreed to nothing")), ("erased", _("erased"))],
        method="of_state",
    )

    class Meta:
        model = Supporter
        fields: ClassVar[list[str]] = []

    @property
    def qs(self) -> QuerySet[Supporter]:
        rows: QuerySet[Supporter] = super().qs
        return rows if (self.data or {}).get("state") == "erased" else rows.filter(erased_at=None)

    def of_channel(self, rows: QuerySet[Supporter], _name: str, value: str) -> QuerySet[Supporter]:
        """Who agreed to it, whether or not their address is suppressed."""
        return rows.filter(**{f"wants_{value}": True})

    def of_state(self, rows: QuerySet[Supporter], _name: str, value: str) -> QuerySet[Supporter]:
        """Who gets anything at all, who nothing, who is forgotten."""
        something = Q(wants_email=True) | Q(wants_sms=True)
        match value:
            case "open":
                return rows.filter(something)
            case "none":
                return rows.exclude(something)
        return rows.filter(erased_at__isnull=False)


class Entries(django_filters.FilterSet):
    """The suppression list by channel, reason and time; what is over only where asked for."""

    channel = django_filters.ChoiceFilter(label=_("Channel"), empty_label=_ANY, choices=CHANNELS)
    reason = django_filters.ChoiceFilter(
        label=_("Reason"),
        empty_label=_ANY,
        choices=lambda: [(reason.value, SUPPRESSION_REASONS[reason.value]) for reason in SuppressionReason],
    )
    since = django_filters.DateFilter(
        label=_("Not before"), method="from_day", widget=forms.DateInput(attrs={"type": "date"})
    )
    over = django_filters.ChoiceFilter(
        label=_("Standing"), empty_label=_("holds now"), choices=[("all", _("also lifted or ended"))], method="standing"
    )

    class Meta:
        model = Suppression
        fields: ClassVar[list[str]] = []

    @property
    def qs(self) -> QuerySet[Suppression]:
        rows: QuerySet[Suppression] = super().qs
        if (self.data or {}).get("over") == "all":
            return rows
        return rows.filter(Q(expires_at=None) | Q(expires_at__gt=clock.database_now()), lifted_at=None)

    def from_day(self, rows: QuerySet[Suppression], _name: str, day: dt.date) -> QuerySet[Suppression]:
        """From the beginning of a day on, in the reader's time zone."""
        begins = timezone.make_aware(dt.datetime.combine(day, dt.time()))
        return rows.filter(created_at__gte=begins)

    def standing(self, rows: QuerySet[Suppression], _name: str, _value: str) -> QuerySet[Suppression]:
        """`qs` leaves out what is over."""
        return rows


class Replies(django_filters.FilterSet):
    """What people wrote: open, or what was done about it as well."""

    done = django_filters.ChoiceFilter(
        label=_("Standing"), empty_label=_("to be read"), choices=[("yes", _("done"))], method="standing"
    )

    class Meta:
        model = HumanTask
        fields: ClassVar[list[str]] = []

    @property
    def qs(self) -> QuerySet[HumanTask]:
        rows: QuerySet[HumanTask] = super().qs
        return rows.filter(done_at__isnull=(self.data or {}).get("done") != "yes")

    def standing(self, rows: QuerySet[HumanTask], _name: str, _value: str) -> QuerySet[HumanTask]:
        """`qs` chooses."""
        return rows
