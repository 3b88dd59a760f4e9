"""Filters for the pages of templates: languages, families, states and texts by what people call them."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from urgentaction.console.vocabulary import language_name
from urgentaction.letters.source import Family
from urgentaction.letters.versions import LIVE, SHIPPED

register = template.Library()


@register.filter
def tongue(code: str) -> str:
    """A language's name in the reader's own: `ko` → "Korean"; the code where it has none."""
    name = language_name(code)
    return f"{name[0].upper()}{name[1:]}"


@register.filter
def family(value: str) -> str:
    """`sms` → "Text messages"."""
    return {Family.LETTERS: _("Letters"), Family.NOTICES: _("Notices"), Family.SMS: _("Text messages")}[Family(value)]


@register.filter
def text_called(which: str) -> str:
    """`live` → "in force", `3` → "version 3"."""
    if which == LIVE:
        return _("in force")
    return _("the shipped file") if which == SHIPPED else _("version %(number)s") % {"number": which}
