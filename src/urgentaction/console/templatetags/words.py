"""Filters that turn stored words into what people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from urgentaction.cases.vocabulary import Confidence, Status, label
from urgentaction.console.names import reader_language

register = template.Library()


@register.filter
def of(key: Any, names: Mapping[Any, Any]) -> Any:
    """`{{ alert.drafted_by|of:names }}`: the entry of a mapping, or the key itself where there is none."""
    return names.get(key, key)


@register.filter
def status(value: str) -> str:
    """A case status in words; a dash where there is none yet."""
    return label(Status(value), reader_language()) if value else "–"


@register.filter
def confidence(value: str) -> str:
    """How sure we are, in words."""
    return label(Confidence(value), reader_language()) if value else "–"


@register.filter
def spaced(value: str) -> str:
    """`awaiting_approval` → `awaiting approval`."""
    return value.replace("_", " ")
