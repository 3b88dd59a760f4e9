"""Filters and tags of the cases' pages: words, and links to pages of other families."""

from __future__ import annotations

import uuid

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from urgentaction.cases.vocabulary import CountryRole, label
from urgentaction.console.vocabulary import country_name, reader_language

register = template.Library()

_LEVELS = {
    1: gettext_lazy("hours count"),
    2: gettext_lazy("within a day"),
    3: gettext_lazy("within a week"),
    4: gettext_lazy("news"),
    5: gettext_lazy("grave"),
}


@register.filter
def country(code: str) -> str:
    """A country's name in the reader's language."""
    return country_name(code)


@register.filter
def country_role(value: str) -> str:
    """What a country has to do with a case, in words."""
    return label(CountryRole(value), reader_language())


@register.filter
def level_words(level: int | None) -> str:
    """`1` → "level 1, hours count"."""
    return f"{gettext('level')} {level}, {_LEVELS[level]}" if level in _LEVELS else ""


@register.simple_tag
def office_link(office_id: uuid.UUID, name: str) -> SafeString:
    """An office's name, with a link to its page in the directory where there is one."""
    return _linked(name, "console:office", office_id=office_id)


@register.simple_tag
def delivery_link(delivery_id: int, words: str) -> SafeString:
    """Words with a link to a delivery's page where there is one."""
    return _linked(words, "console:delivery", delivery_id=delivery_id)


def _linked(words: str, route: str, **where: object) -> SafeString:
    try:
        address = reverse(route, kwargs=where)
    except NoReverseMatch:
        return format_html("{}", words)
    return format_html('<a href="{}">{}</a>', address, words)
