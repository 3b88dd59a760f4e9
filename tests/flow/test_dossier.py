"""The dossier of a case: everything on record on paper, nobody who should not be in it, the letters attached."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from django.conf import settings

from tests.flow.consenting import pdf_metadata, pdf_text, squeezed
from tests.flow.test_cli import Terminal, terminal
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry
from urgentaction.alerts.models import Alert, Approval
from urgentaction.cases.models import Case, CaseText, Person
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.deliveries.models import Attempt, Delivery
from urgentaction.letters.consent import ConsentError
from urgentaction.letters.models import Letter
from urgentaction.letters.verifying import Form, verify
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.dossier import dossier
from urgentaction.tracking.dossier_pdf import typeset_dossier

__all__ = ["terminal"]

MADE_AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def made(world: World, *, is_confidential: bool = False) -> bytes:
    values, enclosures = dossier(
        Case.objects.get(id=world.case.id), made_at=MADE_AT, by="cli:test", is_confidential=is_confidential
    )
    return typeset_dossier(values, enclosures, typst_root=settings.SHIPPED_TEMPLATES / "typst")


def words(pdf: bytes) -> str:
    return " ".join(pdf_text(pdf).replace("\u200b", "").replace("\ufffe", "").split())


def attached(pdf: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return {name: spec.get_file().read_bytes() for name, spec in document.attachments.items()}


@pytest.fixture
def told(world: World, sandbox: SandboxProgram) -> World:
    """A case with two alerts: mail to the minister was refused, the second overtook the first."""
    sandbox.script(
        {
            "channel": "email",
            "address": "minister@office.invalid",
            "steps": [{"smtp": "550 5.1.1 no such user"}],
            "then": "repeat",
        }
    )
    first = world.start()
    world.send()
    pipeline.sweep_all()
    Approval.objects.create(alert=first, by="user:ada", is_yes=True, at=clock.now(), comment="Read twice.")
    fax = Delivery.objects.get(alert=first, channel="fax")
    Receipt.objects.create(
        gateway="telnyx",
        event_id="ev-1",
        kind="delivered",
        code="fax.delivered",
        text="2 pages",
        received_at=clock.now(),
        occurred_at=clock.now(),
        delivery=fax,
        effect="accepted → delivered",
    )
    second = world.update(Status.FATE_UNKNOWN).alerts[0]
    pipeline.advance_alert(first.id)
    pipeline.advance_alert(second.id)
    return world


def test_it_tells_the_whole_story(told: World) -> None:
    text = words(made(told))
    first, second = Alert.objects.order_by("number")
    for shown in (
        "Dossier UA-2026-0001",
        "For internal use only",
        "made 2026-11-27 12:00:00 UTC",
        "sandbox: nobody real was contacted",
        "return imminent confirmed Tumen",
        "standing yes to rule “imminent”",
        "yes: Read twice.",
        f"Alert {first.number}",
        "overtaken: fate and whereabouts unknown as of 2026-11-20",
        "Fax to The president (addressee)",
        "+82 2-770-4721",
        "Email to The minister (copy), failed",
        "5.1.1",
        "delivered fax.delivered 2 pages accepted → delivered",
        f"Superseded by {second.number}",
        f"Supersedes {first.number}",
        "email accepted 3",
        "Reach The minister",
        "Do not return them.",
        "unchanged since it was frozen",
    ):
        assert shown in text, shown
    for attempt in Attempt.objects.filter(delivery__official__isnull=False):
        assert f"{attempt.started_at:%Y-%m-%d %H:%M:%S} UTC" in text
    for letter in Letter.objects.all():
        assert letter.sha256 in text
        assert letter.text_sha256 in text


def test_no_supporter_is_in_it(told: World) -> None:
    pdf = made(told, is_confidential=True)
    for supporter in told.supporters:
        for value in (supporter.name, supporter.email, supporter.phone, supporter.id.hex[-8:]):
            assert value not in words(pdf)
            assert value.encode() not in pdf


def test_the_letters_are_attached_as_they_were_frozen(told: World) -> None:
    files = attached(made(told))
    letters = list(Letter.objects.all())
    assert len(files) == len(letters) + sum(1 for letter in letters if letter.fax_pdf)
    assert {verify(content).form for content in files.values()} == {Form.PDF, Form.FAX}
    assert "UA-2026-0001-1-president-holder-en.pdf" in files


def test_pages_are_numbered_and_the_contents_lead_to_them(told: World) -> None:
    pdf = made(told)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        count = len(document.pages)
        metadata = document.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")
        assert metadata["pdfuaid:part"] == "1"
        assert str(document.Root.Lang).startswith("en")
        titles = [item.title for item in document.open_outline().root]
    assert titles[0] == "The case"
    assert titles[-2:] == ["Texts of the letters", "Attached files"]
    text = words(pdf)
    assert all(f"page {number} of {count}" in text for number in range(1, count + 1))
    assert "Contents The case" in text


def test_the_same_data_give_the_same_file(told: World) -> None:
    assert made(told) == made(told)


def test_a_long_case_is_set(told: World) -> None:
    row = Delivery.objects.get(alert__number="UA-2026-0001/1", channel="fax")
    begin = clock.now()
    Attempt.objects.filter(delivery=row).delete()
    Attempt.objects.bulk_create(
        Attempt(
            delivery=row,
            number=number,
            gateway="telnyx",
            channel="fax",
            started_at=begin + timedelta(minutes=number),
            ended_at=begin + timedelta(minutes=number, seconds=40),
            outcome="refused",
            retry_class="soon",
            code="user_busy",
            text="The line was engaged; " * 3,
            gateway_ref=f"{number:036d}",
        )
        for number in range(1, 601)
    )
    text = words(made(told))
    assert text.count("user_busy") == 600
    assert text.count("No Begun, ended At the office") > 10, "the heading is repeated on each page"


# Consent.


def name_somebody(world: World, **values: str) -> Person:
    text = CaseText.objects.get(case=world.case)
    text.markdown = text.markdown.replace("They are held", "[[person-1]] is held")
    text.save()
    return Person.objects.create(
        case=world.case,
        key="person-1",
        confidential_name="Qazul Tibvex",
        confidential_spellings="홍쾅뷁",
        descriptions={"en": "a traveller"},
        **values,
    )


def test_persons_are_as_officials_may_see_them(world: World) -> None:
    name_somebody(world)
    world.start()
    plain, full = made(world), made(world, is_confidential=True)
    assert "a traveller" in words(plain)
    for text in (words(plain), pdf_metadata(plain)):
        assert squeezed("Qazul Tibvex") not in squeezed(text)
        assert squeezed("홍쾅뷁") not in squeezed(text)
    assert "Qazul Tibvex 홍쾅뷁" in words(full)
    assert "CONFIDENTIAL" in words(full)


def test_a_letter_that_may_not_be_shown_any_more_is_withheld(world: World) -> None:
    person = name_somebody(world, shown_to_government="name")
    alert = world.start()
    assert "Qazul Tibvex is held" in words(made(world))
    person.shown_to_government = "description"
    person.save()
    plain = made(world)
    assert "Qazul" not in words(plain)
    assert attached(plain) == {}
    assert "2 letters are withheld" in words(plain)
    assert f"{alert.number} to The minister, en" in words(plain)
    full = made(world, is_confidential=True)
    assert "Qazul Tibvex is held" in words(full)
    assert len(attached(full)) == 3


def test_a_comment_that_names_somebody_is_refused(world: World) -> None:
    name_somebody(world)
    alert = world.start()
    Approval.objects.create(alert=alert, by="user:ada", is_yes=True, at=clock.now(), comment="for QAZUL TIBVEX")
    with pytest.raises(ConsentError, match="person-1 in the dossier’s events, line"):
        made(world)
    assert "for QAZUL TIBVEX" in words(made(world, is_confidential=True))


# The command.


def test_the_command_writes_a_file_and_a_line_in_the_audit_log(
    told: World, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urgentaction.cli.session.login", lambda: "ada")
    out = tmp_path / "dossier.pdf"
    line = ["case", "dossier", "UA-2026-0001", "--out", str(out), "--at", "2026-11-27T12:00Z"]
    data = terminal.json(*line)
    assert out.stat().st_mode & 0o777 == 0o600
    assert data["dossier"]["alerts"][0]["deliveries"][0]["attempts"]
    assert "Friend" not in json.dumps(data)
    entry = AuditEntry.objects.get(action="case.dossier")
    assert (entry.actor, entry.detail) == ("cli:ada", {"sha256": data["sha256"], "edition": "internal"})
    before = out.read_bytes()
    assert "2 alerts, 3 letters" in terminal.says(*line).replace("\n", " ")
    assert out.read_bytes() == before
    assert "keep it encrypted" in terminal.says(*line, "--confidential").replace("\n", " ")
    assert "there is no case" in terminal.says("case", "dossier", "UA-1", "--out", str(out), code=66)
    assert "can't be written" in terminal.says(*line[:4], str(tmp_path / "no" / "x.pdf"), code=65)
