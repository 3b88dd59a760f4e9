"""Who is written to: supporters in any number, cases with officials. Imported only once Django is set up.

Addresses lie under `.invalid` (RFC 2606), numbers in the range that Ofcom keeps for drama.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from django.db import connection

from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import Audience, compose_plan
from urgentaction.cases.models import Case, CaseAddressee, CaseCountry, CaseText
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.encryption import blind_index, key_ring
from urgentaction.core.ids import uuid7
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.pipeline import send_manual_alert
from urgentaction.supporters.models import Supporter

AUTHOR, APPROVER = "cli:author", "cli:approver"
DOMAINS = 500
#: So that encodings and escaping have something to do, as in life.
NAMES = (
    "Ada Lovelace",
    "김영희",
    "Zoë O’Brien",
    "José <Pepe> Núñez",
    "Ngũgĩ & Sons",
    "Łukasz Żak",
    "محمد",
    "R. M. Rao",
)
_case_numbers = itertools.count(1)

TEXT = """
## who
The two are **refugees** from the same village. They had crossed the river on foot in the first week of the month and
had hidden with a family of farmers, who were questioned as well. The younger of the two is said to need medicine every
day; nobody could tell us whether it is given.

## request
We ask you to *intercede* with those who hold them, at once and in public.

## latest
They are held at the border, in a building that was a customs post until last year. Two people who were released from it
say that everybody in it is taken over the bridge within a few days of the arrest, and that no list is kept. We have no
means of reaching them there, and neither has their family.

## law
Nobody may be returned to torture.

## demands
- Do not return them.
- Say where they are.
- Let somebody independent see them.

## supporter_ask
Please write to the office named on our page, in your own words and as politely as you can. Say that you know where they
are held; say that nobody may be returned to a place where torture awaits them; and ask that the office of the High
Commissioner may see them. Three sentences are enough. What counts is that many write, today and tomorrow, and that no
two letters are the same.

## acknowledgement
We thank you for what you did.

## whereabouts
We do not know where they are.

## outcome
They are safe.
"""


def email_of(number: int) -> str:
    """Of the n-th supporter, from 0."""
    return f"supporter{number}@domain{number % DOMAINS}.invalid"


def grow_supporters(total: int) -> Iterator[int]:
    """Add supporters who want mail until there are so many, by one COPY. Yields how many stand, now and then."""
    there = Supporter.objects.count()
    if there >= total:
        return
    fields = [field for field in Supporter._meta.concrete_fields if field.column is not None]
    same = _same_for_all()
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {Supporter._meta.db_table} ({columns}) FROM STDIN") as copy:
            for number in range(there, total):
                own = _own(number)
                copy.write_row([own[field.name] if field.name in own else same[field.name] for field in fields])
                if number % 5000 == 0:
                    yield number
        cursor.execute(f"ANALYZE {Supporter._meta.db_table}")  # as autovacuum would, a minute later
    yield total
    last = Supporter.objects.get(email_index=blind_index("email", email_of(total - 1)))
    if last.email != email_of(total - 1):
        raise AssertionError("what was copied in does not read as it should")


def _same_for_all() -> dict[str, Any]:
    now = clock.now()
    example = Supporter(
        language="en", wants_email=True, consented_at=now, consent_source="form", created_at=now, time_zone="UTC"
    )
    plain = {field.name: getattr(example, field.attname) for field in Supporter._meta.concrete_fields}
    return {**plain, "phone": b"", "phone_index": None}


def _own(number: int) -> dict[str, Any]:
    table, row, ring = Supporter._meta.db_table, uuid7(), key_ring()
    email = email_of(number)
    return {
        "id": row,
        "name": ring.encrypt(NAMES[number % len(NAMES)], context=f"{table}/name/{row}"),
        "email": ring.encrypt(email, context=f"{table}/email/{row}"),
        "email_index": blind_index("email", email),
    }


def add_case(*, fax: str = "") -> Case:
    """One case; with `fax`, its only addressee is an official who has nothing but that."""
    number = next(_case_numbers)
    case = Case.objects.create(
        reference=f"UA-2026-{number:04}",
        titles={"en": "Two refugees"},
        subjects={"en": "Two refugees at risk of forced return"},
        group_size=2,
        created_at=clock.now(),
    )
    CaseText.objects.create(case=case, language="en", markdown=TEXT)
    for country, role in (("CN", "custodian"), ("KP", "origin"), ("KR", "intercessor")):
        CaseCountry.objects.create(case=case, country=country, role=role)
    if fax:
        office = Office.objects.create(
            slug=f"minister-{number}", country="GB", names={"en": f"Minister {number}"}, time_zone="Europe/London"
        )
        Official.objects.create(
            slug=f"holder-{number}",
            office=office,
            names={"en": f"Holder {number}"},
            salutations={"en": "Dear Minister"},
        )
        CaseAddressee.objects.create(case=case, office=office, role="to", position=1)
        ContactPoint.objects.create(office=office, channel="fax", printed_value=fax, dial_value=fax)
    return case


def draft_mailing(case: Case, *, level: int = 3) -> Alert:
    """An alert to all supporters by mail that waits for APPROVER."""
    plan = compose_plan(Audience.SUPPORTERS, channels=[Channel.EMAIL], level=level)
    return send_manual_alert(case.reference, plan, level=level, deadline=None, by=AUTHOR)


def draft_fax(case: Case) -> Alert:
    """An alert of level 1 to the case's officials by fax that waits for APPROVER."""
    plan = compose_plan(Audience.OFFICIALS, channels=[Channel.FAX], level=1)
    return send_manual_alert(case.reference, plan, level=1, deadline=None, by=AUTHOR)
