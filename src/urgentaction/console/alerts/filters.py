"""By what the list of alerts is narrowed down and sorted."""

from __future__ import annotations

from collections.abc import Sequence

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.models import User
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.console.vocabulary import ALERT_KINDS, ALERT_STATES

from . import wording

#: The state's index begins like its order; the others sort a table that stays small.
SORTS: dict[str, Sequence[str]] = {
    "number": ("number",),
    "state": ("state", "created_at", "id"),
    "level": ("level", "id"),
    "deadline": ("deadline_at", "id"),
    "drafted": ("id",),
}
NULLS = ("level", "deadline_at")
#: Three states in one: they wait for a decision or for the end of their hold.
WAITING = ("waiting", (AlertState.DRAFT, AlertState.AWAITING_APPROVAL, AlertState.HELD))


def _staff() -> list[tuple[str, str]]:
    return [(f"user:{pk}", name) for pk, name in User.objects.order_by("username").values_list("pk", "username")]


class AlertFilter(django_filters.FilterSet):
    """State, kind, level, case, and who drafted it."""

    state = django_filters.ChoiceFilter(
        choices=[(WAITING[0], _("waiting to start")), *ALERT_STATES.items()],
        label=_("State"),
        empty_label=_("any"),
        method="in_state",
    )
    kind = django_filters.ChoiceFilter(choices=list(ALERT_KINDS.items()), label=_("Kind"), empty_label=_("any"))
    level = django_filters.ChoiceFilter(
        choices=[(str(int(level)), str(int(level))) for level in wording.LEVELS],
        label=_("Level"),
        empty_label=_("any"),
    )
    case = django_filters.CharFilter(field_name="case__reference", lookup_expr="istartswith", label=_("Case"))
    by = django_filters.ChoiceFilter(
        field_name="drafted_by", choices=_staff, label=_("Drafted by"), empty_label=_("anybody")
    )

    class Meta:
        model = Alert
        fields: Sequence[str] = []

    def in_state(self, rows: QuerySet[Alert], _name: str, state: str) -> QuerySet[Alert]:
        """One state, or all in which an alert waits."""
        name, states = WAITING
        return rows.filter(state__in=states) if state == name else rows.filter(state=state)
