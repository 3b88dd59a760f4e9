"""What may be done with a case: record what happened to it. The only writer of `Case.version` and `Case.status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from urgentaction.accounts.service import record_audit
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput
from urgentaction.core.phrases import say

from .models import Case, Person, Source, StatusUpdate
from .queries import case_called
from .vocabulary import Confidence, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateText:
    """What somebody tells us of a case, already parsed.

    Attributes:
        as_of: the day it was so.
        reported_at: when we were told (aware).
        person_keys: whom it is about; empty for the whole case.
        note: for staff only; stored encrypted.
    """

    status: Status
    confidence: Confidence
    as_of: date
    reported_at: datetime
    place: str = ""
    person_keys: tuple[str, ...] = ()
    source_label: str = ""
    note: str = ""
    is_family_informed: bool = False


def lock_case(reference: str) -> Case:
    """The case, locked until the transaction ends, so that two updates are decided one after the other."""
    case = Case.objects.select_for_update().filter(reference=reference.strip().upper()).first()
    if case is None:
        return case_called(reference)  # raises, with near names
    return case


def record_update(
    case: Case,
    told: UpdateText,
    *,
    by: str,
    supersedes_case: bool,
    prevailing: Status,
    decision: dict[str, Any],
) -> StatusUpdate:
    """Write an update down; where it supersedes, make it the case's status and raise the fence.

    Args:
        case: locked by `lock_case`.
        supersedes_case: what the trigger rules said. A rumour or old news leaves the case as it is.
        prevailing: the status of the case as a whole, which in a split group is not that of the persons named.
        decision: the rules' decision as plain values, kept with the update.

    Raises:
        InvalidInput: a person or source that the case does not have.
    """
    persons = list(case.persons.filter(key__in=told.person_keys))
    if missing := set(told.person_keys) - {person.key for person in persons}:
        raise InvalidInput.of(
            "persons",
            say("%(missing)s: not in %(reference)s", missing=", ".join(sorted(missing)), reference=case.reference),
        )
    previous = case.updates.order_by("-recorded_at").first()
    before = case.status
    if supersedes_case:
        case.version = F("version") + 1
        case.status, case.confidence = prevailing.value, told.confidence.value
        case.place, case.status_as_of = told.place, told.as_of
        case.save(update_fields=["version", "status", "confidence", "place", "status_as_of"])
        case.refresh_from_db(fields=["version"])
    update = StatusUpdate.objects.create(
        case=case,
        status=told.status.value,
        previous_status=before,
        confidence=told.confidence.value,
        place=told.place,
        as_of=told.as_of,
        reported_at=told.reported_at,
        recorded_at=clock.now(),
        recorded_by=by,
        source=_source(case, told.source_label),
        note=told.note,
        is_family_informed=told.is_family_informed,
        supersedes=previous,
        case_version=case.version,
        decision=decision,
    )
    update.persons.set(persons)
    if supersedes_case:
        _follow_persons(case, told, persons_named=bool(persons))
    record_audit(by, "case.update", f"case:{case.reference}", status=told.status.value, update=update.id)
    return update


def _follow_persons(case: Case, told: UpdateText, *, persons_named: bool) -> None:
    """A person's own status is written once fates differ; until then everybody shares the case's."""
    if persons_named:
        case.persons.filter(key__in=told.person_keys).update(status=told.status.value)


def _source(case: Case, label: str) -> Source | None:
    if not label:
        return None
    source, _ = Source.objects.get_or_create(case=case, label=label[:120])
    return source


@transaction.atomic
def read_names(case: Case, *, by: str) -> list[Person]:
    """The persons of a case with what is sealed of them; that somebody looked is written down first."""
    persons = list(case.persons.order_by("key"))
    record_audit(by, "case.names", f"case:{case.reference}", persons=len(persons))
    return persons
