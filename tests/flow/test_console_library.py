"""Templates in the browser: the list, writing, previews, reviews, going back; and forms of address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import staff, text
from tests.flow.world import World
from urgentaction.accounts.models import AuditEntry, Role
from urgentaction.letters import templates
from urgentaction.letters.examination import Draft, examine
from urgentaction.letters.library import shipped
from urgentaction.letters.lint import Finding
from urgentaction.letters.models import TemplateVersion
from urgentaction.letters.source import Family
from urgentaction.letters.versions import TemplateName, fingerprint

pytestmark = pytest.mark.django_db(transaction=True)

LETTER = TemplateName(Family.LETTERS, "first_appeal", "en")
BASE = "/console/templates/letters/first_appeal/en/"
SMS = "/console/templates/sms/appeal/en/"
LINE = "We ask for a visit by doctors."


@pytest.fixture(autouse=True)
def _examined_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same examination in this process; its own process has tests of its own. Previews stay confined."""

    def examined(draft: Draft, **_options: object) -> tuple[Finding, ...]:
        return examine(draft)

    monkeypatch.setattr(templates, "examine_confined", examined)


@pytest.fixture
def ada() -> Client:
    return staff(Role.EDITOR, "ada")


@pytest.fixture
def bea() -> Client:
    return staff(Role.APPROVER, "bea")


def shipped_text() -> str:
    return shipped(LETTER.family, LETTER.kind, LETTER.language).text


def written(line: str = LINE) -> str:
    return f"{shipped_text().rstrip()}\n\n{line}\n"


def saved(client: Client, body: str, *, deed: str = "submit", **more: str) -> Any:
    form = {"text": body.replace("\n", "\r\n"), "note": "Asks for doctors", "seen": fingerprint(LETTER), "deed": deed}
    return client.post(f"{BASE}save/", form | more)


def approved(client: Client, number: int, **form: str) -> str:
    return text(client.post(f"{BASE}versions/{number}/approve/", form, follow=True))


class TestList:
    def test_it_shows_what_is_in_force_and_what_waits(self, ada: Client, bea: Client) -> None:
        page = text(ada.get("/console/templates/"))
        assert "first appeal, English: shipped" in page
        assert "Korean" in page
        assert "Waiting for a review" not in page
        saved(ada, written())
        saved(ada, written("Another draft."), deed="save")
        page = text(ada.get("/console/templates/"))
        assert "Asks for doctors" in page
        assert "1 in review" in page
        assert "Your drafts" in page
        approved(bea, 1)
        assert "first appeal, English: version 1" in text(bea.get("/console/templates/"))

    def test_it_is_filtered(self, ada: Client) -> None:
        page = text(ada.get("/console/templates/?family=sms&language=ko"))
        assert "first appeal" not in page
        assert "Text messages" in page
        assert '<option value="ko" selected>Korean</option>' in page
        assert "No template fits these filters" in text(ada.get("/console/templates/?show=edited"))
        saved(ada, written())
        page = text(ada.get("/console/templates/?show=waiting"))
        assert "first appeal" in page
        assert "whereabouts request" not in page
        assert ada.get("/console/templates/?family=%00&show=x").status_code == 200

    def test_it_takes_few_queries(self, ada: Client, django_assert_max_num_queries: Any) -> None:
        for n in range(5):
            saved(ada, written(f"Line {n}."))
        with django_assert_max_num_queries(8):
            ada.get("/console/templates/")
        with django_assert_max_num_queries(18):
            text(ada.get(BASE))


class TestWriting:
    def test_the_editor_begins_from_what_is_in_force(self, ada: Client) -> None:
        page = text(ada.get(f"{BASE}edit/"))
        assert "{{ case.texts.demands }}" in page
        assert f'value="{fingerprint(LETTER)}"' in page
        assert "case.countries.custodian" in page
        assert "Republic of Korea" in page  # the example of a field
        assert re.search(r'id="line-2"[^>]*><span>re = ', page)

    def test_a_draft_is_saved_and_handed_to_review(self, ada: Client) -> None:
        page = text(
            ada.post(f"{BASE}save/", {"text": written(), "note": "Asks", "seen": fingerprint(LETTER)}, follow=True)
        )
        assert "Saved as a draft" in page
        page = text(ada.post(f"{BASE}versions/1/submit/", follow=True))
        assert "Handed to review" in page
        version = TemplateVersion.objects.get()
        assert (version.state, version.text) == ("in_review", written())
        assert list(AuditEntry.objects.values_list("action", flat=True)) == ["template.draft", "template.submit"]

    @pytest.mark.parametrize(
        ("body", "note", "told"),
        [
            ("{{ case.nothing }}", "Why", "nothing"),
            (LINE, "", "This field is required"),
            ("[a](http://x.example)", "Why", "encrypted"),
        ],
    )
    def test_a_text_that_cannot_be_saved_comes_back_as_it_was(
        self, ada: Client, body: str, note: str, told: str
    ) -> None:
        page = text(saved(ada, written(body), note=note), 422)
        assert told in page
        assert body.replace(">", "&gt;") in page
        assert not TemplateVersion.objects.exists()

    def test_an_error_is_shown_at_its_line(self, ada: Client) -> None:
        page = text(saved(ada, written("{{ case.nothing }}")), 422)
        line = len(written("x").rstrip().split("\n"))
        assert f'href="#line-{line}"' in page
        assert f'id="line-{line}" class="has-finding"' in page

    def test_a_text_is_examined_without_being_saved(self, ada: Client) -> None:
        form = {"text": written("{{ nobody }}"), "deed": "examine", "seen": fingerprint(LETTER)}
        assert "nobody" in text(ada.post(f"{BASE}save/", form))
        assert "nobody" in text(ada.post(f"{BASE}check/", form))
        assert "every trial went well" in text(ada.post(f"{BASE}check/", {"text": written()}))
        assert not TemplateVersion.objects.exists()

    def test_whoever_wrote_from_an_outdated_text_sees_what_changed_and_loses_nothing(
        self, ada: Client, bea: Client
    ) -> None:
        seen = fingerprint(LETTER)
        saved(ada, written("The first change."))
        approved(bea, 1)
        page = text(saved(ada, written("My own change."), seen=seen), 422)
        assert "Another text is in force" in page
        assert "The first change." in page
        assert "My own change." in page
        assert f'name="seen" value="{seen}"' in page
        assert TemplateVersion.objects.count() == 1
        page = text(saved(ada, written("My own change."), seen=seen, taken_over="something else"), 422)
        both = written("The first change.\n\nMy own change.")
        assert saved(ada, both, seen=seen, taken_over=fingerprint(LETTER)).status_code == 302
        assert TemplateVersion.objects.get(number=2).based_on is not None

    def test_an_old_draft_is_gone_on_with_from_where_it_began(self, ada: Client, bea: Client) -> None:
        saved(ada, written("A draft."), deed="save")
        saved(ada, written("In force."))
        approved(bea, 2)
        page = text(ada.get(f"{BASE}edit/?from=1"))
        assert "Another text is in force" in page
        assert "A draft." in page
        assert "Another text is in force" not in text(ada.get(f"{BASE}edit/"))

    def test_who_else_is_at_it_is_told(self, ada: Client) -> None:
        saved(ada, written())
        assert "Version 1 by ada" in text(staff(Role.EDITOR, "cem").get(f"{BASE}edit/"))

    def test_what_does_not_exist_is_404(self, ada: Client) -> None:
        for path in ("letters/nothing/en/", "letters/first_appeal/xx/", "pages/first_appeal/en/"):
            assert ada.get(f"/console/templates/{path}").status_code == 404
        for path in ("versions/7/", "edit/?from=7", "edit/?like=xx", "diff/?from=7", "diff/?from=%00"):
            assert ada.get(f"{BASE}{path}").status_code == 404


class TestPreview:
    def test_an_unsaved_text_is_shown_for_a_case(self, ada: Client, world: World) -> None:
        form = {"text": written(), "case": world.case.reference, "form": "text"}
        answer = ada.post(f"{BASE}try/", form)
        page = text(answer)
        assert LINE in page
        assert "Dear president" in page
        assert "Two refugees at risk" in page
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_only_a_preview_may_be_framed(self, ada: Client) -> None:
        answer = ada.get(f"{BASE}edit/")
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]

    @pytest.mark.parametrize(
        ("form", "told"),
        [("html", "srcdoc="), ("text", "<pre"), ("pdf", "data:image/png;base64,"), ("fax", "data:image/png;base64,")],
    )
    def test_a_letter_has_four_forms(self, ada: Client, world: World, form: str, told: str) -> None:
        for case in ("", world.case.reference):
            assert told in text(ada.post(f"{BASE}try/", {"text": written(), "case": case, "form": form}))

    def test_a_text_message_tells_its_segments(self, ada: Client, world: World) -> None:
        page = text(ada.get(f"{SMS}preview/?case={world.case.reference}&form=sms"))
        assert re.search(r"\d segment", page)
        assert "characters" in page

    def test_a_copy_is_shown_to_its_reader(self, ada: Client, world: World) -> None:
        fields = text(ada.get(f"/console/templates/addressees/?case={world.case.reference}"))
        assert "minister-holder" in fields
        page = text(ada.get(f"{BASE}preview/?case={world.case.reference}&to=nobody&form=text"))
        assert "this case writes to president-holder, minister-holder" in page
        assert "Dear president" in text(
            ada.get(f"{BASE}preview/?case={world.case.reference}&to=minister-holder&form=text")
        )

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ("case=UA-1999-0001", "no case"),
            ("form=sms", "no sms"),
            ("version=9", ""),
            ("form=%00&audience=king", "<iframe"),
        ],
    )
    def test_what_cannot_be_shown_says_why(self, ada: Client, asked: str, told: str) -> None:
        answer = ada.get(f"{BASE}preview/?{asked}")
        assert answer.status_code == (404 if "version" in asked else 200)
        assert told in answer.content.decode()

    def test_a_mistake_is_told_in_the_preview(self, ada: Client) -> None:
        page = text(ada.post(f"{BASE}try/", {"text": written("{{ nobody }}")}))
        assert "There is nothing to show" in page
        assert "nobody" in page

    def test_a_bomb_is_stopped(self, ada: Client) -> None:
        loops = "{% for a in persons %}{% for b in cc %}" * 6 + "boom" + "{% endfor %}{% endfor %}" * 6
        page = text(ada.post(f"{BASE}try/", {"text": written(loops)}))
        assert "There is nothing to show" in page

    def test_markup_of_the_text_stays_in_its_frame(self, ada: Client) -> None:
        page = text(ada.post(f"{BASE}try/", {"text": written("<script>alert(1)</script>"), "form": "html"}))
        assert "<script" not in page

    def test_a_hidden_name_is_never_shown(self, ada: Client, world: World) -> None:
        world.case.persons.create(
            key="p1", confidential_name="Kim Sun-hee", pseudonym="", descriptions={"en": "a woman"}
        )
        page = text(ada.post(f"{BASE}try/", {"text": written("Free Kim Sun-hee."), "case": world.case.reference}))
        assert "Sun-hee" not in page
        assert "a name is written out" in page


class TestReview:
    def test_another_person_sees_what_changes_and_approves(self, ada: Client, bea: Client) -> None:
        saved(ada, written())
        page = text(bea.get(f"{BASE}versions/1/"))
        assert "+ added" in page
        assert LINE in page
        assert "Approve: put it in force" in page
        assert "It is in force from now on" in approved(bea, 1, comment="Good")
        assert LINE in text(bea.get(BASE))
        assert "Approve: put it in force" not in text(bea.get(f"{BASE}versions/1/"))

    def test_nobody_approves_their_own(self) -> None:
        client = staff(Role.ADMINISTRATOR)
        saved(client, written())
        page = text(client.get(f"{BASE}versions/1/"))
        assert "You wrote it; another person has to approve it" in page
        assert "Approve: put it in force" not in page
        assert "another person has to approve it" in approved(client, 1)
        assert TemplateVersion.objects.get().state == "in_review"

    def test_a_no_needs_a_reason(self, ada: Client, bea: Client) -> None:
        saved(ada, written())
        assert "Say why" in text(bea.post(f"{BASE}versions/1/reject/", {"comment": " "}, follow=True))
        page = text(bea.post(f"{BASE}versions/1/reject/", {"comment": "The wrong date"}, follow=True))
        assert "Rejected. What was in force stays" in page
        assert "The wrong date" in text(ada.get(BASE))
        assert f"{BASE}edit/?from=1" in text(ada.get(BASE))

    def test_an_author_takes_it_back_and_nobody_else(self, ada: Client, bea: Client) -> None:
        saved(ada, written())
        assert "only its author" in text(bea.post(f"{BASE}versions/1/take-back/", follow=True))
        assert "Taken back" in text(ada.post(f"{BASE}versions/1/take-back/", {"why": "A slip"}, follow=True))
        assert TemplateVersion.objects.get().review_comment == "taken back: A slip"

    def test_an_outdated_version_is_approved_only_by_who_means_it(self, ada: Client, bea: Client) -> None:
        saved(ada, written("One."))
        saved(ada, written("Two."))
        approved(bea, 1)
        page = text(bea.get(f"{BASE}versions/2/"))
        assert "It is outdated: it was written from the shipped file, and version 1 is in force" in page
        assert "is outdated" in approved(bea, 2)
        assert TemplateVersion.objects.get(number=2).state == "in_review"
        approved(bea, 2, anyway="yes")
        assert TemplateVersion.objects.get(number=2).state == "live"


class TestGoingBack:
    def test_an_earlier_text_is_put_back_after_a_look_at_it(self, ada: Client, bea: Client) -> None:
        for n in (1, 2):
            saved(ada, written(f"Change {n}."))
            approved(bea, n)
        page = text(bea.get(f"{BASE}put-back/?to=1"))
        assert "Put back in force: version 1" in page
        assert "− removed" in page
        refused = text(bea.post(f"{BASE}roll-back/", {"to": "1", "why": ""}), 422)
        assert "This field is required" in refused
        page = text(bea.post(f"{BASE}roll-back/", {"to": "1", "why": "Two is wrong"}, follow=True))
        assert "The text of version 1 is in force again, as version 3." in page
        page = text(bea.post(f"{BASE}roll-back/", {"to": "shipped", "why": "All wrong"}, follow=True))
        assert "The shipped file is in force again." in page
        assert "is in force already" in text(
            bea.post(f"{BASE}roll-back/", {"to": "shipped", "why": "Again"}, follow=True)
        )

    def test_two_texts_are_compared(self, ada: Client) -> None:
        saved(ada, written())
        page = text(ada.get(f"{BASE}diff/?from=shipped&to=1"))
        assert "+ added" in page
        assert "Both texts are the same" in text(ada.get(f"{BASE}diff/?from=live&to=shipped"))

    def test_a_version_names_the_letters_made_from_it(self, ada: Client, bea: Client, world: World) -> None:
        saved(ada, written())
        approved(bea, 1)
        alert = world.start()
        page = text(ada.get(f"{BASE}versions/1/"))
        assert alert.number in page
        assert f"/console/alerts/{alert.id}/" in page

    def test_a_shipped_text_names_the_letters_made_from_it(self, ada: Client, world: World) -> None:
        alert = world.start()
        assert alert.number in text(ada.get(BASE))


def test_a_viewer_is_offered_no_change(world: World) -> None:
    page = text(staff(Role.VIEWER).get(BASE))
    assert "edit/" not in page


def test_forms_of_address_are_shown_with_their_sources() -> None:
    client = staff(Role.VIEWER)
    page = text(client.get("/console/templates/forms-of-address/?language=fr"))
    assert "Madame la Présidente" in page
    assert "Protocole épistolaire" in page
    assert client.get("/console/templates/forms-of-address/?language=%00").status_code == 200
