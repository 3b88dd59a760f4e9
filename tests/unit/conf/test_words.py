"""The interface's words: nothing untranslated, nothing left over, placeholders kept, compiled as written."""

from __future__ import annotations

import re
from functools import cache

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings

from urgentaction.conf import words

LANGUAGES = [language for language, _ in settings.LANGUAGES if language != settings.LANGUAGE_CODE]
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+[^>]*>")


@cache
def collected() -> Catalog:
    return words.collected()


def strings(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)  # type: ignore[arg-type]


def test_what_is_marked_is_found() -> None:
    assert "Skip to the content" in collected()  # a template
    assert "Cases" in collected()  # a view's list of pages


@pytest.mark.parametrize("language", LANGUAGES)
class TestEachLanguage:
    def test_everything_is_translated_and_nothing_else(self, language: str) -> None:
        catalog = words.catalogue(language)
        keys = {(message.context, message.id) for message in catalog if message.id}
        wanted = {(message.context, message.id) for message in collected() if message.id}
        assert sorted(map(str, wanted - keys)) == [], "run `make words`, then translate"
        assert sorted(map(str, keys - wanted)) == [], "run `make words`"
        assert words.untranslated(catalog) == []

    def test_placeholders_are_kept(self, language: str) -> None:
        for message in words.catalogue(language):
            if message.id:
                for translation in strings(message.string):
                    expected = [sorted(_PLACEHOLDER.findall(one)) for one in strings(message.id)]
                    assert sorted(_PLACEHOLDER.findall(translation)) in expected, message.id

    def test_what_django_reads_is_what_is_written(self, language: str) -> None:
        path = words.path_of(language)
        assert path.with_suffix(".mo").read_bytes() == words.compiled(words.catalogue(language)), "run `make words`"
