"""Publishing as an operator types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.test_cli import Terminal
from tests.flow.world import World
from urgentaction.cases.vocabulary import Status
from urgentaction.embedded.servers import Servers

ALERT = "UA-2026-0001/1"


@pytest.fixture
def terminal(
    here: World, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    monkeypatch.setenv("DATABASE_URL", servers.database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("URGENTACTION_VAR", str(tmp_path / "var"))
    monkeypatch.setattr("urgentaction.cli.session.login", lambda: "ada")
    here.start()
    return Terminal(capsys)


def test_from_publishing_to_taking_away(terminal: Terminal) -> None:
    assert "Nothing was published." in terminal.says("letter", "published")
    made = terminal.json(
        "letter", "publish", ALERT, "--region", "eastern asia", "--topic", "refugees", "--title", "en=A letter"
    )
    assert (made["alert"], made["languages"], made["now"]) == (ALERT, ["en"], "shown")
    assert made["url"].endswith(f"/letters/{made['slug']}/")
    assert len(made["sha256"]["en"]) == 64
    assert "is published as" in terminal.says("letter", "publish", ALERT, code=75)
    corrected = terminal.json(
        "letter", "publish", ALERT, "--corrects", made["slug"], "--correction", "en=The date was wrong."
    )
    assert corrected["corrects"] == made["slug"]
    assert "is gone" in terminal.says("letter", "unpublish", made["slug"], "--why", "the family asked")
    assert {row["slug"]: row["now"] for row in terminal.json("letter", "published")} == {
        made["slug"]: "gone",
        corrected["slug"]: "shown",
    }


def test_under_embargo(terminal: Terminal) -> None:
    made = terminal.json("letter", "publish", ALERT, "--embargo", "2099-01-01T09:00+09:00")
    assert (made["now"], made["embargo_until"]) == ("nothing", "2099-01-01T09:00:00+09:00")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--region", "Atlantis"], "is not a region; choose from Africa"),
        (["--topic", "weather"], "is not one of refugees"),
        (["--embargo", "2099-01-01T09:00"], "has no time zone"),
        (["--title", "A letter"], "has no language"),
        (["--corrects", "something"], "belong together"),
    ],
)
def test_what_is_wrong_is_named(terminal: Terminal, options: list[str], told: str) -> None:
    assert told in terminal.says("letter", "publish", ALERT, *options, code=65)
    assert terminal.json("letter", "published") == []


def test_news_is_told_and_taken_back(here: World, terminal: Terminal) -> None:
    here.update(Status.RELEASED)
    assert terminal.json("letter", "publish-update", "UA-2026-0001")["is_public"]
    assert "shown to nobody" in terminal.says("letter", "publish-update", "UA-2026-0001", "--take-back")


def test_what_a_letter_still_tells_is_not_said_to_be_hidden(terminal: Terminal) -> None:
    slug = terminal.json("letter", "publish", ALERT)["slug"]
    terminal.says("letter", "publish-update", "UA-2026-0001")
    told = terminal.says("letter", "publish-update", "UA-2026-0001", "--take-back")
    assert f"is still told by {slug}" in " ".join(told.split())
    assert "nobody" not in told
    answer = terminal.json("letter", "publish-update", "UA-2026-0001", "--take-back")
    assert (answer["is_public"], answer["letters"]) == (True, [slug])
    terminal.says("letter", "unpublish", slug, "--why", "the family asked")
    assert "shown to nobody" in terminal.says("letter", "publish-update", "UA-2026-0001", "--take-back")
