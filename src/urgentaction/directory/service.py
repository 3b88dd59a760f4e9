"""What staff do with offices and the officials who hold them. Contact points have verbs of their own.

Each verb is one transaction with a line in the audit log: which fields, never what they say.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.text import slugify

from urgentaction.accounts.service import record_audit
from urgentaction.core.errors import Conflict, InvalidInput, NotFound
from urgentaction.core.phrases import say
from urgentaction.core.tables import change_row, shaped

from .models import Office, Official
from .records import OfficeRecord, OfficialRecord, office_problems, official_problems, rivals, term_of

_DAY = timedelta(days=1)


@transaction.atomic
def add_office(values: Mapping[str, Any], *, by: str) -> Office:
    """A new office, without a holder or contact points yet.

    Args:
        values: as `records.OfficeRecord` has them, `care_of` by slug. Without a `slug` one is made of country and name.

    Raises:
        InvalidInput: every problem names its field: `office, names, en`.
        Conflict: the country has an office of this name; nobody could tell the two apart.
    """
    told = dict(values)
    if not told.get("slug"):
        told["slug"] = _free_slug(
            Office.objects.all(), f"{told.get('country', '')}-{told.get('names', {}).get('en', '')}"
        )
    record = _office_record(told)
    same = Office.objects.filter(country=record.country, names__en=record.names["en"]).first()
    if same is not None:
        raise Conflict.of(
            "office, names, en",
            say("there is one already, %(slug)s; change that one, or call this one more exactly", slug=same.slug),
        )
    if Office.objects.filter(slug=record.slug).exists():
        raise Conflict.of("office, slug", say("%(slug)s is taken by another office; choose another", slug=record.slug))
    office = Office.objects.create(slug=record.slug, **_columns(record, None))
    record_audit(by, "office.add", f"office:{office.id}", slug=office.slug)
    return office


@transaction.atomic
def change_office(office_id: uuid.UUID, values: Mapping[str, Any], *, by: str) -> Office:
    """Give an office these values; its slug stays, because cases and files use it. Saying the same again does nothing.

    Raises:
        NotFound, InvalidInput: as `add_office`.
    """
    office = locked_office(office_id)
    record = _office_record({**values, "slug": office.slug})
    columns = _columns(record, office)
    changed = sorted(name for name, value in columns.items() if getattr(office, name) != value)
    if change_row(office, columns):
        record_audit(by, "office.change", f"office:{office.id}", fields=",".join(changed))
    return office


@transaction.atomic
def install_official(office_id: uuid.UUID, values: Mapping[str, Any], *, by: str) -> Official:
    """Record who holds an office now. The tenure of whoever held it until then ends the day before.

    Letters that stand already keep the name they were written to; the next alert addresses the new holder.

    Args:
        values: as `records.OfficialRecord` has them. `holds_from` is needed where somebody holds the office already.

    Raises:
        NotFound, InvalidInput, Conflict: a problem names its field: `official, holds_from`.
    """
    office = locked_office(office_id)
    told = dict(values)
    told["slug"] = _free_slug(Official.objects.all(), told.get("names", {}).get("en", ""))
    record = _official_record(told)
    ended = _end_tenures(office, record.holds_from)
    _refuse_rivals(office, record)
    official = Official.objects.create(office=office, **record.model_dump())
    record_audit(by, "official.install", f"office:{office.id}", official=official.slug, succeeds=",".join(ended))
    return official


@transaction.atomic
def change_official(official_id: uuid.UUID, values: Mapping[str, Any], *, by: str) -> Official:
    """Correct what is known of an official, the days of the tenure included. Raises NotFound, InvalidInput."""
    found = Official.objects.filter(id=official_id).values_list("office_id", flat=True).first()
    if found is None:
        raise NotFound.of("official", f"there is no official {official_id}")
    office = locked_office(found)
    official = office.officials.select_for_update().get(id=official_id)
    record = _official_record({**values, "slug": official.slug})
    _refuse_rivals(office, record)
    columns = record.model_dump(exclude={"slug"})
    changed = sorted(name for name, value in columns.items() if getattr(official, name) != value)
    if change_row(official, columns):
        record_audit(by, "official.change", f"office:{office.id}", official=official.slug, fields=",".join(changed))
    return official


def locked_office(office_id: uuid.UUID) -> Office:
    """The office, locked: whoever changes it or what belongs to it goes one after the other. Raises NotFound."""
    office = Office.objects.select_for_update(of=("self",)).filter(id=office_id).first()
    if office is None:
        raise NotFound.of("office", f"there is no office {office_id}")
    return office


def _office_record(values: Mapping[str, Any]) -> OfficeRecord:
    record = shaped("office", dict(values), OfficeRecord)
    if problems := office_problems(record, "office"):
        raise InvalidInput(problems)
    return record


def _official_record(values: Mapping[str, Any]) -> OfficialRecord:
    record = shaped("official", dict(values), OfficialRecord)
    if problems := official_problems(record, "official"):
        raise InvalidInput(problems)
    return record


def _columns(record: OfficeRecord, office: Office | None) -> dict[str, Any]:
    columns = record.model_dump(exclude={"slug", "official", "contact_point", "care_of"})
    return columns | {"care_of": _mission(record.care_of, office) if record.care_of else None}


def _mission(slug: str, office: Office | None) -> Office:
    """The mission through which an office is reached; it is itself reached directly."""
    mission = Office.objects.filter(slug=slug).first()
    if mission is None:
        raise InvalidInput.of("office, care_of", say("there is no office %(slug)s; add it first", slug=slug))
    if mission == office or mission.care_of_id is not None:
        raise InvalidInput.of(
            "office, care_of", say("%(slug)s must be a mission that is reached directly; name another", slug=slug)
        )
    if office is not None and Office.objects.filter(care_of=office).exists():
        words = say("others are reached care of this office, so it must be reached directly; leave this empty")
        raise InvalidInput.of("office, care_of", words)
    return mission


def _end_tenures(office: Office, begins: date | None) -> list[str]:
    """End the tenure that a new one would run into. Returns the slugs of those who leave."""
    ended = []
    for holder in office.officials.select_for_update():
        since, until, _ = term_of(holder)
        if begins is None and until == date.max:
            words = say("%(holder)s holds the office; write from which day the new holder does", holder=holder)
            raise InvalidInput.of("official, holds_from", words)
        if begins is not None and since < begins <= until:
            holder.holds_until = begins - _DAY
            holder.save(update_fields=["holds_until"])
            ended.append(holder.slug)
    return ended


def _refuse_rivals(office: Office, record: OfficialRecord) -> None:
    others = office.officials.exclude(slug=record.slug)
    if problems := rivals("official", [term_of(record), *(term_of(one) for one in others)]):
        raise InvalidInput.of("official, holds_from", problems[0].message)


def _free_slug(rows: QuerySet[Office] | QuerySet[Official], words: str) -> str:
    """`park-geun-hye`; `park-geun-hye-2` where that is taken."""
    stem = slugify(words)[:70].replace("_", "-")
    stem = "-".join(part for part in stem.split("-") if part) or "unnamed"
    taken = set(rows.filter(slug__startswith=stem).values_list("slug", flat=True))
    number = 1
    while (found := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return found
