"""Small bars for deliveries: how far a row of counts is."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from urgentaction.console import vocabulary
from urgentaction.console.deliveries import plots
from urgentaction.console.reading import ProgressRow

register = template.Library()

#: From what is best to what needs somebody; waiting comes last, as what is still to be done.
ORDER = ("delivered", "accepted", "unknown", "failed", "stopped", "waiting")


@register.simple_tag
def progress_bar(row: ProgressRow) -> SafeString:
    """The bar of one role on one channel. Its counts stand beside it in words (`progress_words`)."""
    return plots.stacked([plots.Part(name, row.counts[name]) for name in ORDER])


@register.simple_tag
def progress_words(row: ProgressRow) -> str:
    """What the bar shows: `12 delivered, 3 failed, 85 waiting`."""
    return ", ".join(f"{row.counts[name]:,} {vocabulary.COLUMNS[name]}" for name in ORDER if row.counts[name])
