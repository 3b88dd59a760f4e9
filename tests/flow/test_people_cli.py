"""Accounts from the terminal: the first administrator, and what only a terminal can mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import give_app
from tests.flow.test_cli import Terminal
from tests.flow.world import World
from urgentaction.accounts.models import User
from urgentaction.cli import demo
from urgentaction.embedded.servers import Servers


@pytest.fixture
def terminal(
    here: World, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    monkeypatch.setenv("DATABASE_URL", servers.database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("URGENTACTION_VAR", str(tmp_path / "var"))
    monkeypatch.setattr("urgentaction.cli.session.login", lambda: "ada")
    return Terminal(capsys)


def test_a_terminal_helps_where_no_administrator_can(terminal: Terminal) -> None:
    made = terminal.json("user", "create", "ada@office.invalid", "--role", "administrator", "--language", "ko")
    user = User.objects.get(email="ada@office.invalid")
    assert user.language == "ko"
    assert "no second factor" in terminal.says("user", "reset-factors", "ada@office.invalid", "--why", "lost", code=75)
    give_app(user)
    assert "forgotten" in terminal.says("user", "reset-factors", str(made["id"]), "--why", "lost the telephone")
    again = terminal.json("user", "password", "ADA@office.invalid")
    user.refresh_from_db()
    assert user.check_password(again["password"])
    assert "only administrator" in terminal.says("user", "lock", "ada@office.invalid", "--why", "left", code=75)
    terminal.says("user", "create", "grace@office.invalid", "--role", "administrator")
    assert "locked out" in terminal.says("user", "lock", "ada@office.invalid", "--why", "left us")
    assert "log in again" in terminal.says("user", "unlock", "ada@office.invalid")
    assert "called" in terminal.says("user", "unlock", "nobody@office.invalid", code=66)


def test_the_demos_login_needs_nothing_but_what_is_printed(here: World, settings: Any) -> None:
    assert demo.DRILL["URGENTACTION_SECOND_FACTOR"] == "optional"
    settings.SECOND_FACTOR_REQUIRED = False
    name, password = demo._console_login()
    browser = Client()
    browser.post("/console/login/", {"login": name, "password": password})
    assert browser.get("/console/people/").status_code == 200
