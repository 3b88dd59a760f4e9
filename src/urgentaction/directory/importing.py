"""Import of the directory: a TOML file of offices, with the officials who hold them and their contact points.

An import is one transaction, all or nothing, and importing the same file again changes nothing. The file is the truth
for the contact points of the offices in it: one that is missing is marked dead, not deleted, because deliveries point
at it. Offices and officials that are not in the file stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Channel, Mode
from urgentaction.channels.guard import is_reserved
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.phrases import say
from urgentaction.core.tables import ImportReport, Tally, change_row, claim_import, file_sha256, read_record

from .calendars import has_calendar
from .dialling import addresses_of
from .kinds import Health
from .models import ContactPoint, Office, Official
from .records import (
    ContactPointRecord,
    DirectoryRecord,
    OfficeRecord,
    OfficialRecord,
    office_problems,
    official_problems,
    rivals,
    term_of,
)

#: How the note of a contact point begins that a file no longer had.
_SET_ASIDE = "not in "


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
    book = read_record(path, DirectoryRecord)
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


def _dial_values(book: DirectoryRecord, name: str, tally: Tally) -> tuple[dict[tuple[int, int], str], list[Problem]]:
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
                problems.append(
                    Problem(where, say("the office has this %(channel)s already; keep one of the two", channel=channel))
                )
            dialled[number, place] = address
            if settings.MODE is Mode.SANDBOX and not is_reserved(channel, address):
                tally.warnings.append(
                    f"{where}: {address} is outside the reserved test ranges; in sandbox mode nothing is sent there"
                )
    return dialled, problems


def _address(channel: Channel, point: ContactPointRecord, where: str, tally: Tally) -> str:
    first, *others = addresses_of(channel, printed=point.printed_value, dial=point.dial_value, where=f"{where}, ")
    if others:
        tally.warnings.append(
            f"{where}, printed_value: of the numbers printed only {first} is dialled; "
            f"add a contact point with rank 2 for {others[0]} if it is a {channel} too"
        )
    return first


def _repeated(book: DirectoryRecord, name: str) -> list[Problem]:
    """Slugs that are used twice in the file."""
    seen: dict[tuple[str, str], str] = {}
    problems = []
    slugs = [("office", office.slug, _office_place(name, number, office)) for number, office in enumerate(book.office)]
    slugs += [("official", official.slug, where) for where, official in _officials(book, name)]
    for kind, slug, where in slugs:
        first = seen.setdefault((kind, slug), where)
        if first != where:
            problems.append(
                Problem(
                    f"{where}, slug", say("%(slug)s is taken by %(first)s; give each its own", slug=slug, first=first)
                )
            )
    return problems


def _inconsistent(book: DirectoryRecord, name: str) -> list[Problem]:
    problems = []
    for where, official in _officials(book, name):
        problems += official_problems(official, where)
    for number, office in enumerate(book.office):
        where = _office_place(name, number, office)
        problems += office_problems(office, where)
        problems += rivals(where, [term_of(official) for official in office.official])
    return problems


def _without_calendar(book: DirectoryRecord, name: str) -> list[str]:
    """Offices that keep hours, in a country whose public holidays nobody here knows."""
    return [
        f"{_office_place(name, number, office)}, country: no public holidays of {office.country} are known; the office "
        "counts as open on every working day. Name a country that keeps the same ones in `holidays`"
        for number, office in enumerate(book.office)
        if office.opens and not office.holidays and not has_calendar(office.country)
    ]


def _refuse_clashes(book: DirectoryRecord, name: str) -> None:
    """What contradicts the database: an official known as the holder of another office, or two holders at a time."""
    problems = []
    here = {official.slug: (office.slug, where) for where, official, office in _officials_and_offices(book, name)}
    for known in Official.objects.filter(slug__in=here).select_related("office"):
        office_slug, where = here[known.slug]
        if known.office.slug != office_slug:
            words = say(
                "%(official)s is the holder of %(office)s; give the person a slug for each office",
                official=known.slug,
                office=known.office.slug,
            )
            problems.append(Problem(f"{where}, slug", words))
    for number, office in enumerate(book.office):
        others = Official.objects.filter(office__slug=office.slug).exclude(slug__in=here)
        terms = [term_of(official) for official in office.official] + [term_of(official) for official in others]
        problems += rivals(_office_place(name, number, office), terms)
    if problems:
        raise InvalidInput(problems)


def _refuse_unknown_missions(book: DirectoryRecord, name: str) -> None:
    """An office is reached care of a mission that is in the directory and itself reached directly."""
    is_indirect = {office.slug: office.care_of_id is not None for office in Office.objects.only("slug", "care_of")}
    is_indirect |= {office.slug: office.care_of is not None for office in book.office}
    problems = []
    for number, office in enumerate(book.office):
        where = f"{_office_place(name, number, office)}, care_of"
        if office.care_of is None:
            continue
        if office.care_of not in is_indirect:
            problems.append(
                Problem(
                    where, say("there is no office %(care_of)s; add it, or correct the slug", care_of=office.care_of)
                )
            )
        elif office.care_of == office.slug or is_indirect[office.care_of]:
            problems.append(
                Problem(
                    where,
                    say("%(care_of)s must be a mission that is reached directly; name another", care_of=office.care_of),
                )
            )
    if problems:
        raise InvalidInput(problems)


def _officials(book: DirectoryRecord, name: str) -> Iterator[tuple[str, OfficialRecord]]:
    for where, official, _ in _officials_and_offices(book, name):
        yield where, official


def _officials_and_offices(book: DirectoryRecord, name: str) -> Iterator[tuple[str, OfficialRecord, OfficeRecord]]:
    for number, office in enumerate(book.office):
        for place, official in enumerate(office.official, start=1):
            yield f"{_office_place(name, number, office)}, official {place} ({official.slug})", official, office


def _office_place(name: str, number: int, office: OfficeRecord) -> str:
    return f"{name}, office {number + 1} ({office.slug})"


def _point_place(name: str, number: int, office: OfficeRecord, place: int) -> str:
    return f"{_office_place(name, number, office)}, contact_point {place + 1}"


# --- Storing ----------------------------------------------------------------------------------------------------------


def _store_office(entry: OfficeRecord, tally: Tally) -> Office:
    values: dict[str, Any] = entry.model_dump(exclude={"slug", "official", "contact_point"})
    values["care_of"] = Office.objects.get(slug=entry.care_of) if entry.care_of else None
    office = Office.objects.select_for_update().filter(slug=entry.slug).first()
    if office is None:
        tally.created += 1
        return Office.objects.create(slug=entry.slug, **values)
    tally.count_change(is_changed=change_row(office, values))
    return office


def _store_official(office: Office, entry: OfficialRecord, tally: Tally) -> None:
    values = entry.model_dump(exclude={"slug"})
    official = office.officials.select_for_update().filter(slug=entry.slug).first()
    if official is None:
        tally.created += 1
        Official.objects.create(office=office, slug=entry.slug, **values)
    else:
        tally.count_change(is_changed=change_row(official, values))


def _store_contact_points(
    office: Office, points: list[tuple[ContactPointRecord, str]], name: str, tally: Tally
) -> None:
    known = {(row.channel, row.dial_value): row for row in office.contact_points.select_for_update()}
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
        if row.retired_at is not None:
            values |= _back_in_use(row, entry, f"{office.slug}: the {row.channel} {_shown(row)}", tally)
        tally.count_change(is_changed=change_row(row, values | told))
    for row in known.values():
        if row.retired_at is not None:
            tally.unchanged += 1
            continue
        note = row.health_note if row.health == Health.DEAD else f"{_SET_ASIDE}{name} any more"[:200]
        change_row(row, {"health": Health.DEAD.value, "health_note": note, "retired_at": clock.now()})
        tally.updated += 1
        tally.warnings.append(
            f"{office.slug}: the {row.channel} {_shown(row)} is not in {name}; it is marked dead and not used any more"
        )


def _back_in_use(row: ContactPoint, entry: ContactPointRecord, who: str, tally: Tally) -> dict[str, Any]:
    """What becomes of a retired contact point that the file names: an import brings back what an import set aside."""
    if row.health_note.startswith(_SET_ASIDE):
        return {"retired_at": None, "health": Health.UNVERIFIED.value, "health_note": ""}
    if entry.health is not None and entry.health != Health.DEAD:
        return {"retired_at": None}
    tally.warnings.append(f"{who} was retired by a person and stays so; add it again on the office's page to use it")
    return {}


def _shown(row: ContactPoint) -> str:
    return row.printed_value or row.dial_value
