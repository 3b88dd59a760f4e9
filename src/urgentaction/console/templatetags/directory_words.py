"""Filters for the words of the directory: `{{ office.kind|kind_word }}`. A word that is not known stands as it is."""

from __future__ import annotations

from django import template

from urgentaction.console.directory import words
from urgentaction.console.vocabulary import country_name

register = template.Library()


@register.filter
def row_word(value: str) -> str:
    """A kind of row in an import."""
    return str(words.ROW_KINDS.get(value, value))


@register.filter
def country(code: str) -> str:
    """A country's name."""
    return country_name(code)


@register.filter
def workdays(digits: str) -> str:
    """`12345` as names of days."""
    return words.workdays(digits)
