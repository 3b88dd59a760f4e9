"""Tags for lists and moments."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from urgentaction.console.listing import Listed

register = template.Library()


@register.simple_tag
def column(page: Listed[Any], name: str, label: str) -> SafeString:
    """The head of a column that the list can be sorted by: `{% column list "status" _("Status") %}`."""
    sort = page.sorts[name]
    state = format_html(' aria-sort="{}"', sort.direction) if sort.direction else ""
    arrow = {"ascending": " ↑", "descending": " ↓"}.get(sort.direction, "")
    return format_html(
        '<th scope="col"{}><a class="sort" href="{}">{}<span aria-hidden="true">{}</span></a></th>',
        state,
        sort.address,
        label,
        arrow,
    )


@register.simple_tag
def moment(at: datetime | None, zone: str = "", seconds: bool = False) -> SafeString:  # noqa: FBT001, FBT002 - a template's argument
    """A moment in the viewer's time zone, and in `zone` (the case's) too where that differs; a dash for None."""
    if at is None:
        return SafeString("–")
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    here = timezone.localtime(at)
    said = here.strftime(f"{form} %Z")
    if zone:
        there = timezone.localtime(at, ZoneInfo(zone))
        if there.utcoffset() != here.utcoffset():
            said = _("%(here)s (there: %(there)s)") % {"here": said, "there": there.strftime("%m-%d %H:%M")}
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), said)
