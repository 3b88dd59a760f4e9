"""How letters of alerts are shown."""

from __future__ import annotations

from django import template

register = template.Library()
#: Languages of letters that are written from right to left.
_RIGHT_TO_LEFT = frozenset({"ar"})


@register.filter
def direction(code: str) -> str:
    """The direction in which a language is written, for `dir`."""
    return "rtl" if code in _RIGHT_TO_LEFT else "ltr"
