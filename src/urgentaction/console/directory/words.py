"""The directory's words as staff read them. Pure, but for the language of whoever reads."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.console.names import country_name
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.core.tables import country_codes
from urgentaction.directory.kinds import AddressedAs, CheckMethod, CheckResult, Health, OfficeKind

KINDS: dict[str, Promise] = {
    OfficeKind.HEAD_OF_STATE: _("head of state"),
    OfficeKind.MONARCH: _("monarch"),
    OfficeKind.HEAD_OF_GOVERNMENT: _("head of government"),
    OfficeKind.MINISTER: _("minister"),
    OfficeKind.JUDGE: _("judge"),
    OfficeKind.AMBASSADOR: _("ambassador"),
    OfficeKind.PRISON_DIRECTOR: _("prison director"),
    OfficeKind.PARTY_SECRETARY: _("party secretary"),
    OfficeKind.HUMAN_RIGHTS_COMMISSIONER: _("human rights commissioner"),
}
ADDRESSED_AS: dict[str, Promise] = {
    "": _("the form that fits everybody"),
    AddressedAs.WOMAN: _("a woman"),
    AddressedAs.MAN: _("a man"),
}
HEALTH: dict[str, Promise] = {
    Health.WORKING: _("working"),
    Health.UNVERIFIED: _("not verified"),
    Health.FAILING: _("doubtful"),
    Health.DEAD: _("dead"),
}
METHODS: dict[str, Promise] = {
    CheckMethod.PHONE_CALL: _("phone call (a contact)"),
    CheckMethod.TEST_MESSAGE: _("test message (a contact)"),
    CheckMethod.LETTERHEAD: _("letterhead"),
    CheckMethod.WEBSITE: _("official web site"),
    CheckMethod.PUBLICATION: _("gazette or printed directory"),
    CheckMethod.PARTNER: _("another organisation"),
    CheckMethod.BOUNCE: _("something came back"),
}
#: What can tell of a number that is new to us.
SOURCES = {key: label for key, label in METHODS.items() if key not in (CheckMethod.BOUNCE, CheckMethod.TEST_MESSAGE)}
RESULTS: dict[str, Promise] = {
    CheckResult.RIGHT: _("it is right"),
    CheckResult.WRONG: _("it is wrong"),
    CheckResult.UNCLEAR: _("unclear"),
}
ROW_KINDS: dict[str, Promise] = {
    "office": _("office"),
    "official": _("official"),
    "contact_point": _("contact point"),
}
#: What the audit log calls what was done.
ACTIONS: dict[str, Promise] = {
    "office.add": _("added the office"),
    "office.change": _("changed the office"),
    "official.install": _("recorded a new holder"),
    "official.change": _("changed an official"),
    "contact_point.add": _("added a contact point"),
    "contact_point.change": _("corrected a contact point"),
    "contact_point.check": _("wrote down a check"),
    "contact_point.retire": _("retired a contact point"),
    "contact_point.replace": _("replaced a contact point"),
}
#: Monday first; by their digits in the database.
WEEKDAYS: dict[str, Promise] = {
    "1": _("Mon"), "2": _("Tue"), "3": _("Wed"), "4": _("Thu"), "5": _("Fri"), "6": _("Sat"), "7": _("Sun"),
}  # fmt: skip


def countries() -> list[tuple[str, str]]:
    """Every country, by its name: code and name."""
    return sorted(((code, country_name(code)) for code in country_codes()), key=lambda one: one[1])


def languages_of(*texts: Iterable[str]) -> list[str]:
    """The languages that letters are written in, and what else there are texts in."""
    others = sorted({tag for one in texts for tag in one} - set(LETTER_LANGUAGES))
    return [*LETTER_LANGUAGES, *others]


def workdays(digits: str) -> str:
    """`12345` → Mon, Tue, Wed, Thu, Fri."""
    return ", ".join(str(WEEKDAYS[digit]) for digit in digits if digit in WEEKDAYS)
