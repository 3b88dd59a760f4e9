"""The reads of the directory's pages. Writes nothing, decides nothing.

What became of letters at a contact point is asked of the latest alerts to its office only: by the alert is how
deliveries are found (their indexes begin with it), and older news than that says nothing of a number today.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT

from urgentaction.accounts.models import AuditEntry
from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.queries import LIVE
from urgentaction.cases.models import CaseAddressee
from urgentaction.channels.contract import Channel, RetryClass
from urgentaction.core import clock
from urgentaction.core.errors import NotFound
from urgentaction.deliveries.cascade import UNREACHED, is_success
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask
from urgentaction.deliveries.office_hours import OfficeHours, is_open
from urgentaction.deliveries.rules import State
from urgentaction.directory.kinds import AddressedAs, Health, OfficeKind
from urgentaction.directory.models import ContactPoint, ContactPointCheck, Office, Official
from urgentaction.directory.queries import holder_among, holidays_of
from urgentaction.letters.forms_of_address import FormOfAddress, form_of_address
from urgentaction.letters.wording import MissingTranslation

from .words import languages_of

#: The latest alerts to an office that are asked what became of them.
RECENT = 20
MOST_CASES = 50
MOST_CHECKS = 50
MOST_CHANGES = 20
#: A number that nobody has looked at for so long is worth a look.
STALE = timedelta(days=365)


# --- The list ---------------------------------------------------------------------------------------------------------


def offices() -> QuerySet[Office]:
    """Offices with `name`; those who hold them and their contact points come along in two queries."""
    return Office.objects.annotate(name=KT("names__en")).prefetch_related("officials", "contact_points")


def in_trouble(rows: QuerySet[Office], trouble: str) -> QuerySet[Office]:
    """Those with a contact point that is `dead`, `unverified` or `stale`; or with `none` that can be used."""
    points = ContactPoint.objects.filter(office=OuterRef("pk"), retired_at=None)
    living = points.exclude(health=Health.DEAD)
    match trouble:
        case "dead":
            return rows.filter(Exists(points.filter(health=Health.DEAD)))
        case "unverified":
            return rows.filter(Exists(points.filter(health=Health.UNVERIFIED)))
        case "stale":
            old = Q(verified_at=None) | Q(verified_at__lt=clock.now() - STALE)
            return rows.filter(Exists(living.filter(old)))
        case "none":
            return rows.exclude(Exists(living))
    return rows


@dataclass(frozen=True, slots=True)
class OfficeRow:
    """One line of the list."""

    office: Office
    holder: Official | None
    points: list[ContactPoint]


def rows_of(found: Iterable[Office]) -> list[OfficeRow]:
    """What the list shows of each office; no further query."""
    return [OfficeRow(one, holder_among(one), points_in_use(one.contact_points.all())) for one in found]


def points_in_use(points: Iterable[ContactPoint]) -> list[ContactPoint]:
    """Those that are not retired, in the order in which they are tried."""
    living = [point for point in points if point.retired_at is None]
    return sorted(living, key=lambda point: (point.channel, point.rank, point.dial_value))


# --- One office -------------------------------------------------------------------------------------------------------


def office_with(office_id: uuid.UUID) -> Office:
    """An office with its officials and contact points, and its mission's. Raises NotFound."""
    rows = Office.objects.select_related("care_of")
    found = rows.prefetch_related("officials", "contact_points", "care_of__contact_points").filter(id=office_id).first()
    if found is None:
        raise NotFound.of("office", f"there is no office {office_id}")
    return found


def official_with(official_id: uuid.UUID) -> Official:
    """An official with the office. Raises NotFound."""
    found = Official.objects.select_related("office").filter(id=official_id).first()
    if found is None:
        raise NotFound.of("official", f"there is no official {official_id}")
    return found


def tenures(office: Office) -> list[Official]:
    """Who held, holds and will hold it, the latest first."""
    return sorted(office.officials.all(), key=lambda one: str(one.holds_from or ""), reverse=True)


@dataclass(frozen=True, slots=True)
class Address:
    """How an official is written to in one language. `is_own`: the directory says it, not the form of address."""

    language: str
    name: str
    honorific: str
    salutation: str
    is_own: bool


def addresses(official: Official) -> list[Address]:
    """How letters address an official, in every language that they are written in; "" where nothing is known."""
    told = []
    for language in languages_of(official.names, official.salutations):
        form = _form(official, language)
        name = official.names.get(language) or official.names.get("en", "")
        own = official.salutations.get(language, "")
        honorific = official.honorifics.get(language) or (form.honorific if form else "")
        told.append(Address(language, name, honorific, own or (form.greeting(name) if form else ""), bool(own)))
    return told


def _form(official: Official, language: str) -> FormOfAddress | None:
    if not official.office.kind:
        return None
    addressed_as = AddressedAs(official.addressed_as) if official.addressed_as else None
    kind = OfficeKind(official.office.kind)
    try:
        return form_of_address(language, kind, addressed_as, root=settings.SHIPPED_TEMPLATES)
    except MissingTranslation:
        return None


def is_open_now(office: Office) -> bool:
    """Whether the office keeps hours and is open now, public holidays counted."""
    hours = OfficeHours(time_zone=office.time_zone, opens=office.opens, closes=office.closes, workdays=office.workdays)
    return is_open(clock.now(), hours, is_holiday=holidays_of(office))


@dataclass(frozen=True, slots=True)
class Affected:
    """What hangs on an office. `has_more`: further cases are not listed."""

    addressees: list[CaseAddressee]
    has_more: bool
    alerts: list[Alert]
    vacant: list[HumanTask]


def affected_by(office_ids: Iterable[uuid.UUID]) -> Affected:
    """Cases that address these offices or are reached through them, and their alerts that are not over."""
    ids = list(office_ids)
    rows = CaseAddressee.objects.filter(Q(office_id__in=ids) | Q(office__care_of_id__in=ids))
    rows = rows.select_related("case", "office").order_by(F("case__status_as_of").desc(nulls_last=True), "id")
    found = list(rows[: MOST_CASES + 1])
    live = Alert.objects.filter(case_id__in=rows.order_by().values("case_id"), state__in=LIVE)
    alerts = list(live.select_related("case").order_by("priority", "created_at")[:MOST_CASES])
    slugs = {entry.office.slug for entry in found}
    keys = [f"vacant:{alert.id}:{slug}"[:120] for alert in alerts for slug in slugs]
    vacant = HumanTask.objects.filter(key__in=keys, done_at=None).select_related("alert") if keys else ()
    return Affected(found[:MOST_CASES], len(found) > MOST_CASES, alerts, list(vacant))


def changes_of(office: Office) -> QuerySet[AuditEntry]:
    """What was changed of an office, by whom, latest first."""
    return AuditEntry.objects.filter(subject=f"office:{office.id}").order_by("-id")[:MOST_CHANGES]


# --- One contact point ------------------------------------------------------------------------------------------------


def point_with(point_id: uuid.UUID) -> ContactPoint:
    """A contact point with its office. Raises NotFound."""
    found = ContactPoint.objects.select_related("office__care_of").filter(id=point_id).first()
    if found is None:
        raise NotFound.of("contact_point", f"there is no contact point {point_id}")
    return found


def checks_of(point: ContactPoint) -> QuerySet[ContactPointCheck]:
    """Who checked it, latest first."""
    return point.checks.order_by("-at")[:MOST_CHECKS]


@dataclass(frozen=True, slots=True)
class Try:
    """What became of one delivery to a contact point."""

    alert: Alert
    at: datetime
    state: str
    reason: str
    code: str
    is_good: bool
    is_final: bool


def tries_at(points: Iterable[ContactPoint]) -> dict[uuid.UUID, list[Try]]:
    """What became of the latest alerts at these contact points, latest first. Three queries."""
    wanted = {point.id: point.office_id for point in points}
    offices = set(wanted.values())
    targets = AlertTarget.objects.filter(
        Q(official__office_id__in=offices) | Q(official__office__care_of_id__in=offices)
    )
    pairs = list(targets.order_by("-alert__created_at", "-id").values_list("alert_id", "official_id")[:RECENT])
    rows = Delivery.objects.filter(
        alert_id__in={pair[0] for pair in pairs}, official_id__in={pair[1] for pair in pairs}
    )
    found = list(rows.filter(contact_point_id__in=wanted).select_related("alert").order_by("-created_at", "-id"))
    last = Attempt.objects.filter(delivery_id__in=[row.id for row in found]).order_by("delivery_id", "-number")
    codes = dict(last.distinct("delivery_id").values_list("delivery_id", "code"))
    tries: dict[uuid.UUID, list[Try]] = {point_id: [] for point_id in wanted}
    for row in found:
        if row.contact_point_id is not None:
            tries[row.contact_point_id].append(_try(row, codes.get(row.id, "")))
    return tries


def _try(row: Delivery, code: str) -> Try:
    state = State(row.state)
    return Try(
        alert=row.alert,
        at=row.settled_at or row.accepted_at or row.created_at,
        state=row.state,
        reason=row.reason,
        code=code,
        is_good=is_success(state, Channel(row.channel)),
        is_final=state in UNREACHED and row.retry_class == RetryClass.NEVER.value,
    )


def asks_for_replacement(point: ContactPoint, tries: list[Try]) -> bool:
    """Whether it is in use and does not work: known to be dead, or refused for good when it was tried last."""
    if point.retired_at is not None:
        return False
    settled = [one for one in tries if one.is_good or one.is_final]
    is_newer = bool(settled) and (point.verified_at is None or settled[0].at > point.verified_at)
    return point.health == Health.DEAD or (is_newer and settled[0].is_final)
