"""A letter is changed from the command line, as two members of staff would do it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from urgentaction.cli.main import main
from urgentaction.embedded.servers import Servers
from urgentaction.letters.models import TemplateVersion

NAME = "letters/first_appeal/en"


class Desk:
    """Somebody at a terminal."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def sits(self, login: str) -> None:
        self._monkeypatch.setattr("urgentaction.cli.session.login", lambda: login)

    def says(self, *line: str, code: int = 0) -> str:
        self._capsys.readouterr()
        found = main(["template", *line])
        told = self._capsys.readouterr()
        assert found == code, told.err + told.out
        return told.out + told.err

    def json(self, *line: str, code: int = 0) -> Any:
        self._capsys.readouterr()
        found = main(["template", *line, "--json"])
        told = self._capsys.readouterr()
        assert found == code, told.out
        assert told.err == ""
        return json.loads(told.out)


@pytest.fixture
def desk(
    db: None, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    monkeypatch.setenv("DATABASE_URL", servers.database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("URGENTACTION_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", os.environ["DJANGO_SETTINGS_MODULE"])
    made = Desk(capsys, monkeypatch)
    made.sits("ada")
    return made


def saved(desk: Desk, tmp_path: Path, *, adds: str) -> Path:
    file = tmp_path / "appeal.md"
    file.write_text(desk.json("show", NAME)["text"].rstrip() + f"\n\n{adds}\n", encoding="utf-8")
    return file


def test_two_people_change_a_letter_and_one_puts_it_back(desk: Desk, tmp_path: Path) -> None:
    file = saved(desk, tmp_path, adds="We ask for a visit by doctors.")
    assert [one for one in desk.json("lint", NAME, str(file)) if one["severity"] == "error"] == []
    assert f"urgentaction template submit {NAME} 1" in desk.says("edit", NAME, str(file), "--note", "asks for doctors")
    assert "Another person than cli:ada has to approve it" in desk.says("submit", NAME, "1")
    assert "another person has to approve it" in desk.says("review", NAME, "1", "--approve", code=77)

    desk.sits("bea")
    shown = desk.says("review", NAME, "1")
    assert "+We ask for a visit by doctors." in shown
    assert "asks for doctors" in shown
    assert "is in force" in desk.says("review", NAME, "1", "--approve", "--comment", "good")
    assert {one["template"]: one["live"] for one in desk.json("list")}[NAME] == 1
    assert desk.json("show", NAME)["name"] == f"{NAME}.md version 1"
    assert "-We ask for a visit by doctors." in desk.says("diff", NAME)

    told = desk.says("rollback", NAME, "--to", "shipped", "--why", "no doctors there")
    assert "is in force again; version 1 is retired" in told
    history = " ".join(desk.says("history", NAME).split())
    assert "reviewed by cli:bea: good" in history
    assert "no doctors" in history
    (version,) = desk.json("history", NAME)
    assert version["retired_why"] == "back to the shipped file: no doctors there"
    assert f"The text of version 1 is in force again, as {NAME} version 2." in desk.says(
        "rollback", NAME, "--to", "1", "--why", "they came after all"
    )


def test_errors_are_told_with_their_lines_and_nothing_is_saved(desk: Desk, tmp_path: Path) -> None:
    file = saved(desk, tmp_path, adds="{{ case.tile }} http://a.example")
    lines = file.read_text(encoding="utf-8").count("\n")
    assert "did you mean 'title'?" in desk.says("lint", NAME, str(file), code=1)
    problems = desk.json("edit", NAME, str(file), "--note", "x", code=65)["error"]["problems"]
    assert {one["field"] for one in problems} == {f"line {lines}"}
    assert len(problems) == 2
    assert not TemplateVersion.objects.exists()


def test_a_rejection_says_why(desk: Desk, tmp_path: Path) -> None:
    desk.says("edit", NAME, str(saved(desk, tmp_path, adds="Blunt.")), "--note", "blunter")
    desk.says("submit", NAME, "1")
    assert "say why" in desk.says("review", NAME, "1", "--reject", code=65)
    assert desk.json("review", NAME, "1", "--reject", "--comment", "too blunt")["review_comment"] == "too blunt"
    desk.sits("bea")
    assert "only one that is in review can be approved" in desk.says("review", NAME, "1", "--approve", code=75)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["show", "letters/first_appeal"], 65, "write family/kind/language, such as letters/first_appeal/ko"),
        (["show", "letters/nothing/en"], 66, "there is no letters kind 'nothing'; there are: first_appeal"),
        (["show", "letters/first_appeal/xx"], 65, "no template letters/first_appeal/xx.md: it exists in"),
        (["show", NAME, "--version", "7"], 66, "has no version 7; there are: none yet"),
        (["show", NAME, "--version", "old"], 65, "is no version; write a number, live or shipped"),
        (["edit", NAME, "/nowhere/appeal.md", "--note", "x"], 65, "can't be read: No such file"),
        (["fields", "faxes"], 65, "is not one of letters, notices, sms"),
    ],
)
def test_what_is_typed_wrongly_is_explained(desk: Desk, line: list[str], code: int, words: str) -> None:
    assert words in desk.says(*line, code=code)


def test_the_fields_of_a_family_are_listed(desk: Desk) -> None:
    assert {"path": "link", "kind": "text"} in desk.json("fields", "sms")
    assert "case.public_title" in desk.says("fields", "notices")
