"""Small bars for deliveries: how far a row of counts is."""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from urgentaction.console import vocabulary
from urgentaction.console.deliveries import plots, ways
from urgentaction.console.deliveries.ways import Way
from urgentaction.console.permissions import is_at_least
from urgentaction.console.reading import ProgressRow
from urgentaction.deliveries import people
from urgentaction.deliveries.models import HumanTask

register = template.Library()

#: From what is best to what needs somebody; waiting comes last, as what is still to be done.
ORDER = ("delivered", "accepted", "unknown", "failed", "stopped", "waiting")


@register.inclusion_tag("console/deliveries/ways.html", takes_context=True)
def ways_on(context: Context, task: HumanTask) -> dict[str, list[Way]]:
    """Links to the pages where a task can be seen to, as far as the viewer may open them."""
    return {"ways": [way for way in ways.ways_on(task) if is_at_least(context["request"].user, way.least)]}


@register.filter
def is_stale(task: HumanTask) -> bool:
    """Whether its letter is one that must not be posted any more."""
    return people.is_stale(task)


@register.simple_tag
def progress_bar(row: ProgressRow) -> SafeString:
    """The bar of one role on one channel. Its counts stand beside it in words (`progress_words`)."""
    return plots.stacked([plots.Part(name, row.counts[name]) for name in ORDER])


@register.simple_tag
def progress_words(row: ProgressRow) -> str:
    """What the bar shows: `12 delivered, 3 failed, 85 waiting`."""
    return ", ".join(f"{row.counts[name]:,} {vocabulary.COLUMNS[name]}" for name in ORDER if row.counts[name])
