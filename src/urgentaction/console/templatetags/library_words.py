"""Filters for the pages of templates: languages, families, states and texts by what people call them."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from urgentaction.console.names import language_name
from urgentaction.letters.models import TemplateState
from urgentaction.letters.source import Family
from urgentaction.letters.versions import LIVE, SHIPPED

register = template.Library()


@register.filter
def tongue(code: str) -> str:
    """A language's name in the reader's own: `ko` → "Korean"; the code where it has none."""
    name = language_name(code)
    return f"{name[:1].upper()}{name[1:]}" if name != code else code


@register.filter
def family(value: str) -> str:
    """`sms` → "Text messages"."""
    return {Family.LETTERS: _("Letters"), Family.NOTICES: _("Notices"), Family.SMS: _("Text messages")}[Family(value)]


@register.filter
def version_state(value: str) -> str:
    """`in_review` → "in review"."""
    return {
        TemplateState.DRAFT: _("draft"),
        TemplateState.IN_REVIEW: _("in review"),
        TemplateState.LIVE: _("in force"),
        TemplateState.REJECTED: _("rejected"),
        TemplateState.RETIRED: _("retired"),
    }[TemplateState(value)]


@register.filter
def text_called(which: str) -> str:
    """`live` → "in force", `3` → "version 3"."""
    if which == LIVE:
        return _("in force")
    return _("the shipped file") if which == SHIPPED else _("version %(number)s") % {"number": which}
