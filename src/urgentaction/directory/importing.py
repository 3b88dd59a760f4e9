"""Import of the directory: a TOML file of offices, with the officials who hold them and their contact points.

An import is one transaction, all or nothing, and importing the same file again changes nothing. The file is the truth
for the contact points of the offices in it: one that is missing is marked dead, not deleted, because deliveries point
at it. Offices and officials that are not in the file stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from django.conf import settings
from django.db import transaction
from pydantic import AwareDatetime, Field, StringConstraints

from urgentaction.accounts.service import record_audit
from urgentaction.channels.addresses import normalise_email, normalise_number, parse_printed_numbers
from urgentaction.channels.contract import Channel, Mode
from urgentaction.channels.guard import is_reserved
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.core.tables import (
    Country,
    ImportReport,
    Language,
    Line,
    Named,
    Record,
    Slug,
    Tally,
    Texts,
    TimeZone,
    Words,
    change_row,
    claim_import,
    file_sha256,
    in_record,
    read_record,
)

from .calendars import has_calendar
from .kinds import AddressedAs, OfficeKind
from .models import ContactPoint, Health, Office, Official


def _channel(text: str) -> str:
    if text not in list(Channel):
        raise InvalidInput.of("", f"“{text[:20]}” is not a channel; choose from {', '.join(Channel)}")
    return text


def _health(text: str) -> str:
    if text not in list(Health):
        raise InvalidInput.of("", f"“{text[:20]}” is not a state of health; choose from {', '.join(Health)}")
    return text


def _workdays(text: str) -> str:
    if not text or "".join(sorted(set(text) & set("1234567"))) != text:
        raise InvalidInput.of("", f"“{text[:20]}” must be weekdays in order, Monday is 1: 12345")
    return text


def _calendar(text: str) -> str:
    code = text.strip().upper()
    if not has_calendar(code):
        raise InvalidInput.of("", f"of “{text[:20]}” no public holidays are known; write a country or a part (US-NY)")
    return code


def _letter_language(text: str) -> str:
    if text not in LETTER_LANGUAGES:
        known = ", ".join(LETTER_LANGUAGES)
        raise InvalidInput.of("", f"“{text[:20]}”: letters are written in {known}; choose one of these")
    return text


def _kind(text: str) -> str:
    if text and text not in list(OfficeKind):
        raise InvalidInput.of("", f"“{text[:40]}” is not a kind of office; choose from {', '.join(OfficeKind)}")
    return text


def _addressed_as(text: str) -> str:
    if text and text not in list(AddressedAs):
        known = ", ".join(AddressedAs)
        raise InvalidInput.of("", f"“{text[:20]}” is not a form; choose from {known}, or leave it out")
    return text


_ShortLine = Annotated[Line, StringConstraints(max_length=120)]


class _ContactPoint(Record):
    channel: Annotated[str, in_record(_channel)]
    printed_value: _ShortLine = ""
    dial_value: _ShortLine = ""
    rank: Annotated[int, Field(ge=1, le=99)] = 1
    # What the file does not say of these is left as the database has it.
    health: Annotated[str, in_record(_health)] | None = None
    health_note: Line | None = None
    verified_at: AwareDatetime | None = None
    verified_how: Line | None = None


class _Official(Record):
    slug: Slug
    names: Named
    honorifics: dict[Language, Words] = Field(default_factory=dict)  # some languages have none
    salutations: Texts = Field(default_factory=dict)
    addressed_as: Annotated[str, in_record(_addressed_as)] = ""
    holds_from: date | None = None
    holds_until: date | None = None


class _Office(Record):
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
    official: list[_Official] = Field(default_factory=list)
    contact_point: list[_ContactPoint] = Field(default_factory=list)


class _Directory(Record):
    office: Annotated[list[_Office], Field(min_length=1)]


def import_directory(path: Path, *, by: str) -> ImportReport:
    """Take over offices, officials and contact points from a TOML file (docs/importing.md describes it).

    Args:
        by: who does it, as the audit log names them.

    Returns:
        How many rows were created, updated and left alone. In sandbox mode a warning for each contact point outside
        the reserved test ranges: it is kept, and sending to it will be refused. A warning for each office with hours
        whose country's public holidays nobody here knows.

    Raises:
        InvalidInput: everything wrong with the file; nothing was written.
        Conflict: another import is running.
    """
    book = read_record(path, _Directory)
    tally = Tally()
    dialled, problems = _dial_values(book, path.name, tally)
    problems += _repeated(book, path.name) + _inconsistent(book, path.name)
    tally.warnings += _without_calendar(book, path.name)
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        claim_import()
        _refuse_clashes(book, path.name)
        _refuse_unknown_missions(book, path.name)
        # Missions come first: the offices that they take letters for point at them.
        for number, entry in sorted(enumerate(book.office), key=lambda one: one[1].care_of is not None):
            office = _store_office(entry, tally)
            for official in entry.official:
                _store_official(office, official, tally)
            points = [(point, dialled[number, place]) for place, point in enumerate(entry.contact_point)]
            _store_contact_points(office, points, path.name, tally)
        report = tally.report()
        record_audit(
            by,
            "directory.import",
            f"file:{path.name}",
            sha256=file_sha256(path),
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
        )
    return report


# --- Checking ---------------------------------------------------------------------------------------------------------


def _dial_values(book: _Directory, name: str, tally: Tally) -> tuple[dict[tuple[int, int], str], list[Problem]]:
    """What is dialled for each contact point, by its place in the file."""
    dialled: dict[tuple[int, int], str] = {}
    problems: list[Problem] = []
    for number, office in enumerate(book.office):
        for place, point in enumerate(office.contact_point):
            where = _point_place(name, number, office, place)
            channel = Channel(point.channel)
            try:
                address = _address(channel, point, where, tally)
            except InvalidInput as error:
                problems += error.problems
                continue
            twins = [at for at, other in dialled.items() if at[0] == number and other == address]
            if any(office.contact_point[at[1]].channel == point.channel for at in twins):
                problems.append(Problem(where, f"the office has this {channel} already; keep one of the two"))
            dialled[number, place] = address
            if settings.MODE is Mode.SANDBOX and not is_reserved(channel, address):
                tally.warnings.append(
                    f"{where}: {address} is outside the reserved test ranges; in sandbox mode nothing is sent there"
                )
    return dialled, problems


def _address(channel: Channel, point: _ContactPoint, where: str, tally: Tally) -> str:
    """`dial_value` in its one spelling; without it, the first address that is printed."""
    key = "dial_value" if point.dial_value else "printed_value"
    text = point.dial_value or point.printed_value
    field = f"{where}, {key}"
    if not text:
        raise InvalidInput.of(field, "is empty; write a number with its country code, or a mail address")
    if channel is Channel.EMAIL:
        return normalise_email(text, field_name=field)
    if key == "dial_value":
        return normalise_number(text, field_name=field)
    first, *others = parse_printed_numbers(text, field_name=field)
    if others:
        tally.warnings.append(
            f"{field}: of the numbers printed only {first} is dialled; "
            f"add a contact point with rank 2 for {others[0]} if it is a {channel} too"
        )
    return first


def _repeated(book: _Directory, name: str) -> list[Problem]:
    """Slugs that are used twice in the file."""
    seen: dict[tuple[str, str], str] = {}
    problems = []
    slugs = [("office", office.slug, _office_place(name, number, office)) for number, office in enumerate(book.office)]
    slugs += [("official", official.slug, where) for where, official in _officials(book, name)]
    for kind, slug, where in slugs:
        first = seen.setdefault((kind, slug), where)
        if first != where:
            problems.append(Problem(f"{where}, slug", f"{slug} is taken by {first}; give each its own"))
    return problems


def _inconsistent(book: _Directory, name: str) -> list[Problem]:
    problems = []
    for where, official in _officials(book, name):
        if official.holds_from and official.holds_until and official.holds_until < official.holds_from:
            problems.append(Problem(f"{where}, holds_until", "is before holds_from; correct one of the two"))
    for number, office in enumerate(book.office):
        where = _office_place(name, number, office)
        if "en" not in office.postal_address and office.postal_address:
            problems.append(Problem(f"{where}, postal_address", "the English address is missing; add `en = [ … ]`"))
        if (office.opens is None) != (office.closes is None):
            problems.append(Problem(f"{where}, opens", "opens and closes belong together; give both or neither"))
        elif office.opens and office.closes and office.closes <= office.opens:
            problems.append(Problem(f"{where}, closes", "is not after opens; correct one of the two"))
        problems += _rivals(where, [_term(official) for official in office.official])
    return problems


def _without_calendar(book: _Directory, name: str) -> list[str]:
    """Offices that keep hours, in a country whose public holidays nobody here knows."""
    return [
        f"{_office_place(name, number, office)}, country: no public holidays of {office.country} are known; the office "
        "counts as open on every working day. Name a country that keeps the same ones in `holidays`"
        for number, office in enumerate(book.office)
        if office.opens and not office.holidays and not has_calendar(office.country)
    ]


_Term = tuple[date, date, str]


def _term(official: _Official | Official) -> _Term:
    return official.holds_from or date.min, official.holds_until or date.max, official.slug


def _rivals(where: str, terms: Iterable[_Term]) -> list[Problem]:
    """Nobody can tell whom a letter is to while two hold the office."""
    in_order = sorted(terms)
    return [
        Problem(
            f"{where}, official", f"{one} and {other} hold the office at the same time; write when each of them does"
        )
        for (_, until, one), (begins, _, other) in pairwise(in_order)
        if begins <= until
    ]


def _refuse_clashes(book: _Directory, name: str) -> None:
    """What contradicts the database: an official known as the holder of another office, or two holders at a time."""
    problems = []
    here = {official.slug: (office.slug, where) for where, official, office in _officials_and_offices(book, name)}
    for known in Official.objects.filter(slug__in=here).select_related("office"):
        office_slug, where = here[known.slug]
        if known.office.slug != office_slug:
            words = f"{known.slug} is the holder of {known.office.slug}; give the person a slug for each office"
            problems.append(Problem(f"{where}, slug", words))
    for number, office in enumerate(book.office):
        others = Official.objects.filter(office__slug=office.slug).exclude(slug__in=here)
        terms = [_term(official) for official in office.official] + [_term(official) for official in others]
        problems += _rivals(_office_place(name, number, office), terms)
    if problems:
        raise InvalidInput(problems)


def _refuse_unknown_missions(book: _Directory, name: str) -> None:
    """An office is reached care of a mission that is in the directory and itself reached directly."""
    is_indirect = {office.slug: office.care_of_id is not None for office in Office.objects.only("slug", "care_of")}
    is_indirect |= {office.slug: office.care_of is not None for office in book.office}
    problems = []
    for number, office in enumerate(book.office):
        where = f"{_office_place(name, number, office)}, care_of"
        if office.care_of is None:
            continue
        if office.care_of not in is_indirect:
            problems.append(Problem(where, f"there is no office {office.care_of}; add it, or correct the slug"))
        elif office.care_of == office.slug or is_indirect[office.care_of]:
            problems.append(
                Problem(where, f"{office.care_of} must be a mission that is reached directly; name another")
            )
    if problems:
        raise InvalidInput(problems)


def _officials(book: _Directory, name: str) -> Iterator[tuple[str, _Official]]:
    for where, official, _ in _officials_and_offices(book, name):
        yield where, official


def _officials_and_offices(book: _Directory, name: str) -> Iterator[tuple[str, _Official, _Office]]:
    for number, office in enumerate(book.office):
        for place, official in enumerate(office.official, start=1):
            yield f"{_office_place(name, number, office)}, official {place} ({official.slug})", official, office


def _office_place(name: str, number: int, office: _Office) -> str:
    return f"{name}, office {number + 1} ({office.slug})"


def _point_place(name: str, number: int, office: _Office, place: int) -> str:
    return f"{_office_place(name, number, office)}, contact_point {place + 1}"


# --- Storing ----------------------------------------------------------------------------------------------------------


def _store_office(entry: _Office, tally: Tally) -> Office:
    values: dict[str, Any] = entry.model_dump(exclude={"slug", "official", "contact_point"})
    values["care_of"] = Office.objects.get(slug=entry.care_of) if entry.care_of else None
    office = Office.objects.select_for_update().filter(slug=entry.slug).first()
    if office is None:
        tally.created += 1
        return Office.objects.create(slug=entry.slug, **values)
    tally.count_change(is_changed=change_row(office, values))
    return office


def _store_official(office: Office, entry: _Official, tally: Tally) -> None:
    values = entry.model_dump(exclude={"slug"})
    official = office.officials.select_for_update().filter(slug=entry.slug).first()
    if official is None:
        tally.created += 1
        Official.objects.create(office=office, slug=entry.slug, **values)
    else:
        tally.count_change(is_changed=change_row(official, values))


def _store_contact_points(office: Office, points: list[tuple[_ContactPoint, str]], name: str, tally: Tally) -> None:
    known = {(row.channel, row.dial_value): row for row in office.contact_points.select_for_update()}
    set_aside = f"not in {name} any more"[:200]
    for entry, address in points:
        values: dict[str, Any] = {"printed_value": entry.printed_value, "rank": entry.rank}
        told = entry.model_dump(include={"health", "health_note", "verified_at", "verified_how"}, exclude_none=True)
        if at := told.get("verified_at"):
            told["verified_at"] = at.astimezone(UTC)
        row = known.pop((entry.channel, address), None)
        if row is None:
            tally.created += 1
            ContactPoint.objects.create(office=office, channel=entry.channel, dial_value=address, **(values | told))
            continue
        if row.health == Health.DEAD and row.health_note.startswith("not in "):
            values |= {"health": Health.UNVERIFIED.value, "health_note": ""}
        tally.count_change(is_changed=change_row(row, values | told))
    for row in known.values():
        if row.health == Health.DEAD:
            tally.unchanged += 1
            continue
        change_row(row, {"health": Health.DEAD.value, "health_note": set_aside})
        tally.updated += 1
        tally.warnings.append(
            f"{office.slug}: the {row.channel} {row.printed_value or row.dial_value} is not in {name}; "
            "it is marked dead and not used any more"
        )
