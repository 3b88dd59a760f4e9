"""The words of the public pages: complete in every language, and chosen for the reader."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from urgentaction.core.errors import ConfigurationError
from urgentaction.letters.confirmation import confirmation_mail
from urgentaction.letters.publishing_words import _TITLES
from urgentaction.public import wording
from urgentaction.public.letters import isolated
from urgentaction.public.sharing import share_links
from urgentaction.public.wording import Words, all_words, reader_language

LANGUAGES = ["en", "ar", "es", "fr", "ja", "ko", "ru", "zh-Hans"]


def texts(words: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(words):
        value = getattr(words, field.name)
        if isinstance(value, str):
            yield f"{path}{field.name}", value
        elif dataclasses.is_dataclass(value):
            yield from texts(value, f"{path}{field.name}.")


def test_every_language_is_there_and_complete() -> None:
    assert list(all_words()) == LANGUAGES  # a missing or unknown key stops the loading
    assert set(_TITLES) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_takes_the_same_values_as_english(language: str) -> None:
    def slots(words: Words) -> dict[str, list[str]]:
        return {path: sorted(re.findall(r"\{\w+\}", text)) for path, text in texts(words)}

    assert slots(all_words()[language]) == slots(all_words()["en"])


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_nothing_was_left_in_english(language: str) -> None:
    english = dict(texts(all_words()["en"]))
    same = {path for path, text in texts(all_words()[language]) if text == english[path]}
    assert same <= {"direction"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_confirmation_mail_has_words_of_its_own(language: str) -> None:
    mail = confirmation_mail(language, organisation="Sample", link="https://sample.example/x/")
    assert "\nhttps://sample.example/x/\n" in mail.text
    assert "Sample" in mail.text
    assert "{" not in mail.text + mail.subject
    assert (mail.subject == confirmation_mail("en", organisation="", link="").subject) is (language == "en")


def test_a_missing_and_an_unknown_word_are_named(tmp_path: Path, settings: Any) -> None:
    shipped = (settings.SHIPPED_TEMPLATES / "public" / "words" / "en.toml").read_text()
    path = tmp_path / "en.toml"
    path.write_text(shipped.replace('copy = "Copy link"\n', ""))
    with pytest.raises(ConfigurationError, match=r"en\.toml lacks letter\.copy"):
        wording._read(path)
    path.write_text(shipped.replace("[letter]\n", '[letter]\nunheard = "x"\n'))
    with pytest.raises(ConfigurationError, match=r"nothing uses letter\.unheard"):
        wording._read(path)
    assert tomllib.loads(shipped)["name"] == "English"


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("", "xx, fr-CA;q=0.5", "fr"),
        ("", "zh-CN", "zh-Hans"),
        ("", "zh-TW, ja;q=0.5", "ja"),
        ("ar", "ko", "ar"),
        ("xx", "ko", "ko"),
        ("", "\x00;;q=,", "en"),
    ],
)
def test_a_reader_gets_the_language_they_ask_for(query: str, header: str, language: str) -> None:
    request = RequestFactory().get("/", {"lang": query}, headers={"Accept-Language": header})
    assert reader_language(request) == language


def test_share_links_carry_address_and_title_and_nothing_that_breaks_out() -> None:
    links = share_links("https://sample.example/letters/x/en/", 'A & B "C" <d>\n#e', "Email")
    assert [one.name for one in links] == ["Facebook", "X", "WhatsApp", "Email", "LinkedIn", "Reddit", "Telegram"]
    for one in links:
        assert one.url.startswith(("https://", "mailto:"))
        assert not re.search(r"[\s\"<>#]", one.url)
        assert "sample.example%2Fletters%2Fx%2Fen%2F" in one.url


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("الفاكس: +82 2-770-4721", ["+82 2-770-4721"]),
        ("هاتف 1234567 أو +44 (0)20 7946 0123 / 5578", ["1234567", "+44 (0)20 7946 0123 / 5578"]),
        ("1 Sample Street", []),
        ("٢٤ نوفمبر ٢٠١٥", []),
    ],
)
def test_a_number_keeps_its_order_between_arabic_letters(line: str, numbers: list[str]) -> None:
    shown = isolated(line)
    assert re.findall("\u2066(.*?)\u2069", shown) == numbers
    assert re.sub("[\u2066\u2069]", "", shown) == line
