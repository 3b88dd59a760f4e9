"""The commands as an operator types them: in this process on the test database, and as a program of its own."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.models import ApiToken, AuditEntry, User
from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.cases.models import StatusUpdate
from urgentaction.cases.vocabulary import Status
from urgentaction.cli.main import main
from urgentaction.core.encryption import key_ring, purpose_key
from urgentaction.deliveries.models import Delivery, GatewayState, HumanTask
from urgentaction.embedded.servers import Servers
from urgentaction.incidents.checks import Part, all_findings
from urgentaction.incidents.findings import Finding, Level

UPDATE = ["case", "update", "UA-2026-0001", "--as-of", "2026-11-20", "--confidence", "confirmed"]
IMMINENT = [*UPDATE, "--status", "return_imminent", "--place", "Tumen"]


class Terminal:
    """Types commands and reads the answers."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def says(self, *line: str, code: int = 0) -> str:
        """Both streams together, after a command that ends with `code`."""
        self._capsys.readouterr()
        found = main(line)
        told = self._capsys.readouterr()
        assert found == code, told.err + told.out
        return told.out + told.err

    def json(self, *line: str, code: int = 0) -> Any:
        """The JSON on standard output; standard error stays empty."""
        self._capsys.readouterr()
        found = main([*line, "--json"])
        told = self._capsys.readouterr()
        assert found == code, told.out
        assert told.err == ""
        return json.loads(told.out)


@pytest.fixture
def terminal(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    # Named, so that no command starts servers of its own; the settings have long been read.
    monkeypatch.setenv("DATABASE_URL", servers.database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("URGENTACTION_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", os.environ["DJANGO_SETTINGS_MODULE"])
    level = logging.getLogger().level
    yield Terminal(capsys)
    logging.getLogger().setLevel(level)


@pytest.fixture
def actor(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("urgentaction.cli.session.login", lambda: "ada")
    return "cli:ada"


# Reporting what happened.


def test_a_dry_run_explains_and_writes_nothing(world: World, terminal: Terminal) -> None:
    told = terminal.says(*IMMINENT, "--dry-run")
    assert "rule “imminent”, level 1, hours count" in told
    assert "To: Office of the president · The president (fax, email)" in told
    assert "By email: 3 in English." in told
    assert "By SMS: 1 in English." in told
    assert "Dry run: nothing was written." in told
    assert not StatusUpdate.objects.exists()
    assert not Alert.objects.exists()


def test_an_update_says_what_it_made_and_what_it_withdrew(world: World, terminal: Terminal, actor: str) -> None:
    first = terminal.json(*IMMINENT)
    assert [alert["number"] for alert in first["alerts"]] == ["UA-2026-0001/1"]
    assert first["withdrawn"] == []
    second = terminal.says(*UPDATE, "--status", "fate unknown", "--letters-dated", "2026-11-21")
    assert "Withdrawn: UA-2026-0001/1" in second
    assert "Made: UA-2026-0001/2, whereabouts request" in second
    assert str(Alert.objects.get(number="UA-2026-0001/2").dated_on) == "2026-11-21"
    assert {update.recorded_by for update in StatusUpdate.objects.all()} == {actor}
    assert AuditEntry.objects.filter(action="case.update", actor=actor).count() == 2


def test_everything_wrong_is_told_at_once_and_nothing_is_written(world: World, terminal: Terminal) -> None:
    line = ["case", "update", "UA-2026-0001", "--status", "retrun_imminent", "--as-of", "soon", "--confidence", "sure"]
    told = terminal.says(*line, code=65)
    assert told.startswith("error: 3 problems; nothing was written.\n")
    assert "did you mean return_imminent" in told
    assert "as_of: “soon” is not a day" in told
    fields = [problem["field"] for problem in terminal.json(*line, code=65)["error"]["problems"]]
    assert fields == ["status", "confidence", "as_of"]
    assert not StatusUpdate.objects.exists()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["case", "show", "UA-1999-0001"], 66, "there is no case 'UA-1999-0001'; known: UA-2026-0001"),
        (["alert", "show", "UA-2026-0001/9"], 66, "there is no alert"),
        ([*IMMINENT, "--person", "nobody"], 65, "persons: nobody: not in this case"),
        ([*UPDATE[:4], "2099-01-01", *UPDATE[5:], "--status", "detained"], 65, "lies in the future"),
        (["alert", "list", "--state", "asleep"], 65, "state: “asleep” is not one of draft"),
        (["deliveries", "--channel", "pigeon"], 65, "channel: “pigeon” is not one of"),
        (["delivery", "settle", "999999", "--lost", "--reason", "x"], 66, "there is no delivery 999999"),
        (["gateway", "resume", "carrier"], 66, "there is none called 'carrier'"),
        (["gateway", "pause", "carrier"], 66, "there is none called 'carrier'"),
        (["approval", "grant", "freed", "--by", "Ada"], 65, "always needs a person"),
        (["approval", "grant", "nonsense", "--by", "Ada"], 66, "there is no rule"),
        (["approval", "revoke", "proceedings"], 66, "is in force"),
        (["task", "close", "ffffffff", "--result", "x"], 66, "there is no task"),
        (["import", "supporters", "/nowhere.csv"], 65, "can't be read"),
        (["letter", "show", "UA-2026-0001/9"], 66, "there is no alert"),
        (["token", "create", "x", "--scope", "everything"], 65, "unknown; choose from"),
        (["user", "create", "no address", "--role", "king"], 65, "2 problems"),
    ],
)
def test_each_mistake_has_its_message_and_code(
    world: World, terminal: Terminal, line: list[str], code: int, words: str
) -> None:
    told = terminal.says(*line, code=code)
    assert told.startswith("error: ")
    assert words in told
    assert terminal.json(*line, code=code)["error"]["exit_code"] == code


# Alerts.


def test_a_manual_alert_waits_for_somebody_else(
    world: World, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, actor: str
) -> None:
    line = ["alert", "send", "UA-2026-0001", "--audience", "both", "--channels", "email,fax", "--level", "2"]
    assert "awaiting approval" in terminal.says(*line, "--deadline-hours", "48")
    assert "Whoever drafted alert UA-2026-0001/1 can't approve it" in terminal.says(
        "alert", "approve", "UA-2026-0001/1", code=77
    )
    monkeypatch.setattr("urgentaction.cli.session.login", lambda: "grace")
    assert "held" in terminal.says("alert", "approve", "UA-2026-0001/1", "--hold-minutes", "30")
    assert terminal.json("alert", "release", "UA-2026-0001/1")["state"] == "held"
    assert "withdrawn" in terminal.says("alert", "withdraw", "UA-2026-0001/1", "--reason", "wrong text")
    assert "over" not in terminal.says("alert", "withdraw", "UA-2026-0001/1", code=75)
    alert = Alert.objects.get()
    assert (alert.stop_reason, alert.level) == ("wrong text", 2)


@pytest.mark.parametrize(
    ("audience", "channels", "words"),
    [("officials", "sms", "officials are written to by fax or email"), ("supporters", "fax", "by email or SMS")],
)
def test_an_alert_that_nobody_would_hear_is_refused(
    world: World, terminal: Terminal, audience: str, channels: str, words: str
) -> None:
    line = ["alert", "send", "UA-2026-0001", "--audience", audience, "--channels", channels, "--level", "1"]
    assert words in terminal.says(*line, code=65)
    assert not Alert.objects.exists()


def test_an_alert_and_its_case_can_be_looked_at(world: World, terminal: Terminal) -> None:
    alert = world.start()
    listed = terminal.json("alert", "list", "--case", "ua-2026-0001", "--state", "running")
    assert [(one["alert"], one["deliveries"], one["settled"]) for one in listed] == [(alert.number, 7, 0)]
    told = terminal.says("alert", "show", alert.number)
    assert "Office of the president · The president" in told
    assert re.search(r"supporter\s+email\s+3\s+3", told)
    shown = terminal.json("case", "show", "UA-2026-0001")
    assert shown["timeline"][0]["kind"] == "update"
    assert "running" in terminal.says("case", "show", "UA-2026-0001")


def test_a_frozen_letter_can_be_read_and_saved(world: World, terminal: Terminal, tmp_path: Path) -> None:
    alert = world.start()
    assert "Dear president" in terminal.says("letter", "show", alert.number)
    out = tmp_path / "letter.pdf"
    terminal.says("letter", "show", alert.number, "--form", "pdf", "--out", str(out))
    assert out.read_bytes().startswith(b"%PDF-")
    assert "minister-holder (en)" in terminal.says("letter", "show", alert.number, "--language", "fr", code=66)
    minister = ["letter", "show", alert.number, "--to", "minister-holder"]
    assert "is not faxed" in terminal.says(*minister, "--form", "fax", "--out", str(out), code=66)
    assert terminal.json(*minister)["role"] == "cc"


# Deliveries and tasks.


def test_deliveries_are_shown_page_by_page(world: World, terminal: Terminal) -> None:
    alert = world.start()
    page = terminal.json("deliveries", alert.number, "--limit", "5")
    rest = terminal.json("deliveries", alert.number, "--after", str(page[-1]["id"]))
    assert len(page) + len(rest) == 7
    assert "More: --after" in terminal.says("deliveries", "--limit", "5")
    assert "friend0" not in terminal.says("deliveries")


def test_watching_ends_when_nothing_moves(world: World, terminal: Terminal) -> None:
    alert = world.start()
    pipeline.withdraw(alert.id, reason="enough", by="cli:test")
    pipeline.advance_alert(alert.id)
    (found,) = terminal.json("deliveries", alert.number, "--watch")
    assert (found["state"], found["is_over"], found["settled"]) == ("withdrawn", True, 7)


def test_an_unknown_is_settled_with_a_reason(world: World, terminal: Terminal, actor: str) -> None:
    row = Delivery.objects.filter(alert=world.start(), channel="fax").get()
    settle = ["delivery", "settle", str(row.id), "--arrived"]
    assert "only an unknown one" in terminal.says(*settle, "--reason", "phoned", code=75)
    Delivery.objects.filter(id=row.id).update(state="unknown")
    assert "say how you know" in terminal.says(*settle, code=65)
    assert f"Delivery {row.id} is delivered." in terminal.says(*settle, "--reason", "the office confirmed by phone")
    assert AuditEntry.objects.filter(action="delivery.settle", actor=actor).exists()


def test_a_task_is_closed_by_the_end_of_its_id(world: World, terminal: Terminal, actor: str) -> None:
    world.update(Status.SENTENCED)
    task = HumanTask.objects.get()
    short = task.id.hex[-8:]
    assert short in terminal.says("tasks")
    assert "too short" in terminal.says("task", "close", short[-2:], "--result", "x", code=65)
    assert "Done: " in terminal.says("task", "close", short, "--result", "decided in the meeting")
    assert terminal.json("tasks") == []
    assert "decided in the meeting" in terminal.says("tasks", "--all")
    assert "closed by cli:ada already" in terminal.says("task", "close", short, "--result", "x", code=75)


# Setting up and running.


def test_gateways_are_paused_and_resumed(world: World, terminal: Terminal, actor: str) -> None:
    assert "smtp is paused" in terminal.says("gateway", "pause", "smtp", "--reason", "new password tomorrow")
    assert GatewayState.objects.get().reason == "new password tomorrow"
    assert "new password tomorrow" in terminal.says("gateway", "list")
    assert "smtp goes on." in terminal.says("gateway", "resume", "smtp")
    assert terminal.json("gateway", "resume", "smtp")["was_paused"] is False
    assert list(AuditEntry.objects.filter(actor=actor).order_by("id").values_list("action", flat=True)) == [
        "gateway.pause",
        "gateway.resume",
    ]


def test_standing_approvals_are_given_and_taken_back(world: World, terminal: Terminal, actor: str) -> None:
    StandingApproval.objects.all().delete()
    assert "every alert waits" in terminal.says("approval", "list")
    terminal.says("approval", "grant", "imminent", "--by", "Ada Lovelace", "--until", "2099-01-01")
    assert "in force already" in terminal.says("approval", "grant", "imminent", "--by", "Ada Lovelace", code=75)
    assert "lies in the past" in terminal.says(
        "approval", "grant", "imminent", "--by", "Bob", "--until", "2020-01-01", code=65
    )
    assert terminal.json(*IMMINENT, "--dry-run")["decision"]["sends_automatically"] is True
    assert "Taken back: imminent by Ada Lovelace" in terminal.says("approval", "revoke", "imminent")
    assert terminal.json(*IMMINENT, "--dry-run")["decision"]["sends_automatically"] is False
    assert [row["rule"] for row in terminal.json("approval", "list")] == []


def test_a_token_is_shown_once_and_works(world: World, terminal: Terminal) -> None:
    from urgentaction.accounts.service import token_for

    made = terminal.json(
        "token", "create", "partner", "--scope", "updates:write", "--scope", "cases:read", "--days", "7"
    )
    token = token_for(made["token"])
    assert token is not None
    assert token.scopes == ["cases:read", "updates:write"]
    assert made["token"] not in repr(ApiToken.objects.values())


def test_a_user_is_made_with_a_password_that_works(world: World, terminal: Terminal) -> None:
    made = terminal.json("user", "create", "ada@office.invalid", "--role", "approver")
    user = User.objects.get(email="ada@office.invalid")
    assert user.check_password(made["password"])
    assert user.role == "approver"
    assert "already" in terminal.says("user", "create", "ADA@office.invalid", "--role", "viewer", code=75)


def test_a_broken_audit_log_is_exit_1(world: World, terminal: Terminal) -> None:
    terminal.says("gateway", "pause", "smtp")
    terminal.says("gateway", "pause", "twilio")
    assert "2 entries, unbroken." in terminal.says("audit", "verify")
    AuditEntry.objects.filter(subject="gateway:smtp").update(actor="cli:mallory")
    assert terminal.json("audit", "verify", code=1)["first_broken"] is not None


def test_the_doctor_names_what_is_wrong(world: World, terminal: Terminal, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    found = terminal.json("doctor", code=1)
    by_name = {finding["name"]: finding for finding in found["findings"]}
    assert found["is_well"] is False
    assert by_name["database"]["level"] == "ok"
    assert by_name["migrations"]["level"] == "ok"
    assert by_name["broker"]["level"] == "fail"
    assert by_name["broker"]["advice"]
    assert by_name["letters ko"]["level"] == "ok"
    assert by_name["heartbeat"]["level"] == "warn"  # nothing is meant to run


@pytest.fixture
def other_keys(settings: Any) -> Iterator[Any]:
    """The settings, to put other keys into; what was derived from them is forgotten afterwards."""
    before = settings.FIELD_KEYS, settings.INDEX_KEY
    yield settings
    settings.FIELD_KEYS, settings.INDEX_KEY = before
    key_ring.cache_clear()
    purpose_key.cache_clear()


def test_the_doctor_tries_the_keys_on_the_data(world: World, other_keys: Any) -> None:
    """A database that was restored beside other keys looks well until nobody who said stop is recognised."""

    def keys() -> Finding:
        findings = all_findings(must_run=False, parts={Part.PROGRAMS})
        return next(finding for finding in findings if finding.name == "keys")

    assert (keys().level, keys().detail) == (Level.OK, "fit the data")

    other_keys.INDEX_KEY = b"another" * 4
    assert keys().level is Level.FAIL
    assert "URGENTACTION_INDEX_KEY" in keys().detail

    other_keys.FIELD_KEYS = f"other:{base64.b64encode(b'another.' * 4).decode()}"
    key_ring.cache_clear()
    assert keys().level is Level.FAIL
    assert "URGENTACTION_FIELD_KEYS" in keys().detail


def test_the_doctor_shows_names_of_variables_and_no_values(
    world: World, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URGENTACTION_TWILIO_AUTH_TOKEN", "very-secret-value")
    monkeypatch.setenv("URGENTACTION_SMPT_HOST", "misspelt.invalid")
    told = terminal.says("doctor")
    assert "URGENTACTION_TWILIO_AUTH_TOKEN" in told.replace("\n", "")
    assert "very-secret-value" not in told
    assert "URGENTACTION_SMPT_HOST" in told


# As a program of its own.
