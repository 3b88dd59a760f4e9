"""`urgentaction letter preview`: what would be sent for a case as it stands, and nothing written."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.flow.test_cli import Terminal, terminal
from tests.flow.world import TEXT, World
from urgentaction.accounts.models import AuditEntry
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import CaseText, Person
from urgentaction.cases.vocabulary import Status
from urgentaction.directory.kinds import OfficeKind
from urgentaction.directory.models import Office
from urgentaction.letters.models import Letter

__all__ = ["terminal"]  # a fixture
PREVIEW = ["letter", "preview", "UA-2026-0001"]


def test_a_preview_is_what_would_be_sent_and_leaves_no_trace(world: World, terminal: Terminal, tmp_path: Path) -> None:
    line = [*PREVIEW, "--kind", "first_appeal", "--lang", "en", "--status", "return imminent"]
    out = tmp_path / "preview"
    for form, begins in (
        ("pdf", b"%PDF-"),
        ("fax", b"%PDF-"),
        ("html", b"<!DOCTYPE html>"),
        ("text", b"Urgent Action Network"),
    ):
        told = terminal.json(*line, "--form", form, "--out", str(out))
        assert out.read_bytes().startswith(begins)
        assert told["subject"] == "Two refugees at risk of forced return"
    assert "/m/EXAMPLE" in terminal.says(*line, "--form", "sms")
    assert not Alert.objects.exists()
    assert not Letter.objects.exists()
    assert not AuditEntry.objects.exists()

    dated = [*line, "--dated", "2026-11-20"]
    shown = terminal.says(*dated)
    frozen = world.start()
    sent = frozen.letters.get(official=world.president)
    as_sent = sent.text.replace(frozen.number, "NUMBER")
    # The preview's place and day are the case's own: they agree once the update stands.
    again = terminal.says(*PREVIEW, "--kind", "first_appeal", "--lang", "en", "--dated", str(dated_of(sent)))
    assert " ".join(as_sent.split()) == " ".join(again.replace("UA-2026-0001/2", "NUMBER").split())
    assert "20 November 2026" in shown


def dated_of(letter: Letter) -> date:
    """The day on a frozen letter, in the addressee's time zone."""
    return letter.frozen_at.astimezone(ZoneInfo("Asia/Seoul")).date()


def test_a_case_without_a_status_is_shown_at_the_most_urgent_one_it_has_words_for(
    world: World, terminal: Terminal
) -> None:
    world.case.texts.update(markdown=f"{TEXT}\n## latest @missing\nNobody knows where they are.\n")
    line = [*PREVIEW, "--kind", "first_appeal", "--lang", "en"]
    told = terminal.says(*line)
    assert "note: the case has no status yet; shown as if it were missing (--status names another)" in told
    assert "Nobody knows where they are." in told
    assert "Nobody knows where they are." not in terminal.says(*line, "--status", "return_imminent")
    world.update(Status.RETURN_IMMINENT)
    assert "the case has no status yet" not in terminal.says(*line)


def test_a_preview_follows_addressee_audience_and_kind(world: World, terminal: Terminal) -> None:
    line = [*PREVIEW, "--status", "return_imminent", "--lang", "en"]
    copy = terminal.says(*line, "--kind", "first_appeal", "--to", "minister-holder")
    assert "Dear president," in copy
    assert "The minister, Office of the minister" in copy
    world.case.addressees.filter(office=world.president.office).delete()
    assert "no addressee in office" in terminal.says(*line, "--kind", "first_appeal", code=66)
    assert "Dear minister," in terminal.says(*line, "--kind", "first_appeal", "--to", "minister-holder")
    notice = terminal.json(*line, "--kind", "appeal", "--form", "html")
    assert "/unsubscribe" in notice["content"]
    assert "SLOT" not in notice["content"]
    sms = terminal.json(*line, "--kind", "appeal", "--form", "sms")
    assert (sms["encoding"], sms["segments"]) == ("GSM-7", 1)


def test_a_preview_refuses_a_subject_as_freezing_would(world: World, terminal: Terminal) -> None:
    """Officials may read the name; mail servers on the way, who read the subject, may not."""
    Person.objects.create(
        case=world.case, key="person-1", confidential_name="Qazul Tibvex", shown_to_government="name",
        descriptions={"en": "a man"},
    )  # fmt: skip
    line = [*PREVIEW, "--status", "return_imminent", "--lang", "en", "--kind", "first_appeal"]
    world.case.texts.update(markdown=f"{TEXT}\n## re_line\nThe arrest of Qazul Tibvex\n")
    assert "person-1 in the Re: line" in terminal.says(*line, code=65)
    world.case.texts.update(markdown=TEXT.replace("They are held", "Qazul Tibvex is held"))
    assert "Qazul Tibvex is held" in terminal.says(*line)


def test_a_preview_says_what_the_directory_lacks(world: World, terminal: Terminal) -> None:
    CaseText.objects.create(case=world.case, language="ko", markdown=TEXT)
    asked = (*PREVIEW, "--kind", "first_appeal", "--lang", "ko", "--status", "return_imminent")
    assert "has no salutation in this language; add it in the directory" in terminal.says(*asked, code=65)
    Office.objects.filter(slug="president").update(kind=OfficeKind.HEAD_OF_STATE.value)
    assert "note: official president-holder: name is not in the directory in ko" in terminal.says(*asked)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--kind", "first_appeal", "--lang", "en", "--to", "king"], 66, "this case writes to president-holder"),
        (["--kind", "first_apeal", "--lang", "en"], 66, "there is no letter or notice 'first_apeal'; letters:"),
        (["--kind", "first_appeal", "--lang", "ko"], 65, "add texts/ko.md and import the case again"),
        (["--kind", "stop_action", "--lang", "sw"], 65, "add the file templates/letters/stop_action/sw.md"),
        (["--kind", "appeal", "--lang", "en", "--form", "fax"], 65, "appeal is a notice to supporters"),
        (["--kind", "appeal", "--lang", "en", "--form", "docx"], 65, "not one of pdf, fax, html, text, sms"),
        (["--kind", "appeal", "--lang", "en", "--audience", "us"], 65, "not one of government, public"),
        (["--kind", "first_appeal", "--lang", "en", "--status", "gone"], 65, "status:"),
    ],
)
def test_each_mistake_says_what_to_do(
    world: World, terminal: Terminal, options: list[str], code: int, words: str
) -> None:
    assert words in terminal.says(*PREVIEW, *options, code=code)
