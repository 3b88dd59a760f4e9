"""Everything on record about one case, for the people who work on it. Reads only.

Persons appear as officials may see them, and a letter that names somebody who has since taken that consent back is left
out and counted as withheld; a confidential dossier holds everything. Setting it on paper is `dossier_pdf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch

from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.cases.models import Case, Person
from urgentaction.cases.queries import person_as_shown
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask
from urgentaction.deliveries.queries import OFFICIALS
from urgentaction.deliveries.tallying import counts_of
from urgentaction.letters.consent import ConsentError, Guard, guard_of
from urgentaction.letters.content import Audience
from urgentaction.letters.models import Letter
from urgentaction.letters.organisation import organisation
from urgentaction.letters.verifying import is_intact
from urgentaction.receipts.models import Receipt

from .dossier_views import (
    AlertEntry,
    ApprovalEntry,
    AttemptEntry,
    DeliveryEntry,
    Dossier,
    Enclosure,
    EventEntry,
    LetterEntry,
    PersonEntry,
    ReceiptEntry,
    SupportersEntry,
    TaskEntry,
    TextEntry,
    UpdateEntry,
)
from .timeline import timeline

_LANGUAGE = "en"


def dossier(case: Case, *, made_at: datetime, by: str, is_confidential: bool) -> tuple[Dossier, tuple[Enclosure, ...]]:
    """The dossier of a case, and the files that go into it. The same data and moment give the same values.

    Args:
        made_at: the moment to print (aware).
        by: who makes it, as the audit log names people.
        is_confidential: show confidential names, and letters that may not be shown any more.

    Raises:
        ConsentError: something besides the letters (a comment, a task) names somebody; says where.
    """
    guard = guard_of(case)
    letters = _Letters(guard, is_confidential=is_confidential)
    alerts = tuple(_alert(alert, letters) for alert in case.alerts.order_by("created_at", "number"))
    made = Dossier(
        reference=case.reference,
        title=case.titles.get(_LANGUAGE, ""),
        status=case.status,
        confidence=case.confidence,
        as_of=case.status_as_of,
        place=case.place,
        group_size=case.group_size,
        countries=tuple(f"{entry.country} ({entry.role})" for entry in case.countries.order_by("role", "country")),
        organisation=organisation().view(_LANGUAGE).name,
        mode=str(settings.MODE),
        made_at=made_at.astimezone(UTC),
        made_by=by,
        is_confidential=is_confidential,
        persons=tuple(_person(person, is_confidential=is_confidential) for person in case.persons.order_by("key")),
        updates=tuple(_updates(case)),
        events=tuple(EventEntry(at=one.at, alert=one.alert, text=one.text) for one in timeline(case)),
        alerts=alerts,
        tasks=tuple(_tasks(case)),
        texts=tuple(letters.texts()),
        withheld=tuple(letters.withheld),
    )
    if not is_confidential:
        found = {f"dossier’s {name}": "\n".join(_strings(value)) for name, value in asdict(made).items()}
        guard.check(found, Audience.GOVERNMENT)
    return made, tuple(letters.enclosures)


def _strings(value: object) -> Iterator[str]:
    """Every text in a value made of values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _person(person: Person, *, is_confidential: bool) -> PersonEntry:
    shown = person_as_shown(person, person.shown_to_government, _LANGUAGE, is_government=True)
    spellings = [person.confidential_name, *person.confidential_spellings.split("\n")]
    return PersonEntry(
        key=person.key,
        shown=shown.name,
        is_minor=person.is_minor,
        status=person.status,
        consents=(person.shown_to_government, person.shown_to_public, person.shown_to_supporters),
        confidential=tuple(name for name in spellings if name) if is_confidential else (),
    )


def _updates(case: Case) -> Iterable[UpdateEntry]:
    rows = case.updates.select_related("source").prefetch_related("persons").order_by("recorded_at", "id")
    for row in rows:
        yield UpdateEntry(
            as_of=row.as_of,
            status=row.status,
            confidence=row.confidence,
            place=row.place,
            persons=tuple(sorted(person.key for person in row.persons.all())),
            reported_at=row.reported_at,
            recorded_at=row.recorded_at,
            recorded_by=row.recorded_by,
            source=row.source.label if row.source else "",
        )


def _tasks(case: Case) -> Iterable[TaskEntry]:
    rows = HumanTask.objects.filter(alert__case=case).select_related("alert").order_by("created_at", "id")
    for row in rows:
        yield TaskEntry(
            alert=row.alert.number if row.alert else "",
            title=row.title,
            created_at=row.created_at,
            done_at=row.done_at,
            done_by=row.done_by,
            result=row.result,
        )


def _alert(alert: Alert, letters: _Letters) -> AlertEntry:
    counts = counts_of([alert])[alert.id].rows
    return AlertEntry(
        number=alert.number,
        kind=alert.kind,
        level=alert.level,
        state=alert.state,
        stop_reason=alert.stop_reason,
        rule=alert.rule,
        drafted_by=alert.drafted_by,
        created_at=alert.created_at,
        started_at=alert.started_at,
        ended_at=alert.stopped_at or alert.finished_at,
        deadline_at=alert.deadline_at,
        approvals=tuple(_approvals(alert)),
        letters=tuple(letters.of(alert)),
        deliveries=tuple(_deliveries(alert)),
        supporters=tuple(
            SupportersEntry(channel=channel, state=state, messages=messages)
            for role, channel, state, messages in sorted(counts)
            if role not in OFFICIALS
        ),
    )


def _approvals(alert: Alert) -> Iterable[ApprovalEntry]:
    for row in alert.approvals.order_by("at", "id"):
        yield ApprovalEntry(
            by=row.by,
            answer="yes" if row.is_yes else "no",
            at=row.at,
            comment=row.comment,
            revoked_at=row.revoked_at,
        )
    if alert.approvals_needed or alert.started_at is None:
        return
    for standing in StandingApproval.objects.filter(rule=alert.rule, granted_at__lte=alert.created_at).order_by("id"):
        is_over = standing.expires_at is not None and standing.expires_at <= alert.created_at
        was_revoked = standing.revoked_at is not None and standing.revoked_at <= alert.created_at
        if not is_over and not was_revoked:
            yield ApprovalEntry(
                by=standing.by,
                answer=f"standing yes to rule “{standing.rule}”",
                at=standing.granted_at,
                revoked_at=standing.revoked_at,
            )


def _deliveries(alert: Alert) -> Iterable[DeliveryEntry]:
    rows = (
        Delivery.objects.filter(alert=alert, official__isnull=False)
        .select_related("official__office", "contact_point")
        .prefetch_related(
            Prefetch("tries", Attempt.objects.order_by("number")),
            Prefetch("receipts", Receipt.objects.defer("raw", "address").order_by("received_at", "id")),
        )
        .order_by("-role", "official__slug", "step", "id")
    )
    for row in rows:
        official, point = row.official, row.contact_point
        if official is None:
            raise AssertionError(f"delivery {row.id} of an official has none")
        zone = ZoneInfo(official.office.time_zone)
        yield DeliveryEntry(
            id=row.id,
            to=str(official),
            office=str(official.office),
            role=row.role,
            channel=row.channel,
            address=point.printed_value if point else "",
            step=row.step,
            state=row.state,
            reason=row.reason,
            accepted_at=row.accepted_at,
            settled_at=row.settled_at,
            attempts=tuple(_attempt(attempt, zone) for attempt in row.tries.all()),
            receipts=tuple(_receipt(receipt) for receipt in row.receipts.all()),
        )


def _attempt(attempt: Attempt, zone: ZoneInfo) -> AttemptEntry:
    return AttemptEntry(
        number=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        local=f"{attempt.started_at.astimezone(zone):%d %b %H:%M %Z}",
        gateway=attempt.gateway,
        outcome=attempt.outcome,
        code=attempt.code,
        text=attempt.text,
        gateway_ref=attempt.gateway_ref,
    )


def _receipt(receipt: Receipt) -> ReceiptEntry:
    return ReceiptEntry(
        received_at=receipt.received_at,
        occurred_at=receipt.occurred_at,
        gateway=receipt.gateway,
        kind=receipt.kind,
        code=receipt.code,
        text=receipt.text,
        effect=receipt.effect,
    )


@dataclass(slots=True)
class _Letters:
    """Collects the letters of all alerts: each text once, each file under a name of its own."""

    guard: Guard
    is_confidential: bool
    enclosures: list[Enclosure] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    _texts: dict[str, tuple[Letter, list[str]]] = field(default_factory=dict)

    def of(self, alert: Alert) -> Iterable[LetterEntry]:
        """The letters of one alert, the main addressee's first."""
        rows = alert.letters.select_related("official__office", "supersedes__alert")
        for letter in rows.order_by("-role", "official__slug", "language"):
            yield self._entry(alert, letter)

    def texts(self) -> Iterable[TextEntry]:
        """Every text that is printed, in the order in which it was met."""
        for number, (digest, (letter, sent_as)) in enumerate(self._texts.items(), start=1):
            yield TextEntry(
                number=number,
                sha256=digest,
                subject=letter.subject,
                language=letter.language,
                text=letter.text,
                sent_as=tuple(sent_as),
            )

    def _entry(self, alert: Alert, letter: Letter) -> LetterEntry:
        is_shown = self._may_show(letter)
        label = f"{alert.number} to {letter.official}, {letter.language}"
        number, files = 0, []
        if is_shown:
            self._texts.setdefault(letter.text_sha256, (letter, []))[1].append(label)
            number = list(self._texts).index(letter.text_sha256) + 1
            files = [one.name for one in self._enclose(alert, letter, label)]
        else:
            self.withheld.append(label)
        return LetterEntry(
            to=str(letter.official),
            office=str(letter.official.office),
            role=letter.role,
            language=letter.language,
            kind=letter.kind,
            subject=letter.subject if is_shown else "withheld",
            frozen_at=letter.frozen_at,
            sha256=letter.sha256,
            text_sha256=letter.text_sha256,
            fax_sha256=letter.fax_sha256,
            supersedes=letter.supersedes.alert.number if letter.supersedes else "",
            superseded_by=tuple(
                letter.superseded_by.order_by("frozen_at", "id").values_list("alert__number", flat=True)
            ),
            text_number=number,
            files=tuple(files),
            is_intact=is_intact(letter),
        )

    def _may_show(self, letter: Letter) -> bool:
        if self.is_confidential:
            return True
        try:
            self.guard.check_letter(letter)
        except ConsentError:
            return False
        return True

    def _enclose(self, alert: Alert, letter: Letter, label: str) -> list[Enclosure]:
        stem = f"{alert.number.replace('/', '-')}-{letter.official.slug}-{letter.language}"
        found = [Enclosure(name=f"{stem}.pdf", words=f"letter {label}", content=bytes(letter.pdf))]
        if letter.fax_pdf:
            found.append(Enclosure(name=f"{stem}-fax.pdf", words=f"fax pages {label}", content=bytes(letter.fax_pdf)))
        self.enclosures += found
        return found
