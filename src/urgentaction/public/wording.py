"""The words of the public pages: one file a language under `templates/public/words/`, each with the same keys.

Also which of these languages a reader gets. What letters themselves say is in `letters`.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

from urgentaction.core.errors import ConfigurationError
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.letters.topics import Topic
from urgentaction.letters.wording import labels

_Section = TypeVar("_Section")
#: How browsers ask for what has another code here.
_ALSO: Mapping[str, str] = {"zh": "zh-Hans", "zh-cn": "zh-Hans", "zh-sg": "zh-Hans", "zh-hans-cn": "zh-Hans"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """What stands on every page."""

    skip: str
    letters: str
    sign_up: str
    language: str
    sandbox: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterWords:
    """Around a letter, and the list of letters. `as_of` takes `{date}`."""

    published: str
    available: str
    pdf: str
    print: str
    share: str
    by_email: str
    copy: str
    copied: str
    not_copied: str
    changed: str
    as_of: str
    corrected: str
    corrects: str
    updates: str
    filed: str
    region: str
    countries: str
    topic: str
    background: str
    gone_title: str
    gone: str
    index_title: str
    index: str
    all: str
    none: str
    feed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpWords:
    """The form, its faults by name, and what follows. `consent` takes `{organisation}`, `no_mail` takes `{email}`."""

    title: str
    intro: str
    email: str
    name: str
    optional: str
    language: str
    sms: str
    phone: str
    phone_hint: str
    consent: str
    button: str
    trap: str
    faults: str
    email_fault: str
    name_fault: str
    language_fault: str
    phone_fault: str
    phone_needed: str
    consent_needed: str
    sandbox_fault: str
    sent_title: str
    sent: str
    no_mail: str
    too_many_title: str
    too_many: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmWords:
    """The page that the confirmation mail leads to."""

    title: str
    text: str
    button: str
    done_title: str
    done: str
    void_title: str
    void: str
    again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesWords:
    """What a supporter gets, and how. `stays` takes `{email}`."""

    title: str
    email: str
    sms: str
    no_phone: str
    language: str
    quiet: str
    quiet_from: str
    quiet_until: str
    quiet_fault: str
    time_zone: str
    time_zone_fault: str
    override: str
    save: str
    saved: str
    stays: str
    erase_title: str
    erase: str
    erase_address: str
    erase_fault: str
    erase_button: str
    erased_title: str
    erased: str
    void: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeWords:
    """The unsubscribe page before and after the button."""

    title: str
    question: str
    button: str
    done_title: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnWords:
    """The page a text message links to."""

    title: str
    text: str
    link: str
    stop: str
    button: str
    done_title: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All of them in one language, and that language's own name and direction."""

    code: str
    name: str
    direction: str
    page: PageWords
    letter: LetterWords
    sign_up: SignUpWords
    confirm: ConfirmWords
    preferences: PreferencesWords
    unsubscribe: UnsubscribeWords
    read_on: ReadOnWords
    topics: Mapping[Topic, str]


@cache
def all_words() -> Mapping[str, Words]:
    """Every language there is a file for, by code, English first.

    Raises:
        ConfigurationError: a file lacks a key, or has one that nothing uses; names both.
    """
    paths = (settings.SHIPPED_TEMPLATES / "public" / "words").glob("*.toml")
    found = {path.stem: _read(path) for path in sorted(paths, key=lambda path: (path.stem != "en", path.stem))}
    if "en" not in found:
        raise ConfigurationError("templates/public/words/en.toml is missing; restore it")
    return found


def words_in(language: str) -> Words:
    """The words in a language, or in English where it has none."""
    return all_words().get(language) or all_words()["en"]


def message_languages() -> dict[str, str]:
    """The languages that our messages to supporters are written in: code and own name."""
    return {code: words_in(code).name for code in LETTER_LANGUAGES}


def reader_language(request: HttpRequest) -> str:
    """`?lang=` where it is one of ours, else the first of Accept-Language that is, else English."""
    wanted = [request.GET.get("lang", "")]
    wanted += [code for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", ""))]
    return next((found for code in wanted if (found := known_language(code))), "en")


def known_language(code: str) -> str:
    """Our code for what a browser calls a language (`ko-KR`, `zh-cn`), or an empty text."""
    wanted = code.strip().lower().replace("_", "-")
    ours = {known.lower(): known for known in all_words()}
    return ours.get(wanted) or _ALSO.get(wanted, "") or ours.get(wanted.split("-")[0], "")


def _read(path: Path) -> Words:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return Words(
        code=path.stem,
        name=_text(data, "name", path),
        direction="rtl" if labels(path.stem).is_right_to_left else "ltr",
        page=_section(PageWords, data, "page", path),
        letter=_section(LetterWords, data, "letter", path),
        sign_up=_section(SignUpWords, data, "sign_up", path),
        confirm=_section(ConfirmWords, data, "confirm", path),
        preferences=_section(PreferencesWords, data, "preferences", path),
        unsubscribe=_section(UnsubscribeWords, data, "unsubscribe", path),
        read_on=_section(ReadOnWords, data, "read_on", path),
        topics={topic: _text(data.get("topics", {}), topic.value, path) for topic in Topic},
    )


def _section(kind: type[_Section], data: Mapping[str, Any], name: str, path: Path) -> _Section:
    given = data.get(name, {})
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if strangers := sorted(given.keys() - known):
        raise ConfigurationError(f"templates/public/words/{path.name}: nothing uses {name}.{strangers[0]}; take it out")
    return kind(**{key: _text(given, key, path, within=f"{name}.") for key in known})


def _text(data: Mapping[str, Any], key: str, path: Path, *, within: str = "") -> str:
    text = data.get(key)
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"templates/public/words/{path.name} lacks {within}{key}; add it")
    return text
