"""The directory's words as staff read them. Pure, but for the language of whoever reads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from urgentaction.console.vocabulary import CHECK_METHODS, country_name
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.core.tables import country_codes
from urgentaction.directory.kinds import CheckMethod

#: What can tell of a number that is new to us.
SOURCES = {
    key: label for key, label in CHECK_METHODS.items() if key not in (CheckMethod.BOUNCE, CheckMethod.TEST_MESSAGE)
}
ROW_KINDS: dict[str, Promise] = {
    "office": _("office"),
    "official": _("official"),
    "contact_point": _("contact point"),
}
#: Monday first; by their digits in the database.
WEEKDAYS: dict[str, Promise] = {
    "1": _("Mon"), "2": _("Tue"), "3": _("Wed"), "4": _("Thu"), "5": _("Fri"), "6": _("Sat"), "7": _("Sun"),
}  # fmt: skip


def countries() -> tuple[tuple[str, str], ...]:
    """Every country, by its name in the reader's language: code and name."""
    return _countries(get_language() or "en")


@cache
def _countries(_language: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(((code, country_name(code)) for code in country_codes()), key=lambda one: one[1]))


def languages_of(*texts: Iterable[str]) -> list[str]:
    """The languages that letters are written in, and what else there are texts in."""
    others = sorted({tag for one in texts for tag in one} - set(LETTER_LANGUAGES))
    return [*LETTER_LANGUAGES, *others]


def workdays(digits: str) -> str:
    """`12345` → Mon, Tue, Wed, Thu, Fri."""
    return ", ".join(str(WEEKDAYS[digit]) for digit in digits if digit in WEEKDAYS)
