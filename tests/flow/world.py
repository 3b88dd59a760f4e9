"""A small world to act on: one case, a president with fax and email, one CC, a few supporters."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date

from urgentaction import pipeline
from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.cases.models import Case, CaseAddressee, CaseCountry, CaseText
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.deliveries.claim import Lane
from urgentaction.deliveries.models import Delivery
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.supporters.models import Supporter

_numbers = itertools.count(200)
_LONDON_ENDS = 1000  # the range set aside there holds no more numbers; one area code after the other goes on

TEXT = """
## who
The two are **refugees**.

## request
We ask you to *intercede*.

## latest
They are held at the border.

## law
Nobody may be returned to torture.

## demands
- Do not return them.
- Say where they are.

## acknowledgement
We thank you for what you did.

## whereabouts
We do not know where they are.

## outcome
They are safe.
"""


@dataclass
class World:
    """Rows to start from, and the steps of the pipeline by short names."""

    case: Case
    president: Official
    minister: Official
    supporters: list[Supporter]

    @classmethod
    def make(cls, *, supporters: int = 3, number: int = 1) -> World:
        """The `number`th world has a case, offices and addresses of its own, beside those of the others."""
        now = clock.now()
        end, of = ("", "") if number == 1 else (str(number), f".{number}")
        case = Case.objects.create(
            reference=f"UA-2026-{number:04}",
            titles={"en": "Two refugees"},
            subjects={"en": "Two refugees at risk of forced return"},
            group_size=2,
            created_at=now,
        )
        CaseText.objects.create(case=case, language="en", markdown=TEXT)
        CaseCountry.objects.create(case=case, country="CN", role="custodian")
        CaseCountry.objects.create(case=case, country="KP", role="origin")
        CaseCountry.objects.create(case=case, country="KR", role="intercessor")
        fax = f"+1202555{100 + number:04}"
        president = _official(case, f"president{end}", "to", 1, fax=fax, email=f"president{end}@office.invalid")
        minister = _official(case, f"minister{end}", "cc", 2, email=f"minister{end}@office.invalid")
        people = [
            Supporter.objects.create(
                name=f"Friend {n}",
                email=f"friend{n}{of}@supporters.invalid",
                phone=_phone(),
                language="en",
                wants_email=True,
                wants_sms=n == 0,
                consented_at=now,
                consent_source="form",
                created_at=now,
            )
            for n in range(supporters)
        ]
        for rule in ("imminent", "at-risk", "fate-unknown"):
            StandingApproval.objects.get_or_create(rule=rule, defaults={"by": "user:duty", "granted_at": now})
        return cls(case, president, minister, people)

    def more_supporters(self, count: int) -> list[Supporter]:
        """So many more who want mail."""
        now = clock.now()
        made = Supporter.objects.bulk_create(
            [
                Supporter(
                    name=f"Other {n}",
                    email=f"other{n}@supporters.invalid",
                    language="en",
                    wants_email=True,
                    consented_at=now,
                    consent_source="form",
                    created_at=now,
                )
                for n in range(count)
            ],
            batch_size=1000,
        )
        self.supporters.extend(made)
        return made

    def update(
        self, status: Status, *, confidence: Confidence = Confidence.CONFIRMED, day: date = date(2026, 11, 20)
    ) -> pipeline.Reported:
        """Report an update; nothing is sent yet."""
        told = UpdateText(status=status, confidence=confidence, as_of=day, reported_at=clock.now(), place="Tumen")
        return pipeline.report_update(self.case.reference, told, by="cli:test")

    def start(self, status: Status = Status.RETURN_IMMINENT) -> Alert:
        """Report an update and take its alert to where deliveries stand in the queue."""
        alert = self.update(status).alerts[0]
        pipeline.advance_alert(alert.id)
        alert.refresh_from_db()
        return alert

    def send(self) -> int:
        """Send what is due in both lanes."""
        return sum(pipeline.send_due(lane, seconds=20) for lane in Lane)

    def states(self, alert: Alert) -> dict[str, list[str]]:
        """States by role and channel."""
        found: dict[str, list[str]] = {}
        for row in Delivery.objects.filter(alert=alert).order_by("id"):
            found.setdefault(f"{row.role} {row.channel}", []).append(row.state)
        return found


def _phone() -> str:
    """A new reserved number each time: the sandbox remembers its messages."""
    number = next(_numbers)
    if number < _LONDON_ENDS:
        return f"+442079460{number:03}"
    area, line = divmod(number - _LONDON_ENDS, 100)
    return f"+1{301 + area}55501{line:02}"


def _official(case: Case, slug: str, role: str, position: int, *, email: str, fax: str = "") -> Official:
    office = Office.objects.create(
        slug=slug, country="KR", names={"en": f"Office of the {slug}"}, time_zone="Asia/Seoul", preferred_language="en"
    )
    official = Official.objects.create(
        slug=f"{slug}-holder",
        office=office,
        names={"en": f"The {slug}"},
        salutations={"en": f"Dear {slug}"},
    )
    CaseAddressee.objects.create(case=case, office=office, role=role, position=position)
    ContactPoint.objects.create(office=office, channel="email", printed_value=f"{slug}@go.kr", dial_value=email)
    if fax:
        ContactPoint.objects.create(office=office, channel="fax", printed_value="+82 2-770-4721", dial_value=fax)
    return official
