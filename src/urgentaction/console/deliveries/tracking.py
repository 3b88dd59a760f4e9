"""Following an alert while it is sent: how far each channel is, how it went in time, and every single delivery."""

from __future__ import annotations

import bisect
import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.channels.contract import Channel
from urgentaction.console.documents import to_keep
from urgentaction.console.permissions import may
from urgentaction.console.reading import with_progress
from urgentaction.console.responses import found_or_404, page
from urgentaction.console.vocabulary import STATES, called
from urgentaction.core.csv_export import csv_lines
from urgentaction.deliveries.models import Role as RecipientRole
from urgentaction.deliveries.rules import State
from urgentaction.tracking.courses import CURVES, EDGES, ChannelCourse, course_of
from urgentaction.tracking.export import HEADER, delivery_rows
from urgentaction.tracking.queries import deliveries_of

from . import plots, reading
from .wording import MOMENTS, TOOK

PAGE = 100
#: An axis of time ends this many steps after the last thing that happened, so that a curve's end can be seen.
MARGIN = 2


@dataclass(frozen=True, slots=True)
class ChannelPlots:
    """One channel's two plots, each with the table that says the same."""

    channel: str
    course: SafeString
    #: For each moment of the axis: its words, then the numbers of CURVES.
    course_table: list[tuple[str, list[int]]]
    has_moved: bool
    took: SafeString
    took_table: list[tuple[str, int]]
    has_arrivals: bool


@require_safe
@may(Role.VIEWER)
def alert_tracking(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One alert, live."""
    return page(request, "console/deliveries/tracking.html", _context(alert_id))


@require_safe
@may(Role.VIEWER)
def alert_tracking_live(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """The live part of it."""
    return page(request, "console/deliveries/tracking_live.html", _context(alert_id))


@require_safe
@may(Role.VIEWER)
def alert_deliveries(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """An alert's deliveries, officials first."""
    alert = found_or_404(lambda: reading.alert_with_case(alert_id))
    chosen = _chosen(request)
    after = request.GET.get("after", "")
    after_id = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    if after_id and not alert.deliveries.filter(id=after_id).exists():
        after_id = 0
    found = deliveries_of(
        alert, after_id=after_id, limit=PAGE, **{name: value or None for name, value in chosen.items()}
    )
    query = request.GET.copy()
    query.pop("after", None)
    context = {
        "alert": alert,
        "lines": found.items,
        "next": found.next,
        "is_later_page": bool(after_id),
        "query": query.urlencode(),
        "is_filtered": any(chosen.values()),
        "filters": [
            ("role", _("Part"), chosen["role"], [(one.value, "role") for one in RecipientRole]),
            ("channel", _("Channel"), chosen["channel"], [(one.value, "channel") for one in Channel]),
            ("state", _("State"), chosen["state"], [(one.value, "state") for one in State]),
        ],
        "here": "alerts",
    }
    return page(request, "console/deliveries/alert_deliveries.html", context)


@require_safe
@may(Role.VIEWER)
def deliveries_csv(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponseBase:
    """The same list as a file, made while it is sent."""
    alert = found_or_404(lambda: reading.alert_with_case(alert_id))
    lines = csv_lines(HEADER, delivery_rows(alert, **_chosen(request)))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    return to_keep(response, f"{alert.number.replace('/', '-')}-deliveries.csv")


def _chosen(request: HttpRequest) -> dict[str, str]:
    """`role`, `state` and `channel` of the address; what is none of ours counts as not given."""
    known: dict[str, set[str]] = {
        "role": {one.value for one in RecipientRole},
        "state": {one.value for one in State},
        "channel": {one.value for one in Channel},
    }
    given = {name: request.GET.get(name, "") for name in known}
    return {name: value if value in known[name] else "" for name, value in given.items()}


def _context(alert_id: uuid.UUID) -> dict[str, Any]:
    alert = found_or_404(lambda: reading.alert_with_case(alert_id))
    return {
        "alert": alert,
        "progress": with_progress([alert])[0],
        "tasks": alert.human_tasks.filter(done_at=None)
        .select_related("alert__case")
        .order_by("priority", "created_at")[:PAGE],
        "here": "alerts",
        **plots_of(alert),
    }


def plots_of(alert: Alert) -> dict[str, Any]:
    """What `console/deliveries/plots.html` takes: the plots by channel, and how many rows a sample held."""
    course = course_of(alert)
    return {"plots": [_plots(one) for one in course.channels], "looked_at": course.looked_at, "curves": CURVES}


def _plots(one: ChannelCourse) -> ChannelPlots:
    channel = called("channel", one.channel)
    length = _length(one)
    # Mail has no receipt of its arrival: an empty curve would only look like a failure.
    drawn = [name for name in CURVES if one.channel != Channel.EMAIL or name != "delivered" or one.curves[name][-1]]
    moments = [(bisect.bisect_left(EDGES, seconds), str(label)) for seconds, label in MOMENTS]
    moments = [(place, label) for place, label in moments if place < length]
    course = plots.curves(
        [plots.Curve(name, str(STATES[name]), one.curves[name][:length]) for name in drawn],
        ticks=moments,
        most=one.total,
        title=_("How %(channel)s went over time") % {"channel": channel},
        note=_("How many of %(total)s were accepted, delivered and failed after so long; the table has the numbers.")
        % {"total": f"{one.total:,}"},
    )
    took = [(str(label), count) for label, count in zip(TOOK, one.took, strict=True)]
    return ChannelPlots(
        channel=one.channel,
        course=course,
        course_table=[
            *((label, [one.curves[name][place] for name in CURVES]) for place, label in moments),
            (_("so far"), [one.curves[name][-1] for name in CURVES]),
        ],
        has_moved=any(values[-1] for values in one.curves.values()),
        took=plots.bars(took, title=_("How long %(channel)s took") % {"channel": channel}, note=""),
        took_table=took,
        has_arrivals=any(one.took),
    )


def _length(one: ChannelCourse) -> int:
    """How many places of the axis are drawn: up to a little behind the last that changed a curve, a minute at least."""
    changes = [
        place for values in one.curves.values() for place in range(1, len(values)) if values[place] != values[place - 1]
    ]
    least = bisect.bisect_left(EDGES, 60) + 1
    return min(max([*changes, least]) + MARGIN, len(EDGES) + 1)
