"""Frozen letters: nobody changes them, each says what it supersedes, and a file can be told to be one of them."""

from __future__ import annotations

import hashlib
import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.flow.test_cli import Terminal, terminal
from tests.flow.test_consent import name_somebody
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.letters.models import Letter, Notice, PublicEdition
from urgentaction.letters.publishing import Terms, publish_letter, withdraw_publication
from urgentaction.letters.verifying import Form, verify

__all__ = ["terminal"]


@pytest.fixture
def alert(here: World) -> Alert:
    alert = here.start()
    assert alert.frozen_at is not None
    return alert


def letter_of(alert: Alert, role: str = "to") -> Letter:
    return Letter.objects.get(alert=alert, role=role)


def sql(statement: str) -> Callable[[Any], object]:
    def run(row: Letter | Notice) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=row._meta.db_table), [row.id])

    return run


CHANGES: dict[str, Callable[[Any], object]] = {
    "by a query": lambda row: type(row)._default_manager.filter(id=row.id).update(subject="other"),
    "by saving": lambda row: row.save(),
    "by SQL": sql("UPDATE {table} SET frozen_at = now() WHERE id = %s"),
    "by deleting": sql("DELETE FROM {table} WHERE id = %s"),
}


@pytest.mark.parametrize("model", [Letter, Notice])
@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_delete(alert: Alert, model: type[Letter | Notice], change: str) -> None:
    row = model._default_manager.filter(alert=alert)[0]
    before = model._default_manager.filter(id=row.id).values().get()
    with pytest.raises(IntegrityError, match="is frozen: it is never changed or deleted"), transaction.atomic():
        CHANGES[change](row)
    assert model._default_manager.filter(id=before["id"]).values().get() == before


@pytest.mark.parametrize(
    "change",
    [
        *(CHANGES[how] for how in ("by saving", "by SQL", "by deleting")),
        lambda row: PublicEdition.objects.filter(id=row.id).update(title="other"),
    ],
)
def test_nor_what_the_public_read(alert: Alert, change: Callable[[Any], object]) -> None:
    publication = publish_letter(alert, Terms(), by="cli:ada")
    row = publication.editions.get()
    before = PublicEdition.objects.filter(id=row.id).values().get()
    with pytest.raises(IntegrityError, match=r"published letter .* is frozen"), transaction.atomic():
        change(row)
    assert PublicEdition.objects.filter(id=row.id).values().get() == before
    withdraw_publication(publication.slug, why="the family asked for it", by="cli:ada")  # that goes on


def test_every_form_has_its_hash(alert: Alert) -> None:
    letter, copy = letter_of(alert), letter_of(alert, "cc")
    assert letter.sha256 == hashlib.sha256(bytes(letter.pdf)).hexdigest()
    assert letter.text_sha256 == hashlib.sha256(letter.text.encode()).hexdigest()
    assert letter.fax_sha256 == hashlib.sha256(bytes(letter.fax_pdf)).hexdigest()
    assert letter.fax_repeat_sha256 == hashlib.sha256(bytes(letter.fax_repeat_pdf)).hexdigest()
    assert (copy.fax_sha256, copy.fax_repeat_sha256) == ("", "")


def test_letters_from_before_get_the_same_hashes(alert: Alert) -> None:
    migration = importlib.import_module("urgentaction.letters.migrations.0003_frozen")
    columns = ("id", "text_sha256", "fax_sha256", "fax_repeat_sha256")
    before = list(Letter.objects.order_by("id").values(*columns))
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE letters_letter DISABLE TRIGGER letters_letter_frozen"
        )
        cursor.execute("UPDATE letters_letter SET text_sha256 = '', fax_sha256 = '', fax_repeat_sha256 = ''")
        cursor.execute(migration.HASHES)
        cursor.execute("ALTER TABLE letters_letter ENABLE TRIGGER letters_letter_frozen")
    assert list(Letter.objects.order_by("id").values(*columns)) == before


def test_a_later_letter_to_the_same_official_supersedes_the_one_before(world: World) -> None:
    first = world.start(Status.RETURN_IMMINENT)
    second = world.start(Status.EXTRADITION_IMMINENT)
    third = world.start(Status.EXECUTION_IMMINENT)
    for role in ("to", "cc"):
        chain = [letter_of(one, role) for one in (first, second, third)]
        assert [one.supersedes_id for one in chain] == [None, chain[0].id, chain[1].id]
        assert [one.id for one in chain[0].superseded_by.all()] == [chain[1].id]


def test_a_file_of_ours_is_recognised_in_every_form(alert: Alert) -> None:
    letter, copy = letter_of(alert), letter_of(alert, "cc")
    forms = {
        Form.PDF: bytes(letter.pdf),
        Form.FAX: bytes(letter.fax_pdf),
        Form.FAX_REPEAT: bytes(letter.fax_repeat_pdf),
        Form.TEXT: letter.text.encode(),
    }
    for form, content in forms.items():
        verdict = verify(content)
        assert (verdict.form, verdict.is_ours) == (form, True)
        assert verdict.letter is not None
        assert verdict.letter.id == letter.id
    told = verify(bytes(copy.pdf)).letter
    assert told is not None
    assert (told.to, told.role) == ("The minister", "cc")
    for text in (letter.text.replace("\n", "\r\n"), "\ufeff" + letter.text, letter.text.rstrip()):
        assert verify(text.encode()).form is Form.TEXT


def test_a_changed_file_is_not_ours_and_says_whose_it_looks_like(alert: Alert) -> None:
    letter = letter_of(alert)
    verdict = verify(bytes(letter.pdf) + b"\n")
    assert (verdict.form, verdict.is_ours) == (None, False)
    assert verdict.letter is not None
    assert verdict.letter.alert == alert.number

    lines = letter.text.split("\n")
    place = next(number for number, line in enumerate(lines) if "Do not return them" in line)
    lines[place] = lines[place].replace("Do not return", "Do return")
    forged = verify("\n".join(lines).encode())
    assert (forged.form, forged.differences, forged.first_line) == (None, 1, place + 1)
    assert forged.letter is not None
    assert forged.letter.id == letter.id


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 nothing", b"\xff\xfe\x00", b"Dear UA-2026-0001/1,\n", b"hello"])
def test_other_files_are_nobodys(alert: Alert, content: bytes) -> None:
    assert verify(content).letter is None
    assert not verify(content).is_ours


def test_a_stored_letter_that_was_changed_behind_our_back_is_told(alert: Alert) -> None:
    letter = letter_of(alert)
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE letters_letter DISABLE TRIGGER letters_letter_frozen"
        )
        cursor.execute("UPDATE letters_letter SET text = text || 'x' WHERE id = %s", [letter.id])
    verdict = verify(bytes(letter.pdf))
    assert (verdict.form, verdict.is_intact, verdict.is_ours) == (Form.PDF, False, False)
    # The altered text itself is no letter that we ever froze, and says so.
    altered = verify(f"{letter.text}x\n".encode())
    assert (altered.is_ours, altered.letter is not None) == (False, True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE letters_letter SET text = %s WHERE id = %s", [f"{letter.text}forged\n", letter.id])
    found = verify(f"{letter.text}forged\n".encode())
    assert (found.form, found.is_intact, found.is_ours) == (Form.TEXT, False, False)


def test_what_everybody_can_download_is_ours_too(world: World) -> None:
    name_somebody(world, "[[person-1]]", shown_to_government="name")
    alert = world.start()
    edition = publish_letter(alert, Terms(), by="cli:ada").editions.get(language="en")
    assert "Qazul" in letter_of(alert).text
    assert "Qazul" not in edition.text
    verdict = verify(bytes(edition.pdf))
    assert (verdict.form, verdict.is_ours) == (Form.PUBLIC, True)
    assert verdict.letter is not None
    assert verdict.letter.alert == alert.number


# The command.


def test_the_command_says_which_letter_it_is(world: World, terminal: Terminal, tmp_path: Path) -> None:
    first = world.start(Status.RETURN_IMMINENT)
    file = tmp_path / "from-the-internet.pdf"
    file.write_bytes(bytes(letter_of(first).pdf))
    told = terminal.says("letter", "verify", str(file))
    assert f"the PDF of our letter {first.number} to The president (en), unchanged." in told.replace("\n", " ")
    assert "Superseded by  none" in told
    assert "running" in told

    second = world.update(Status.FATE_UNKNOWN).alerts[0]
    pipeline.advance_alert(first.id)
    pipeline.advance_alert(second.id)
    data = terminal.json("letter", "verify", str(file))
    assert data["is_ours"] is True
    assert data["form"] == "PDF"
    assert data["letter"]["alert_state"] == "withdrawn"
    assert data["letter"]["has_newer_update"] is True


def test_the_command_fails_for_what_is_not_ours(
    world: World, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = world.start()
    file = tmp_path / "letter.txt"
    file.write_text(letter_of(alert).text.replace("Do not return", "Do return"), encoding="utf-8")
    told = terminal.says("letter", "verify", str(file), code=1)
    assert f"It resembles {alert.number} to The president (en), but 1 line differs" in told.replace("\n", " ")
    assert terminal.json("letter", "verify", str(file), code=1)["is_ours"] is False
    file.write_bytes(b"%PDF-1.4")
    assert "no letter of ours has this content." in terminal.says("letter", "verify", str(file), code=1)
    assert "can't be read" in terminal.says("letter", "verify", str(tmp_path / "none.pdf"), code=65)
    stream = io.TextIOWrapper(io.BytesIO(letter_of(alert).text.encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert "the text of our letter" in terminal.says("letter", "verify", "-")
