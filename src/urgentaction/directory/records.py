"""The shapes of a directory: what a file holds and what a form hands in, checked alike.

Owns what may stand in each field, and what must fit together. Must not read the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from itertools import pairwise
from typing import Annotated, Protocol

from pydantic import AwareDatetime, Field, StringConstraints

from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.core.phrases import say
from urgentaction.core.tables import Country, Language, Line, Named, Record, Slug, Texts, TimeZone, Words, in_record

from .calendars import has_calendar
from .kinds import AddressedAs, Health, OfficeKind


def _channel(text: str) -> str:
    if text not in list(Channel):
        raise InvalidInput.of(
            "", say("“%(text)s” is not a channel; choose from %(channel)s", text=text[:20], channel=", ".join(Channel))
        )
    return text


def _health(text: str) -> str:
    if text not in list(Health):
        raise InvalidInput.of(
            "",
            say(
                "“%(text)s” is not a state of health; choose from %(health)s", text=text[:20], health=", ".join(Health)
            ),
        )
    return text


def _workdays(text: str) -> str:
    if not text or "".join(sorted(set(text) & set("1234567"))) != text:
        raise InvalidInput.of("", say("“%(text)s” must be weekdays in order, Monday is 1: 12345", text=text[:20]))
    return text


def _calendar(text: str) -> str:
    code = text.strip().upper()
    if not has_calendar(code):
        raise InvalidInput.of(
            "", say("of “%(text)s” no public holidays are known; write a country or a part (US-NY)", text=text[:20])
        )
    return code


def _letter_language(text: str) -> str:
    if text not in LETTER_LANGUAGES:
        known = ", ".join(LETTER_LANGUAGES)
        raise InvalidInput.of(
            "", say("“%(text)s”: letters are written in %(known)s; choose one of these", text=text[:20], known=known)
        )
    return text


def _kind(text: str) -> str:
    if text and text not in list(OfficeKind):
        raise InvalidInput.of(
            "",
            say(
                "“%(text)s” is not a kind of office; choose from %(kinds)s",
                text=text[:40],
                kinds=", ".join(OfficeKind),
            ),
        )
    return text


def _addressed_as(text: str) -> str:
    if text and text not in list(AddressedAs):
        known = ", ".join(AddressedAs)
        raise InvalidInput.of(
            "", say("“%(text)s” is not a form; choose from %(known)s, or leave it out", text=text[:20], known=known)
        )
    return text


_ShortLine = Annotated[Line, StringConstraints(max_length=120)]


class ContactPointRecord(Record):
    """A number or address, as handed in."""

    channel: Annotated[str, in_record(_channel)]
    printed_value: _ShortLine = ""
    dial_value: _ShortLine = ""
    rank: Annotated[int, Field(ge=1, le=99)] = 1
    # What the file does not say of these is left as the database has it.
    health: Annotated[str, in_record(_health)] | None = None
    health_note: Line | None = None
    verified_at: AwareDatetime | None = None
    verified_how: Line | None = None


class OfficialRecord(Record):
    """Somebody who holds an office, as handed in."""

    slug: Slug
    names: Named
    honorifics: dict[Language, Words] = Field(default_factory=dict)  # some languages have none
    salutations: Texts = Field(default_factory=dict)
    addressed_as: Annotated[str, in_record(_addressed_as)] = ""
    holds_from: date | None = None
    holds_until: date | None = None


class OfficeRecord(Record):
    """A post with all that belongs to it, as handed in."""

    slug: Slug
    country: Country
    kind: Annotated[str, in_record(_kind)] = ""
    names: Named
    postal_address: dict[Language, list[Words]] = Field(default_factory=dict)
    time_zone: TimeZone
    preferred_language: Annotated[str, in_record(_letter_language)] = "en"
    opens: time | None = None
    closes: time | None = None
    workdays: Annotated[str, in_record(_workdays)] = "12345"
    holidays: list[Annotated[str, in_record(_calendar)]] = Field(default_factory=list)
    care_of: Slug | None = None
    official: list[OfficialRecord] = Field(default_factory=list)
    contact_point: list[ContactPointRecord] = Field(default_factory=list)


class DirectoryRecord(Record):
    """A whole file."""

    office: Annotated[list[OfficeRecord], Field(min_length=1)]


# --- What must fit together -------------------------------------------------------------------------------------------

Term = tuple[date, date, str]


class _Tenure(Protocol):
    @property
    def slug(self) -> str: ...
    @property
    def holds_from(self) -> date | None: ...
    @property
    def holds_until(self) -> date | None: ...


def office_problems(office: OfficeRecord, where: str) -> list[Problem]:
    """Fields of an office that contradict each other. `where` begins the name of each field."""
    problems = []
    if "en" not in office.postal_address and office.postal_address:
        problems.append(Problem(f"{where}, postal_address", say("the English address is missing; add `en = [ … ]`")))
    if (office.opens is None) != (office.closes is None):
        problems.append(Problem(f"{where}, opens", say("opens and closes belong together; give both or neither")))
    elif office.opens and office.closes and office.closes <= office.opens:
        problems.append(Problem(f"{where}, closes", say("is not after opens; correct one of the two")))
    return problems


def official_problems(official: OfficialRecord, where: str) -> list[Problem]:
    """Fields of an official that contradict each other."""
    if official.holds_from and official.holds_until and official.holds_until < official.holds_from:
        return [Problem(f"{where}, holds_until", say("is before holds_from; correct one of the two"))]
    return []


def term_of(official: _Tenure) -> Term:
    """From when to when somebody holds an office, and who."""
    return official.holds_from or date.min, official.holds_until or date.max, official.slug


def rivals(where: str, terms: Iterable[Term]) -> list[Problem]:
    """Nobody can tell whom a letter is to while two hold the office."""
    in_order = sorted(terms)
    return [
        Problem(
            f"{where}, official",
            say(
                "%(one)s and %(other)s hold the office at the same time; write when each of them does",
                one=one,
                other=other,
            ),
        )
        for (_, until, one), (begins, _, other) in pairwise(in_order)
        if begins <= until
    ]
