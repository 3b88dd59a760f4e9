"""What languages, countries and channels are called, in the reader's language. A code without a name stays."""

from __future__ import annotations

from collections.abc import Mapping

from babel import Locale
from babel.core import UnknownLocaleError
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from urgentaction.cases.vocabulary import LANGUAGES
from urgentaction.channels.contract import Channel

CHANNELS: Mapping[str, Promise] = {Channel.EMAIL: _("email"), Channel.FAX: _("fax"), Channel.SMS: _("SMS")}


def reader_language() -> str:
    """The reader's language, as far as the vocabulary of cases has it; else English."""
    base = (get_language() or "en").partition("-")[0]
    return base if base in LANGUAGES else "en"


def channel_name(code: str) -> str:
    """`sms` → "SMS"."""
    return str(CHANNELS.get(code, code))


def language_name(code: str) -> str:
    """`ko` → "Korean"."""
    try:
        return Locale.parse(code, sep="-").get_display_name(reader_language()) or code
    except (UnknownLocaleError, ValueError):
        return code


def country_name(code: str) -> str:
    """`KR` → "South Korea"."""
    return str(Locale(reader_language()).territories.get(code, code))
