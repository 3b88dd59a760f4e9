"""Filters that turn stored words into what people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from urgentaction.cases.vocabulary import Confidence, Status, label
from urgentaction.console import phrasing, vocabulary
from urgentaction.console.vocabulary import reader_language
from urgentaction.triggers.ruleset import shipped

register = template.Library()


@register.filter
def of(key: Any, names: Mapping[Any, Any]) -> Any:
    """`{{ alert.drafted_by|of:names }}`: the entry of a mapping, or the key itself where there is none."""
    return names.get(key, key)


@register.filter
def in_language(texts: Mapping[str, str]) -> str:
    """`{{ case.titles|in_language }}`: what the reader understands best of `{language: text}`."""
    return vocabulary.in_reader_language(texts)


@register.filter
def status(value: str) -> str:
    """A case status in words; a dash where there is none yet."""
    return label(Status(value), reader_language()) if value else "–"


@register.filter
def confidence(value: str) -> str:
    """How sure we are, in words."""
    return label(Confidence(value), reader_language()) if value else "–"


@register.filter
def in_words(text: str) -> str:
    """`{{ task.advice|in_words }}`: what a room said or stored (`console.phrasing`)."""
    return phrasing.in_words(text)


@register.filter
def named(thing: Any) -> str:
    """`{{ office|named }}`: an office or official by what the reader calls it."""
    return vocabulary.in_reader_language(thing.names) or str(thing)


@register.filter
def word(value: str, family: str) -> str:
    """`{{ alert.state|word:"alert-state" }}`: what a stored value is called (`console.vocabulary`)."""
    return vocabulary.called(family, value)


@register.filter
def rule_word(value: str, name: str) -> str:
    """One thing that a rule decided, by its name: `one` as an `approval` → “one person”; `all: fax` too."""
    if name not in vocabulary.FAMILIES:
        return value
    first, colon, rest = value.partition(": ")
    manner = ", ".join(_manner(one) for one in rest.split(", ")) if rest else ""
    return f"{vocabulary.called(name, first)}{colon}{manner}"


@register.filter
def language_name(tag: str) -> str:
    """`ko` → “Korean”."""
    return vocabulary.language_name(tag)


@register.filter
def spaced(value: str) -> str:
    """`who_asked` → `who asked`: for names of details that have no words of their own."""
    return value.replace("_", " ")


@register.simple_tag
def rule_link(rule: str) -> SafeString | str:
    """A rule's id, with a link to its page while it is in force; a dash for none."""
    if rule not in {one.id for one in shipped().rules}:
        return rule or "–"
    return format_html('<a href="{}">{}</a>', reverse("console:rule", args=[rule]), rule)


def _manner(value: str) -> str:
    return str(vocabulary.CHANNELS.get(value) or vocabulary.called("manner", value))
