"""The overview of supporters, the list of them, and one person's page."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.listing import listed
from urgentaction.console.permissions import acting, is_at_least, may
from urgentaction.console.responses import found_or_404, page
from urgentaction.console.vocabulary import language_name
from urgentaction.supporters.models import Supporter
from urgentaction.supporters.segments import Segments, segments
from urgentaction.tracking import person as tracking
from urgentaction.tracking.views import short_id

from . import reading
from .filters import People
from .forms import Erasing, LookUp, Suppressing, Unsubscribing

#: Time zones that the overview shows; the rest is summed up.
MOST_ZONES = 15
DELIVERIES = 20
DEEDS = 20


@require_safe
@may(Role.EDITOR)
def overview(request: HttpRequest) -> HttpResponse:
    """How many there are of each kind."""
    return page(request, "console/supporters/overview.html", overview_context(segments(), LookUp()))


@require_safe
@may(Role.EDITOR)
def people(request: HttpRequest) -> HttpResponse:
    """The supporters of a segment, without their addresses."""
    sorts = {"since": ("id",), "language": ("language", "id")}
    found = listed(request, Supporter.objects.all(), filters=People, sorts=sorts, default="-since")
    rows = reading.person_rows(found.items)
    context = {"list": found, "rows": rows, "look_up": LookUp(), **_HERE}
    return page(request, "console/supporters/list.html", context)


@require_safe
@may(Role.EDITOR)
def person(request: HttpRequest, supporter_id: uuid.UUID) -> HttpResponse:
    """One person: everything we know of them. Who opens it stands in the audit log."""
    return page(request, "console/supporters/person.html", person_context(request, supporter_id))


_HERE = {"here": "supporters", "place": "people"}


def overview_context(found: Segments, look_up: LookUp) -> dict[str, Any]:
    """What the overview shows; `look_up` as it was typed."""
    zones = found.by(lambda group: group.time_zone)
    return {
        "segments": found,
        "by_email": found.count(lambda group: group.by_email),
        "by_sms": found.count(lambda group: group.by_sms),
        "at_any_hour": found.count(lambda group: group.at_any_hour),
        "unreached": found.count(lambda group: not group.by_email and not group.by_sms),
        "languages": [(language_name(one.value), one) for one in found.by(lambda group: group.language)],
        "zones": [(one.value, one) for one in zones[:MOST_ZONES]],
        "other_zones": len(zones[MOST_ZONES:]),
        "in_other_zones": sum(one.supporters for one in zones[MOST_ZONES:]),
        "look_up": look_up,
        "here": "supporters",
        "place": "overview",
    }


@transaction.atomic
def person_context(
    request: HttpRequest, supporter_id: uuid.UUID, bound: Mapping[str, forms.Form] | None = None
) -> dict[str, Any]:
    """What a person's page shows. Making it is opening it: the audit log says so.

    Args:
        bound: forms as they were filled in, by the name of their section, where something was wrong with one.
    """
    supporter = found_or_404(lambda: tracking.supporter_numbered(supporter_id))
    earlier = reading.deeds(tracking.deeds_about(supporter)[:DEEDS])
    tracking.record_opening(supporter, by=acting(request))
    deliveries = listed(
        request,
        tracking.deliveries_to(supporter),
        sorts={"planned": ("created_at", "id")},
        default="-planned",
        size=DELIVERIES,
    )
    states = tracking.channels_of(supporter)
    return {
        "person": supporter,
        "short": short_id(supporter.id),
        "language": language_name(supporter.language),
        "states": [(state, reading.entry_rows(state.history)) for state in states],
        "deeds": earlier,
        "list": deliveries,
        "forms": {"unsubscribe": Unsubscribing(), "suppress": Suppressing(), "erase": Erasing(), **(bound or {})},
        "open_form": next(iter(bound), "") if bound else "",
        "may_erase": is_at_least(request.user, Role.APPROVER),
        **_HERE,
    }
