"""Words and small bars for deliveries: what a stored state, channel or kind is called, how far a row of counts is."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from urgentaction.console import names
from urgentaction.console.deliveries import plots, wording
from urgentaction.console.reading import ProgressRow

register = template.Library()

_WORDS: Mapping[str, Mapping[str, Promise]] = {
    "state": wording.STATES,
    "meaning": wording.MEANINGS,
    "role": wording.ROLES,
    "channel": names.CHANNELS,
    "column": wording.COLUMNS,
    "outcome": wording.OUTCOMES,
    "retry": wording.RETRY_CLASSES,
    "receipt": wording.RECEIPT_KINDS,
    "task": wording.TASK_KINDS,
}
#: From what is best to what needs somebody; waiting comes last, as what is still to be done.
ORDER = ("delivered", "accepted", "unknown", "failed", "stopped", "waiting")


@register.filter
def word(value: str, family: str) -> str:
    """`{{ row.state|word:"state" }}`: what it is called; the value itself where it has no name."""
    return str(_WORDS[family].get(value, value))


@register.simple_tag
def progress_bar(row: ProgressRow) -> SafeString:
    """The bar of one role on one channel. Its counts stand beside it in words (`progress_words`)."""
    return plots.stacked([plots.Part(name, row.counts[name]) for name in ORDER])


@register.simple_tag
def progress_words(row: ProgressRow) -> str:
    """What the bar shows: `12 delivered, 3 failed, 85 waiting`."""
    return ", ".join(f"{row.counts[name]:,} {wording.COLUMNS[name]}" for name in ORDER if row.counts[name])
