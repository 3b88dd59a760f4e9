"""Import of a case: a folder with `case.toml` and one file of texts for each language, `texts/<language>.md`.

An import is one transaction, all or nothing, and importing the same folder again changes nothing. It never touches
the case's status or version: only `service.record_update` does. The `story` in the file is for replays
(`folder.read_story`); an import checks it and stores nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Model

from urgentaction.accounts.service import record_audit
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.phrases import say
from urgentaction.core.tables import (
    ImportReport,
    Tally,
    change_row,
    claim_import,
)
from urgentaction.directory.models import Office

from .folder import CASE_FILE, CaseFile, CaseFolder, CheckText, read_folder
from .models import Case, CaseAddressee, CaseCountry, CaseText, Person
from .naming import misnamed
from .queries import Shown


def import_case(folder: Path, *, by: str, check_text: CheckText | None = None) -> ImportReport:
    """Take over a case from a folder (docs/importing.md describes it). Its offices must be in the directory.

    Countries, addressees and texts become those of the folder; persons are added and changed, never removed. An
    import shows more of a person to anybody only with a consent later than the one recorded.

    Args:
        by: who does it, as the audit log names them.
        check_text: looks at each text, such as `letters.sections.parse_sections`; this room doesn't know letters.

    Returns:
        How many rows were created, updated (or removed) and left alone.

    Raises:
        InvalidInput: everything wrong with the folder; nothing was written.
        Conflict: another import is running.
    """
    found = read_folder(folder, check_text=check_text)
    told = found.told
    with transaction.atomic():
        claim_import()
        offices = {office.slug: office for office in Office.objects.all()}
        if problems := [*found.problems, *_unknown_offices(found, offices)]:
            raise InvalidInput(problems)
        tally = Tally()
        case = _store_case(told, tally)
        _store_countries(case, told, tally)
        _store_addressees(case, told, offices, tally)
        _store_texts(case, found.texts, tally)
        _store_persons(case, told, tally)
        # Only now is it known what each reader may see: an import does not always change a consent on record.
        if problems := misnamed(told, found.texts, list(case.persons.order_by("key"))):
            raise InvalidInput([Problem(f"{found.name}/{one.field}", one.message) for one in problems])
        report = tally.report()
        record_audit(
            by,
            "case.import",
            f"case:{case.reference}",
            sha256=found.sha256,
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
        )
    return report


def _unknown_offices(found: CaseFolder, offices: Mapping[str, Office]) -> list[Problem]:
    known = ", ".join(sorted(offices)[:8]) or "none; import the directory first"
    return [
        Problem(
            f"{found.name}/{CASE_FILE}, addressee {number}, office",
            say("%(office)s is not in the directory; known: %(known)s", office=entry.office, known=known),
        )
        for number, entry in enumerate(found.told.addressee, start=1)
        if entry.office not in offices
    ]


# --- Storing ----------------------------------------------------------------------------------------------------------


def _store_case(told: CaseFile, tally: Tally) -> Case:
    values: dict[str, Any] = told.model_dump(include={"titles", "subjects", "group_size", "background_url"})
    values["embargo_until"] = told.embargo_until.astimezone(UTC) if told.embargo_until else None
    case = Case.objects.select_for_update().filter(reference=told.reference).first()
    if case is None:
        tally.created += 1
        return Case.objects.create(reference=told.reference, created_at=clock.now(), **values)
    tally.count_change(is_changed=change_row(case, values))
    return case


def _store_countries(case: Case, told: CaseFile, tally: Tally) -> None:
    known = {(row.country, row.role): row for row in case.countries.all()}
    for entry in told.country:
        if known.pop((entry.code, entry.role), None) is not None:
            tally.unchanged += 1
            continue
        tally.created += 1
        CaseCountry.objects.create(case=case, country=entry.code, role=entry.role)
    _remove(known.values(), tally)


def _store_addressees(case: Case, told: CaseFile, offices: Mapping[str, Office], tally: Tally) -> None:
    known = {row.office_id: row for row in case.addressees.all()}
    for position, entry in enumerate(told.addressee, start=1):
        office = offices[entry.office]
        values = {"role": entry.role, "position": position}
        row = known.pop(office.id, None)
        if row is None:
            tally.created += 1
            CaseAddressee.objects.create(case=case, office=office, **values)
        else:
            tally.count_change(is_changed=change_row(row, values))
    _remove(known.values(), tally)


def _store_texts(case: Case, texts: Mapping[str, str], tally: Tally) -> None:
    known = {row.language: row for row in case.texts.all()}
    for language, markdown in texts.items():
        row = known.pop(language, None)
        if row is None:
            tally.created += 1
            CaseText.objects.create(case=case, language=language, markdown=markdown)
        else:
            tally.count_change(is_changed=change_row(row, {"markdown": markdown}))
    _remove(known.values(), tally)


def _store_persons(case: Case, told: CaseFile, tally: Tally) -> None:
    known = {row.key: row for row in case.persons.select_for_update()}
    for entry in told.person:
        values: dict[str, Any] = entry.model_dump(exclude={"key"})
        values["confidential_spellings"] = "\n".join(entry.confidential_spellings)
        values["consent_at"] = entry.consent_at.astimezone(UTC) if entry.consent_at else None
        row = known.pop(entry.key, None)
        if row is None:
            tally.created += 1
            Person.objects.create(case=case, key=entry.key, **values)
            continue
        _keep_what_is_not_agreed(row, values, case, tally)
        _tell_of_forgotten_names(row, values, case, tally)
        tally.count_change(is_changed=change_row(row, values))
    if known:
        names = ", ".join(sorted(known))
        tally.warnings.append(
            f"{case.reference}: {names}: not in {CASE_FILE} any more; kept, because updates name them"
        )


_MORE_IS_SHOWN = (Shown.DESCRIPTION, Shown.PSEUDONYM, Shown.NAME)


def _keep_what_is_not_agreed(row: Person, values: dict[str, Any], case: Case, tally: Tally) -> None:
    """A file of yesterday must not undo a consent taken back today: showing more needs a later consent."""
    told = values["consent_at"]
    is_newer = told is not None and (row.consent_at is None or told > row.consent_at)
    if not is_newer:
        values |= {"consent_at": row.consent_at, "consent_note": row.consent_note}
    for key in ("shown_to_government", "shown_to_public", "shown_to_supporters"):
        stands = Shown(getattr(row, key))
        if _MORE_IS_SHOWN.index(Shown(values[key])) > _MORE_IS_SHOWN.index(stands) and not is_newer:
            values[key] = stands.value
            tally.warnings.append(
                f"{case.reference}, {row.key}: {key} stays “{stands}”; showing more needs a later consent_at"
            )


def _tell_of_forgotten_names(row: Person, values: Mapping[str, Any], case: Case, tally: Tally) -> None:
    """Only names on record are looked for in what is sent. A folder without its secrets would blind the guard."""
    before = {row.public_name, row.confidential_name, *row.confidential_spellings.split("\n")}
    after = {values["public_name"], values["confidential_name"], *values["confidential_spellings"].split("\n")}
    if forgotten := before - after - {""}:
        tally.warnings.append(
            f"{case.reference}, {row.key}: {len(forgotten)} of the names on record are not in {CASE_FILE} any more; "
            "no text is searched for them from now on; what must not be shown belongs into confidential_spellings"
        )


def _remove(rows: Iterable[Model], tally: Tally) -> None:
    """What the folder no longer names. Nothing else points at these rows."""
    for row in rows:
        row.delete()
        tally.updated += 1
