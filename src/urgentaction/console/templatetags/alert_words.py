"""Filters that say in words what alerts store as codes."""

from __future__ import annotations

from typing import Any

from django import template

from urgentaction.console import names
from urgentaction.console.alerts import wording

register = template.Library()
register.filter("channel_name", names.channel_name)
register.filter("language_name", names.language_name)
#: Languages of letters that are written from right to left.
_RIGHT_TO_LEFT = frozenset({"ar"})


@register.filter
def alert_state(code: str) -> Any:
    """`awaiting_approval` → “awaiting approval”."""
    return wording.STATES.get(code, code)


@register.filter
def alert_kind(code: str) -> Any:
    """`manual` → “composed by hand”."""
    return wording.KINDS.get(code, code)


@register.filter
def letter_kind(code: str) -> Any:
    """What the letter to officials is."""
    return wording.LETTERS.get(code, code)


@register.filter
def notice_kind(code: str) -> Any:
    """What the message to supporters is."""
    return wording.NOTICES.get(code, code)


@register.filter
def part(code: str) -> Any:
    """`cc` → “copied in”."""
    return wording.ROLES.get(code, code)


@register.filter
def direction(code: str) -> str:
    """The direction in which a language is written, for `dir`."""
    return "rtl" if code in _RIGHT_TO_LEFT else "ltr"
