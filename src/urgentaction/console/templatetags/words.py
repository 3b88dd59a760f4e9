"""Filters that turn stored words into what people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import get_language

from urgentaction.cases.vocabulary import LANGUAGES, Confidence, Status, label

register = template.Library()


@register.filter
def of(key: Any, names: Mapping[Any, Any]) -> Any:
    """`{{ alert.drafted_by|of:names }}`: the entry of a mapping, or the key itself where there is none."""
    return names.get(key, key)


@register.filter
def status(value: str) -> str:
    """A case status in words; a dash where there is none yet."""
    return label(Status(value), _language()) if value else "–"


@register.filter
def confidence(value: str) -> str:
    """How sure we are, in words."""
    return label(Confidence(value), _language()) if value else "–"


@register.filter
def spaced(value: str) -> str:
    """`awaiting_approval` → `awaiting approval`."""
    return value.replace("_", " ")


def _language() -> str:
    base = (get_language() or "en").partition("-")[0]
    return base if base in LANGUAGES else "en"
