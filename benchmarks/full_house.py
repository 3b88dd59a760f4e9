"""A console with years of work behind it: cases, alerts, deliveries, tasks. Imported only once Django is set up.

Made by the product's own steps where there are few of a thing, by SQL where there are a million.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks import population
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.models import Case, Person
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, HumanTask, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.incidents.models import Incident
from urgentaction.letters.library import shipped
from urgentaction.letters.models import Letter
from urgentaction.letters.service import freeze_notices
from urgentaction.letters.source import Family
from urgentaction.letters.templates import approve_template, draft_template, submit_template
from urgentaction.letters.versions import TemplateName
from urgentaction.supporters.by_hand import suppress_by_hand
from urgentaction.supporters.handing_in import hand_in
from urgentaction.supporters.models import HandedInTable, Supporter, Suppression
from urgentaction.triggers.ruleset import shipped as shipped_rules

#: One case in so many has an official with a fax, and an update of its own.
ADDRESSED = 5
#: One in so many has an appeal under way.
WRITTEN = 50
STATUSES = (Status.DETAINED, Status.MISSING, Status.CHARGED, Status.THREATENED)

_DELIVERIES = """
INSERT INTO deliveries_delivery (alert_id, role, supporter_id, notice_id, channel, step, priority, state, reason,
    created_at, due_at, attempts, refusals, questions, repeats, retry_class, gateway, gateway_ref, intent_at,
    accepted_at, settled_at)
SELECT %(alert)s, 'supporter', s.id, %(notice)s, 'email', 1, 3, told.state, '', told.at, told.at, 1, 0, 0, 0, '',
    'smtp', '', told.at, told.at,
    CASE WHEN told.state IN ('delivered', 'failed') THEN told.at + interval '5 minutes' END
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM supporters_supporter ORDER BY id LIMIT %(count)s) s
CROSS JOIN LATERAL (SELECT
    CASE WHEN s.place %% 1000 = 0 THEN 'unknown' WHEN s.place %% 50 = 0 THEN 'failed' WHEN s.place %% 3 = 0
        THEN 'delivered' ELSE 'accepted' END AS state,
    ua_now() - %(days)s * interval '1 day' + s.place * interval '1 millisecond' AS at) told
"""
_ATTEMPTS = """
INSERT INTO deliveries_attempt (delivery_id, number, gateway, channel, started_at, ended_at, outcome, retry_class,
    code, text, gateway_ref, is_fault)
SELECT id, 1, gateway, channel, intent_at, accepted_at, CASE state WHEN 'failed' THEN 'refused' WHEN 'unknown' THEN
    'unknown' ELSE 'accepted' END, '', '', '', '', false FROM deliveries_delivery
WHERE role = 'supporter' AND intent_at IS NOT NULL
"""
_RECEIPTS = """
INSERT INTO receipts_receipt (id, gateway, event_id, kind, ref, reference, retry_class, code, text, address, raw,
    received_at, effect, failures, delivery_id, applied_at)
SELECT gen_random_uuid(), 'smtp', 'house:' || id, 'delivered', '', '', '', '', '', '', '', settled_at, 'delivered', 0,
    id, settled_at FROM deliveries_delivery WHERE role = 'supporter' AND state = 'delivered'
"""
_AUDIT = """
INSERT INTO accounts_auditentry (at, actor, action, subject, detail, previous_hash, hash)
SELECT ua_now() - n * interval '1 minute', 'user:x', 'alert.approve', 'alert:x', '{}', ''::bytea,
    sha256(n::text::bytea) FROM generate_series(1, 50000) n
"""


def fill(chosen: argparse.Namespace) -> Iterator[int]:
    """Everything, in the order in which it hangs together. Yields how many deliveries stand."""
    for _ in population.grow_supporters(chosen.supporters):
        yield 0
    cases = []
    for number in range(chosen.cases):
        cases.append(population.add_case(fax=f"+44207946{number % 1000:04}" if number % ADDRESSED == 0 else ""))
        if number % ADDRESSED == 0:
            update(cases[-1], STATUSES[number // ADDRESSED % len(STATUSES)])
        if number % WRITTEN == 0:
            write_letter(cases[-1])
        if number % 100 == 0:
            yield 0
    one_of_each(cases[1])
    yield from _mail(cases, chosen.deliveries, per_alert=chosen.supporters)
    with connection.cursor() as cursor:
        for statement in (_ATTEMPTS, _RECEIPTS, _AUDIT, "ANALYZE"):
            cursor.execute(statement)
    yield chosen.deliveries


def update(case: Case, status: Status) -> None:
    """Something happened, as the product records it: a draft waits for a decision."""
    now = clock.now()
    told = UpdateText(
        status=status, confidence=Confidence.CREDIBLE, as_of=now.date(), reported_at=now, place="the border"
    )
    pipeline.report_update(case.reference, told, by=population.AUTHOR)


def write_letter(case: Case) -> None:
    """An appeal to the case's official that runs, its letter frozen, its fax waiting."""
    alert = population.draft_fax(case)
    pipeline.approve(alert.id, by=population.APPROVER)
    pipeline.advance_alert(alert.id)


def _mail(cases: list[Case], total: int, *, per_alert: int) -> Iterator[int]:
    made, day = 0, 0
    while made < total:
        alert = population.draft_mailing(cases[1 + day])
        pipeline.approve(alert.id, by=population.APPROVER)
        freeze_notices(alert, AlertPlan.from_json(alert.plan))
        Alert.objects.filter(id=alert.id).update(
            state="finished" if day else "running",
            started_at=clock.now() - timedelta(days=day),
            frozen_at=clock.now() - timedelta(days=day),
            expanded_at=clock.now() - timedelta(days=day),
            finished_at=clock.now() - timedelta(days=day) if day else None,
        )
        count = min(per_alert, total - made)
        with connection.cursor() as cursor:
            cursor.execute(
                _DELIVERIES, {"alert": alert.id, "notice": alert.notices.all()[0].id, "count": count, "days": day}
            )
        made, day = made + count, day + 1
        yield made


def administrator() -> Client:
    """A browser of somebody who may open everything, second factor included."""
    user = User.objects.create_user("house", "house@staff.invalid", role=Role.ADMINISTRATOR.value)
    TOTP.activate(user, generate_totp_secret())
    client = Client(headers={"host": urlsplit(settings.PUBLIC_URL).netloc})
    client.force_login(user)
    return client


def one_of_each(case: Case) -> None:
    """What the house has few of: a person, an incident, a template being written, a suppression."""
    now = clock.now()
    Person.objects.create(case=case, key="person-1", confidential_name="Nobody at all", public_name="N.")
    Incident.objects.create(
        key="worker:bulk",
        part="worker",
        code="silent",
        severity="urgent",
        what="The bulk worker is silent.",
        advice="Start it.",
        first_seen_at=now,
        opened_at=now,
        last_seen_at=now,
    )
    name = TemplateName(Family.NOTICES, "update", "en")
    text = shipped(Family.NOTICES, "update", "en").text.replace("news", "tidings", 1)
    version = draft_template(name, text=f"{text}\n", by=population.AUTHOR, note="another word")
    submit_template(version.id, by=population.AUTHOR)
    approve_template(version.id, by=population.APPROVER, comment="better")
    open_task(HumanTaskKind.READ_REPLY, key="reply", title="Read it", advice="Read it.")
    hand_in("people.csv", b"email,language\nnobody@domain1.invalid,en\n", by=population.AUTHOR)
    suppress_by_hand(Channel.EMAIL, population.email_of(1), by=population.AUTHOR, why="asked by phone")


def arguments() -> dict[str, Any]:
    """What stands for a variable of a route: the busiest of its kind. `route.variable` is for that route alone."""
    mailing = Alert.objects.filter(state="running", targets=None).order_by("created_at").first()
    person, appeal = Person.objects.first(), Alert.objects.exclude(letters=None).first()
    if mailing is None or person is None or appeal is None:
        raise AssertionError("the house is empty")
    return {
        "alert_id": mailing.id,
        "alert-edit.alert_id": Alert.objects.filter(state="awaiting_approval").values_list("id", flat=True)[0],
        "alert-letter.alert_id": appeal.id,
        "alert-pdf.alert_id": appeal.id,
        "publish.alert_id": appeal.id,
        "publish.reference": appeal.case.reference,
        "delivery_id": Delivery.objects.filter(state="failed").order_by("id")[0].id,
        "entry_id": Suppression.objects.all()[0].id,
        "audit-entry.entry_id": AuditEntry.objects.order_by("-id")[0].id,
        "family": "notices",
        "incident_id": Incident.objects.all()[0].id,
        "key": person.key,
        "kind": "update",
        "language": "en",
        "letter_id": Letter.objects.all()[0].id,
        "name": "smtp",
        "number": 1,
        "office_id": Office.objects.all()[0].id,
        "official_id": Official.objects.all()[0].id,
        "point_id": ContactPoint.objects.all()[0].id,
        "reference": person.case.reference,
        "reply.task_id": HumanTask.objects.filter(kind=HumanTaskKind.READ_REPLY)[0].id,
        "rule_id": shipped_rules().rules[0].id,
        "supporter_id": Supporter.objects.all()[0].id,
        "table_id": HandedInTable.objects.all()[0].id,
        "task_id": HumanTask.objects.all()[0].id,
        "user_id": User.objects.all()[0].pk,
    }
