"""Suppression, forgetting and mail that came back, as an operator and a mail server type it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from tests.flow.returning import FRIEND, handed_over, reasons, running_alert, sample
from tests.flow.test_cli import Terminal
from tests.flow.world import World
from urgentaction.accounts.models import AuditEntry
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.references import reference_of
from urgentaction.embedded.servers import Servers
from urgentaction.receipts import mail as mail_room
from urgentaction.receipts.mail import take_mail
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.supporters.models import Suppression


@pytest.fixture
def world(db: None) -> World:
    return World.make()


@pytest.fixture
def row(world: World) -> Delivery:
    return handed_over(running_alert(world), world.supporters[1])


@pytest.fixture
def terminal(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    monkeypatch.setenv("DATABASE_URL", servers.database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("URGENTACTION_VAR", str(tmp_path / "var"))
    monkeypatch.setattr("urgentaction.cli.session.login", lambda: "ada")
    return Terminal(capsys)


def piped(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))


def test_staff_suppresses_looks_and_lifts_without_an_address_on_the_screen(
    world: World, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Nothing is suppressed." in terminal.says("suppression", "list")
    piped(monkeypatch, b"Friend1@Supporters.invalid\n")
    told = terminal.says("suppression", "add", "-", "--channel", "email", "--why", "asked at a meeting")
    assert "It gets nothing by email any more (manual)." in told
    (entry,) = terminal.json("suppression", "list", "--reason", "manual", "--channel", "email")
    assert (entry["reason"], entry["source"], entry["holds"]) == ("manual", "cli:ada: asked at a meeting", True)
    assert bytes(Suppression.objects.get().address_index) == bytes(world.supporters[1].email_index or b"")
    assert terminal.json("suppression", "list", "--channel", "sms") == []
    shown = terminal.says("suppression", "show", FRIEND, "--channel", "email")
    assert "It is suppressed." in shown
    assert "friend1" not in shown
    lifted = terminal.says("suppression", "lift", FRIEND, "--channel", "email", "--why", "a mistake")
    assert "It may be written to by email again (was: manual)." in lifted
    assert terminal.json("suppression", "show", FRIEND, "--channel", "email")["is_suppressed"] is False
    assert terminal.json("suppression", "list") == []
    (past,) = terminal.json("suppression", "list", "--all")
    assert (past["lifted_by"], past["lift_reason"]) == ("cli:ada", "a mistake")
    assert list(AuditEntry.objects.filter(action__startswith="suppression.").values_list("action", "actor")) == [
        ("suppression.add", "cli:ada"),
        ("suppression.lift", "cli:ada"),
    ]
    assert "friend1" not in str(list(AuditEntry.objects.values_list("detail", "subject")))


@pytest.mark.django_db
def test_each_mistake_has_its_message_and_code(terminal: Terminal) -> None:
    by_mail = ["--channel", "email", "--why"]
    for line, code, words in (
        (["suppression", "list", "--reason", "boredom"], 65, "reason: “boredom” is not one of"),
        (["suppression", "add", FRIEND, "--channel", "fax", "--why", "x"], 65, "is not one of email, sms"),
        (["suppression", "add", FRIEND, *by_mail, " "], 65, "say why"),
        (["suppression", "add", "nonsense", *by_mail, "x"], 65, "is not a mail address"),
        (["suppression", "lift", FRIEND, *by_mail, "x"], 66, "is not suppressed"),
        (["supporter", "erase", "friend1", "--why", "x"], 65, "give the id, the mail address"),
        (["supporter", "erase", "nobody@supporters.invalid", "--why", "x"], 66, "there is nobody"),
        (["inbound", "show", "ffffffff"], 66, "there is no mail"),
        (["inbound", "show", "f"], 65, "is too short"),
    ):
        assert words in terminal.says(*line, code=code)


def test_erasing_somebody_blanks_their_mail_too(world: World, row: Delivery, terminal: Terminal) -> None:
    take_mail(sample("reply", row))
    take_mail(sample("postfix_unknown_user"))  # no reference of ours, but their address
    stranger = take_mail(sample("reply_with_forwarded_bounce")).receipt
    apply_pending()
    told = terminal.says("supporter", "erase", FRIEND, "--why", "asked by letter of 3 May")
    assert "Forgotten." in told
    for receipt in Receipt.objects.exclude(id=stranger.id):
        assert (receipt.raw, receipt.address, receipt.address_index) == ("", "", None)
    assert Receipt.objects.get(id=stranger.id).raw
    assert AuditEntry.objects.get(action="supporter.erase").detail == {"why": "asked by letter of 3 May"}
    assert reasons() == ["erased", "erased"]
    assert "there is nobody" in terminal.says("supporter", "erase", FRIEND, "--why", "again", code=66)
    friend = str(world.supporters[1].id)
    assert "erased already" in terminal.says("supporter", "erase", friend, "--why", "again", code=75)


def test_a_mail_server_hands_over_a_reply_and_a_person_reads_it(
    row: Delivery, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, sample("reply", row))
    told = terminal.says("inbound", "mail", "--recipient", f"b+{reference_of(row.id)}@bounces.urgentaction.invalid")
    assert "Taken: reply; passed to a person." in told
    (listed,) = terminal.json("inbound", "list")
    assert (listed["delivery"], listed["effect"]) == (row.id, "passed to a person")
    task = HumanTask.objects.get(kind="read_reply")
    assert task.title == "Somebody answered a mail of alert UA-2026-0001/1"
    number = listed["id"][-8:]
    assert f"urgentaction inbound show {number}" in task.advice
    shown = terminal.says("inbound", "show", number)
    assert "국경에 있다고 들었습니다. I am the cousin of one of them." in shown
    assert "Re: 두 난민" in shown
    assert AuditEntry.objects.get(action="mail.open").subject == f"receipt:{listed['id']}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT raw FROM receipts_receipt")
        assert b"cousin" not in bytes(cursor.fetchone()[0])


@pytest.mark.django_db
def test_what_goes_wrong_here_makes_the_mail_server_try_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_raw: bytes, *, recipient: str) -> None:
        raise OperationalError("the connection is gone")

    piped(monkeypatch, sample("reply"))
    monkeypatch.setattr(mail_room, "take_mail", broken)
    assert "The database doesn't answer" in terminal.says("inbound", "mail", code=75)
    monkeypatch.setattr(mail_room, "take_mail", lambda _raw, recipient: 1 / 0)
    piped(monkeypatch, sample("reply"))
    assert "ZeroDivisionError" in terminal.says("inbound", "mail", code=75)


@pytest.mark.django_db
def test_an_empty_mail_is_a_mistake_of_the_mail_servers_set_up(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, b"\n")
    assert "is empty" in terminal.says("inbound", "mail", code=65)
