"""Changing a case in the console: consent, titles, texts, a case out of a file; and what of it is public."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.flow.callers import staff, text
from tests.flow.world import TEXT, World
from urgentaction.accounts.models import AuditEntry, Role
from urgentaction.cases.models import Case, Person
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.letters.models import Publication, PublicUpdate

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "Ri Un-suk"
CASE_TOML = """
reference = "UA-2024-0003"
titles = { en = "A teacher" }
group_size = 1

[[country]]
code = "TH"
role = "custodian"

[[addressee]]
office = "president"
role = "to"
"""


def path(world: World, rest: str = "") -> str:
    return f"/console/cases/{world.case.reference}/{rest}"


class TestConsent:
    @pytest.fixture
    def person(self, world: World) -> Person:
        return Person.objects.create(
            case=world.case,
            key="person-1",
            confidential_name=SECRET,
            pseudonym="Mr S",
            descriptions={"en": "a man"},
            shown_to_government="name",
            consent_at=clock.now() - timedelta(days=3),
            consent_note="signed",
        )

    def form(self, **changes: str) -> dict[str, str]:
        form = dict.fromkeys(("shown_to_government", "shown_to_public", "shown_to_supporters"), "description")
        return form | {"given_at": "", "note": ""} | changes

    def test_less_is_always_possible_and_holds_at_once(self, world: World, editor: Client, person: Person) -> None:
        assert SECRET not in text(editor.get(path(world, "persons/person-1/")))
        done = editor.post(path(world, "persons/person-1/save/"), self.form(), follow=True)
        assert "It holds from this moment on" in text(done)
        person.refresh_from_db()
        assert (person.shown_to_government, person.consent_at, person.consent_note) == ("description", None, "signed")
        entry = AuditEntry.objects.get(action="person.consent")
        assert entry.detail["shown_to_government"] == "name>description"
        assert SECRET not in str(entry.detail)

    def test_more_takes_a_later_consent(self, world: World, editor: Client, person: Person) -> None:
        old = (clock.now() - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
        wanted = self.form(shown_to_public="pseudonym", given_at=old)
        refused = text(editor.post(path(world, "persons/person-1/save/"), wanted), 422)
        assert "that takes a later consent" in refused
        assert not AuditEntry.objects.filter(action="person.consent").exists()
        new = (clock.now() - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
        editor.post(path(world, "persons/person-1/save/"), wanted | {"given_at": new, "note": "by letter"})
        person.refresh_from_db()
        assert (person.shown_to_public, person.consent_note) == ("pseudonym", "by letter")

    def test_a_name_takes_a_consent(self, world: World, editor: Client, person: Person) -> None:
        refused = editor.post(path(world, "persons/person-1/save/"), self.form(shown_to_government="name"))
        assert "with a consent or not at all" in text(refused, 422)

    def test_texts_that_now_name_somebody_are_told(self, world: World, editor: Client) -> None:
        now = clock.now()
        shown = dict.fromkeys(("shown_to_government", "shown_to_public", "shown_to_supporters"), "name")
        Person.objects.create(
            case=world.case, key="p", public_name=SECRET, descriptions={"en": "a man"}, consent_at=now, **shown
        )
        world.case.texts.update(markdown=TEXT.replace("The two", SECRET))
        done = text(editor.post(path(world, "persons/p/save/"), self.form(), follow=True))
        assert "writes out the name of p" in done


class TestTexts:
    def test_titles(self, world: World, editor: Client) -> None:
        form = {"titles_en": "Two refugees in danger", "titles_ko": "두 난민", "subjects_en": "Two at risk"}
        editor.post(path(world, "titles/"), form)
        world.case.refresh_from_db()
        assert world.case.titles == {"en": "Two refugees in danger", "ko": "두 난민"}
        assert world.case.subjects == {"en": "Two at risk"}
        Person.objects.create(case=world.case, key="p", confidential_name=SECRET)
        refused = text(editor.post(path(world, "titles/"), form | {"subjects_en": f"Free {SECRET}"}), 422)
        assert "writes out the name of p" in refused

    def test_a_text_is_checked_and_saved(self, world: World, editor: Client) -> None:
        page = path(world, "texts/en/save/")
        form = {"markdown": TEXT.replace("border", "garrison"), "before": TEXT}
        checked = text(editor.post(page, form | {"check": "1"}))
        assert "It can be used" in checked
        assert "garrison" not in world.case.texts.get().markdown
        editor.post(page, form)
        assert "garrison" in world.case.texts.get().markdown
        stale = text(editor.post(page, form | {"markdown": TEXT}), 422)
        assert "somebody else has changed this text meanwhile" in stale

    def test_a_fault_is_named_by_line(self, world: World, editor: Client) -> None:
        form = {"markdown": "## who\nThey.\n\n## Who else\nx", "before": TEXT}
        assert "line 4" in text(editor.post(path(world, "texts/en/save/"), form), 422)

    def test_a_new_language_is_begun(self, world: World, editor: Client) -> None:
        assert text(editor.get(path(world, "texts/ko/")))
        editor.post(path(world, "texts/ko/save/"), {"markdown": "## who\n두 사람", "before": ""})
        assert world.case.texts.get(language="ko").markdown == "## who\n두 사람\n"
        assert editor.get(path(world, "texts/xx/")).status_code == 404


class TestTakingIn:
    def archive(self, files: dict[str, str]) -> SimpleUploadedFile:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as made:
            for name, inside in files.items():
                made.writestr(name, inside)
        return SimpleUploadedFile("UA-2024-0003.zip", content.getvalue())

    def take(self, editor: Client, file: SimpleUploadedFile) -> Any:
        return editor.post("/console/cases/import/take/", {"file": file})

    def test_a_case_comes_in(self, world: World, editor: Client) -> None:
        files = {"UA-2024-0003/case.toml": CASE_TOML, "UA-2024-0003/texts/en.md": TEXT, "__MACOSX/x": ""}
        assert "Taken in" in text(self.take(editor, self.archive(files)))
        assert Case.objects.get(reference="UA-2024-0003").titles == {"en": "A teacher"}
        assert "0 new, 0 changed" in text(self.take(editor, self.archive(files)))

    def test_what_is_wrong_is_said_place_by_place(self, world: World, editor: Client) -> None:
        files = {"case.toml": CASE_TOML.replace("president", "nobody"), "texts/en.md": "## Who\nx", "texts/xx1.md": "x"}
        page = text(self.take(editor, self.archive(files)), 422)
        assert "nobody is not in the directory" in page
        assert "en.md, line 1" in page
        assert not Case.objects.filter(reference="UA-2024-0003").exists()

    @pytest.mark.parametrize("name", ["../case.toml", "/etc/passwd", "texts/../../en.md", "a/b/c/case.toml", "run.py"])
    def test_no_path_leads_out(self, world: World, editor: Client, name: str) -> None:
        assert "nothing else" in text(self.take(editor, self.archive({name: "x"})), 422)

    def test_what_is_no_archive_is_refused(self, world: World, editor: Client) -> None:
        assert "is no zip file" in text(self.take(editor, SimpleUploadedFile("a.zip", b"PK nonsense")), 422)


class TestOpenLetters:
    def test_a_letter_is_published_and_taken_away(self, world: World) -> None:
        alert = world.start()
        approver, editor = staff(Role.APPROVER), staff(Role.EDITOR)
        assert "Publish the letter of UA-2026-0001/1" in text(approver.get(path(world, "public/")))
        assert "Publish the letter of" not in text(editor.get(path(world, "public/")))
        assert editor.post(path(world, f"public/{alert.id}/publish/")).status_code == 403
        assert "Publish it" in text(approver.get(path(world, f"public/{alert.id}/")))
        done = text(approver.post(path(world, f"public/{alert.id}/publish/"), {"topic": "refugees"}, follow=True))
        row = Publication.objects.get()
        assert f"/letters/{row.slug}/" in done
        assert row.topic == "refugees"
        again = text(approver.post(path(world, f"public/{alert.id}/publish/"), {}, follow=True))
        assert "is published as" in again
        gone = path(world, f"public/{row.slug}/withdraw/")
        assert "Say why" in text(editor.post(gone, {"why": " "}, follow=True))
        assert "Taken away" in text(editor.post(gone, {"why": "a mistake"}, follow=True))

    def test_the_latest_update_is_told_and_taken_back(self, world: World) -> None:
        update = world.update(Status.DETAINED).update
        approver = staff(Role.APPROVER)
        stale = approver.post(path(world, "public/update/"), {"update": "x"}, follow=True)
        assert "There is a newer update by now" in text(stale)
        approver.post(path(world, "public/update/"), {"update": str(update.id)})
        assert PublicUpdate.objects.filter(update=update).exists()
        back = approver.post(path(world, "public/update/take-back/"), {"update": str(update.id)}, follow=True)
        assert "Taken back" in text(back)
        assert not PublicUpdate.objects.exists()
