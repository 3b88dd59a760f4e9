"""Filters for the words of the directory: `{{ office.kind|kind_word }}`. A word that is not known stands as it is."""

from __future__ import annotations

from django import template

from urgentaction.console import names
from urgentaction.console.directory import words

register = template.Library()
register.filter("channel_word", names.channel_name)
register.filter("country", names.country_name)
register.filter("language", names.language_name)


@register.filter
def kind_word(value: str) -> str:
    """A kind of office."""
    return str(words.KINDS.get(value, value))


@register.filter
def health_word(value: str) -> str:
    """What is known of a contact point's working."""
    return str(words.HEALTH.get(value, value))


@register.filter
def method_word(value: str) -> str:
    """How a contact point was checked."""
    return str(words.METHODS.get(value, value))


@register.filter
def result_word(value: str) -> str:
    """What a check showed."""
    return str(words.RESULTS.get(value, value))


@register.filter
def row_word(value: str) -> str:
    """A kind of row in an import."""
    return str(words.ROW_KINDS.get(value, value))


@register.filter
def addressed_word(value: str) -> str:
    """The grammatical form for an official."""
    return str(words.ADDRESSED_AS.get(value, value))


@register.filter
def action_word(value: str) -> str:
    """What was done, as the audit log has it."""
    return str(words.ACTIONS.get(value, value))


@register.filter
def workdays(digits: str) -> str:
    """`12345` as names of days."""
    return words.workdays(digits)
