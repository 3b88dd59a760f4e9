"""A house that has been lived in, on the scale of a test: the samples, alerts in every state, tasks, replies, tables.

Everything is made by the product's own steps, and sent to the sandbox gateways.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client

from tests.browser.published import Letters
from tests.flow.callers import staff
from tests.flow.composing import approve, composed, submitted
from tests.flow.following import make_incident, make_task
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.invitations import invite
from urgentaction.accounts.models import AuditEntry, Role, Scope, User
from urgentaction.accounts.service import make_token
from urgentaction.alerts.models import Alert
from urgentaction.alerts.standing import grant_standing_approval
from urgentaction.cases.models import Case
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Channel
from urgentaction.cli.samples import load_samples
from urgentaction.core import clock
from urgentaction.deliveries.claim import Lane
from urgentaction.deliveries.models import Delivery, HumanTask, HumanTaskKind
from urgentaction.deliveries.rules import State
from urgentaction.directory.models import ContactPoint
from urgentaction.letters.library import shipped
from urgentaction.letters.source import Family
from urgentaction.letters.templates import draft_template
from urgentaction.letters.versions import TemplateName
from urgentaction.receipts.models import Receipt
from urgentaction.supporters.by_hand import suppress_by_hand
from urgentaction.supporters.handing_in import hand_in
from urgentaction.triggers.ruleset import shipped as shipped_rules

#: The sample with texts in all languages and most offices.
CASE = "UA-2015-0117"
BY = "cli:test"
TABLE = "name,email,phone,language,wants_email,wants_sms,consent_source,consented_at\n"


@dataclass(frozen=True, slots=True)
class House:
    """What a page is opened on. `browser` is that of an administrator, in this process."""

    browser: Client
    owner: User
    arguments: dict[str, Any]


def furnish(sandbox: SandboxProgram) -> House:
    """Everything, in the order in which it hangs together."""
    published = Letters.make()
    load_samples()
    owner_browser = staff(Role.ADMINISTRATOR, "ada")
    owner = User.objects.get(username="ada")
    for rule in ("imminent", "at-risk", "fate-unknown"):
        grant_standing_approval(rule, by=f"user:{owner.pk}", actor=f"user:{owner.pk}")
    appeal = _appeal(sandbox)
    drafts = _by_hand(published)
    return House(owner_browser, owner, {**_few_of(published, owner), **_found(appeal, drafts)})


def _appeal(sandbox: SandboxProgram) -> Alert:
    """A detention that is followed by an imminent return, with a fax that nobody answers and a mailbox that is shut."""
    fax = ContactPoint.objects.get(office__slug="kr-president", channel="fax")
    shut = ContactPoint.objects.get(office__slug="kr-unification-minister", channel="email")
    refused = {"smtp": "550 5.1.1 no such user"}
    sandbox.script(
        {"channel": "fax", "address": fax.dial_value, "steps": ["not_a_fax"], "then": "repeat"},
        {"channel": "email", "address": shut.dial_value, "steps": [refused], "then": "repeat"},
    )
    first = _report(Status.DETAINED, "Dongxing", days_ago=30)
    for alert in first:
        pipeline.let_go(alert.id, by=BY)
    alert = _report(Status.RETURN_IMMINENT, "Tumen", days_ago=1)[0]
    pipeline.advance_alert(alert.id)
    for lane in Lane:
        pipeline.send_due(lane, seconds=30)
    faxes = Delivery.objects.filter(alert=alert, channel="fax")
    faxes.filter(state=State.ACCEPTED).update(state=State.FAILED, settled_at=clock.now(), reason="no fax machine")
    pipeline.sweep_all()
    Delivery.objects.filter(
        id__in=list(Delivery.objects.filter(alert=alert, channel="sms").values_list("id", flat=True)[:2])
    ).update(state=State.UNKNOWN, due_at=clock.now() + timedelta(hours=1))
    alert.refresh_from_db()
    return alert


def _report(status: Status, place: str, *, days_ago: int) -> list[Alert]:
    now = clock.now()
    told = UpdateText(
        status=status, confidence=Confidence.CONFIRMED, as_of=(now - timedelta(days=days_ago)).date(),
        reported_at=now, place=place,
    )  # fmt: skip
    return list(pipeline.report_update(CASE, told, by=BY).alerts)


def _by_hand(published: Letters) -> dict[str, Alert]:
    """Alerts that are composed, wait, and are held."""
    editor, approver = staff(Role.EDITOR, "emil"), staff(Role.APPROVER, "bela")
    found = {
        "draft": composed(editor, published.world),
        "waiting": submitted(editor, published.world),
        "held": submitted(editor, published.world),
    }
    approve(approver, found["held"], hold="60")
    return found


def _few_of(published: Letters, owner: User) -> dict[str, Any]:
    """An incident, a reply, a table, a suppression, a token, an invitation, a template that is being written."""
    text = shipped(Family.LETTERS, "first_appeal", "en").text
    draft_template(
        TemplateName(Family.LETTERS, "first_appeal", "en"), text=f"{text}\nWe ask for a visit by doctors.\n",
        by=BY, note="doctors",
    )  # fmt: skip
    person = published.world.supporters[0]
    Receipt.objects.create(
        gateway="twilio", event_id="SM1:inbound", kind="inbound", address=person.phone,
        raw="From=%2B44&Body=please+leave+me+alone", received_at=clock.now(),
    )  # fmt: skip
    reply = make_task("reply:twilio:SM1:inbound", kind=HumanTaskKind.READ_REPLY)
    rows = "Clara,clara@a.invalid,,ko,yes,no,letter,2015-05-03\nBo,bo@@a,,en,yes,no,letter,2015-05-03\n"
    entry = suppress_by_hand(Channel.EMAIL, "gone@supporters.invalid", by=BY, why="asked by phone")
    make_token("bureau in Bangkok", scopes=(Scope.UPDATES_WRITE,), lifetime=timedelta(days=30), by=BY)
    invite("grace@office.invalid", role=Role.APPROVER.value, language="en", by=f"user:{owner.pk}")
    return {
        "incident_id": make_incident().id,
        "table_id": hand_in("friends.csv", (TABLE + rows).encode(), by=BY).id,
        "entry_id": entry.id,
        "reply.task_id": reply.id,
        "supporter_id": person.id,
        "user_id": owner.pk,
        "family": "letters",
        "kind": "first_appeal",
        "language": "en",
        "number": 1,
        "name": "smtp",
        "rule_id": shipped_rules().rules[0].id,
        "publish.reference": published.world.case.reference,
        "publish.alert_id": published.alert.id,
        "publications.reference": published.world.case.reference,
    }


def _found(appeal: Alert, drafts: dict[str, Alert]) -> dict[str, Any]:
    case = Case.objects.get(reference=CASE)
    fax = Delivery.objects.filter(alert=appeal, role="to").order_by("id")[0]
    point = ContactPoint.objects.get(office__slug="kr-president", channel="fax")
    return {
        "alert_id": appeal.id,
        "alert-choices.alert_id": drafts["held"].id,
        "alert-edit.alert_id": drafts["draft"].id,
        "alert-preview.alert_id": drafts["waiting"].id,
        "audit-entry.entry_id": AuditEntry.objects.order_by("-id")[0].id,
        "delivery_id": fax.id,
        "key": case.persons.order_by("key")[0].key,
        "letter_id": appeal.letters.order_by("id")[0].id,
        "office_id": point.office.id,
        "official_id": point.office.officials.all()[0].id,
        "point_id": point.id,
        "reference": CASE,
        "task_id": HumanTask.objects.filter(alert=appeal).order_by("created_at")[0].id,
        "held": drafts["held"].id,
        "waiting": drafts["waiting"].id,
        "draft": drafts["draft"].id,
    }
