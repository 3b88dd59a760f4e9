"""The staff's side of supporters: what is shown of whom, what may be done, and what comes of a table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

from tests.flow.callers import staff, text
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry, Role
from urgentaction.channels.contract import Channel
from urgentaction.console.supporters.tables import LongTable
from urgentaction.core import clock
from urgentaction.receipts.models import Receipt
from urgentaction.supporters import handing_in, segments
from urgentaction.supporters.models import HandedInTable, Supporter, Suppression, SuppressionReason, TableState
from urgentaction.supporters.service import suppress, unsubscribe

pytestmark = pytest.mark.django_db(transaction=True)

HEADING = "name,email,phone,language,wants_email,wants_sms,consent_source,consented_at"
CLARA = "Clara,clara@a.invalid,,ko,yes,no,letter,2015-05-03"


def path_of(one: Supporter) -> str:
    return f"/console/supporters/people/{one.id}/"


def hand_in(client: Client, *rows: str, heading: str = HEADING) -> Any:
    content = "\n".join([heading, *rows, ""]).encode()
    return client.post(
        "/console/supporters/tables/hand-in/", {"table": SimpleUploadedFile("people.csv", content)}, follow=True
    )


class TestMenu:
    def test_a_viewer_has_no_entry_in_the_menu(self, editor: Client) -> None:
        assert "/console/supporters/" not in text(staff(Role.VIEWER).get("/console/"))
        assert "/console/supporters/" in text(editor.get("/console/"))


class TestSegments:
    def test_nobody_there_teaches_how_people_get_in(self, editor: Client) -> None:
        page = text(editor.get("/console/supporters/"))
        assert "Nobody has signed up yet" in page
        assert "/sign-up/" in page

    def test_counts_tell_who_is_reached(self, world: World, editor: Client) -> None:
        suppress(Channel.EMAIL, "friend1@supporters.invalid", reason=SuppressionReason.HARD_BOUNCE, source="test")
        page = " ".join(text(editor.get("/console/supporters/")).split())
        assert "<strong>3</strong> supporters" in page
        assert "<strong>2</strong> reached by email" in page
        assert "<strong>1</strong> reached by text message" in page
        assert "?language=en" in page
        assert "?time_zone=UTC" in page

    def test_a_long_list_is_counted_now_and_then(
        self, world: World, editor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(segments, "SMALL", 2)
        assert segments.segments().total == 3
        with connection.cursor() as cursor:
            cursor.execute("UPDATE supporters_segmentcounts SET due_at = ua_now() + interval '1 hour'")
        world.more_supporters(2)
        kept = segments.segments()
        assert (kept.total, kept.at is not None) == (3, True)
        assert "Counted" in text(editor.get("/console/supporters/"))
        segments.forget_counts()
        assert segments.segments().total == 5


class TestPeople:
    def test_the_list_shows_nobody_s_name_or_address(self, world: World, editor: Client) -> None:
        page = text(editor.get("/console/supporters/people/"))
        for person in world.supporters:
            assert f"…{person.id.hex[-8:]}" in page
            assert person.name not in page
            assert person.email not in page
            assert person.phone not in page
        assert "f•••@s•••.invalid" in page

    def test_segments_are_filtered_and_linked(self, world: World, editor: Client) -> None:
        first = world.supporters[0]
        page = text(editor.get("/console/supporters/people/?channel=sms"))
        assert f"…{first.id.hex[-8:]}" in page
        assert page.count("reaches</span>") == 2
        assert "Nobody fits these filters" in text(editor.get("/console/supporters/people/?language=ko"))
        assert "Nobody fits" in text(editor.get("/console/supporters/people/?time_zone=Asia/Seoul&state=open"))
        assert editor.get("/console/supporters/people/?language=%00&after=x&sort=--since").status_code == 200

    def test_a_page_of_the_list_takes_few_queries(
        self, world: World, editor: Client, django_assert_max_num_queries: Any
    ) -> None:
        world.more_supporters(120)
        with django_assert_max_num_queries(5):  # session, user, people, suppression, the hour of the database
            page = text(editor.get("/console/supporters/people/"))
        assert "Next page" in page

    def test_somebody_is_found_by_the_exact_address_alone(self, world: World, editor: Client) -> None:
        person = world.supporters[0]
        for typed in ("FRIEND0@supporters.invalid ", person.phone):
            found = editor.post("/console/supporters/people/find/", {"address": typed})
            assert found.headers["Location"] == path_of(person)
        missed = text(editor.post("/console/supporters/people/find/", {"address": "friend@supporters.invalid"}))
        assert "there is nobody with this id or address" in missed
        assert editor.get("/console/supporters/people/find/?address=x").status_code == 405


class TestOnePerson:
    def test_opening_somebody_is_logged(self, world: World, editor: Client) -> None:
        person = world.supporters[0]
        page = text(editor.get(path_of(person)))
        assert person.email in page
        assert person.phone in page
        assert f"<title>Supporter …{person.id.hex[-8:]} " in page
        assert AuditEntry.objects.get(action="supporter.open").subject == f"supporter:{person.id}"
        assert "page opened" in text(editor.get(path_of(person)))

    def test_their_messages_are_listed(self, world: World, editor: Client, django_assert_max_num_queries: Any) -> None:
        alert = world.start()
        path = path_of(world.supporters[0])
        with django_assert_max_num_queries(25):
            page = text(editor.get(path))
        assert page.count(f">{alert.number}</a>") == 2
        assert "queued" in page

    def test_unsubscribing_at_their_wish(self, world: World, editor: Client) -> None:
        person = world.supporters[0]
        path = f"{path_of(person)}unsubscribe/"
        refused = text(editor.post(path, {"unsubscribe-channel": "email", "unsubscribe-how": " "}))
        assert "Say it in a few words" in refused
        done = text(
            editor.post(path, {"unsubscribe-channel": "email", "unsubscribe-how": "letter of 3 May"}, follow=True)
        )
        assert "They get nothing any more on that channel" in done
        assert "told staff: letter of 3 May" in done
        person.refresh_from_db()
        assert (person.wants_email, person.wants_sms) == (False, True)

    def test_what_staff_suppressed_staff_lifts(self, world: World, editor: Client) -> None:
        person = world.supporters[0]
        form = {"suppress-channel": "sms", "suppress-why": "number given to another"}
        assert "Nothing goes there" in text(editor.post(f"{path_of(person)}suppress/", form, follow=True))
        row = Suppression.objects.get()
        page = text(editor.get(f"/console/supporters/suppression/{row.id}/"))
        assert "editor: number given to another" in page
        lift = f"/console/supporters/suppression/{row.id}/lift/"
        assert "may be written to again" in text(editor.post(lift, {"why": "it is theirs"}, follow=True))
        row.refresh_from_db()
        assert row.lifted_at is not None
        assert "lifted already" in text(editor.post(lift, {"why": "again"}, follow=True))

    def test_a_person_s_no_is_lifted_only_at_their_wish(self, world: World, editor: Client) -> None:
        person = world.supporters[0]
        with transaction.atomic():
            unsubscribe(person.id, source="link")
        row = Suppression.objects.get()
        lift = f"/console/supporters/suppression/{row.id}/lift/"
        assert "Say it in a few words" in text(editor.post(lift, {"why": "they are nice"}))
        editor.post(lift, {"why": "asked", "wish": "phoned on 3 May"})
        person.refresh_from_db()
        row.refresh_from_db()
        assert person.wants_email
        assert row.lift_reason == "asked (at their wish: phoned on 3 May)"

    def test_erasing_takes_the_word(self, world: World, approver: Client) -> None:
        person = world.supporters[0]
        path = f"{path_of(person)}erase/"
        wrong = text(approver.post(path, {"erase-why": "letter of 3 May", "erase-word": "yes"}))
        assert "Nothing was erased" in wrong
        person.refresh_from_db()
        assert person.erased_at is None
        done = text(approver.post(path, {"erase-why": "letter of 3 May", "erase-word": "Erase"}, follow=True))
        assert "friend0@" not in done
        assert "Who this was is forgotten" in done
        person.refresh_from_db()
        assert (person.name, person.email, person.phone) == ("", "", "")
        assert AuditEntry.objects.get(action="supporter.erase").detail == {"why": "letter of 3 May"}

    def test_an_editor_is_not_offered_to_erase(self, world: World, editor: Client) -> None:
        assert "Erase for good" not in text(editor.get(path_of(world.supporters[0])))

    def test_everything_held_on_them_can_be_handed_out(self, world: World, editor: Client) -> None:
        person, alert = world.supporters[0], world.start()
        now = clock.now()
        Receipt.objects.create(
            gateway="twilio", event_id="SM1:inbound", kind="inbound", address=person.phone,
            raw="From=%2B44&Body=who+are+you%3F", received_at=now,
        )  # fmt: skip
        answer = editor.post(f"{path_of(person)}export/", {"form": "json"})
        found = json.loads(text(answer))
        assert answer.headers["Content-Disposition"].endswith(f'supporter-{person.id.hex[-8:]}.json"')
        assert found["person"]["email"] == person.email
        assert {row["alert"] for row in found["messages"]} == {alert.number}
        assert [row["they_wrote"] for row in found["came_back"]] == ["who are you?"]
        readable = text(editor.post(f"{path_of(person)}export/", {"form": "text"}))
        assert f"email: {person.email}" in readable
        assert "they wrote: who are you?" in readable
        assert AuditEntry.objects.filter(action="supporter.export").count() == 2


class TestTables:
    def test_a_table_is_shown_before_anything_is_written(self, approver: Client) -> None:
        page = text(hand_in(approver, CLARA))
        assert "waits for your yes" in page
        assert "Take it in: 1 new, 0 changed" in page
        assert not Supporter.objects.exists()
        table = HandedInTable.objects.get()
        done = text(approver.post(f"/console/supporters/tables/{table.id}/take/", follow=True))
        assert "taken in" in done
        table.refresh_from_db()
        assert (table.state, table.sealed) == (TableState.TAKEN, "")
        assert Supporter.objects.get().email == "clara@a.invalid"
        again = text(hand_in(approver, CLARA))
        assert "Take it in: 0 new, 0 changed" in again

    def test_what_is_wrong_is_shown_by_row_and_column(self, approver: Client) -> None:
        page = text(
            hand_in(approver, CLARA, "Bo,bo@@a,,en,yes,no,letter,2015-05-03", "Di,di@a.invalid,,en,yes,no,,2015-05-03")
        )
        assert "2 rows are wrong, so nothing was written" in page
        assert '<td class="number">3</td><td><code>email</code></td>' in page
        assert '<td class="number">4</td><td><code>consent_source</code></td>' in page
        assert "bo@@a" not in page
        assert HandedInTable.objects.get().sealed == ""

    def test_consent_must_have_a_column(self, approver: Client) -> None:
        page = text(hand_in(approver, "Clara,clara@a.invalid,,ko,yes,no", heading=HEADING.partition(",consent")[0]))
        assert "column consent_source is missing" in page
        assert "The table can&#x27;t be used" in page or "The table can't be used" in page

    def test_a_suppressed_address_stays_suppressed(self, approver: Client) -> None:
        suppress(Channel.EMAIL, "clara@a.invalid", reason=SuppressionReason.COMPLAINT, source="test")
        page = text(hand_in(approver, CLARA))
        assert "an address is on the suppression list and gets nothing" in page
        approver.post(f"/console/supporters/tables/{HandedInTable.objects.get().id}/take/")
        assert Suppression.objects.get().lifted_at is None

    def test_a_long_table_is_a_worker_s(self, approver: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handing_in, "SHORT", 1)
        page = text(hand_in(approver, CLARA))
        table = HandedInTable.objects.get()
        live = f"/console/supporters/tables/{table.id}/live/"
        assert f'hx-get="{live}"' in page
        assert approver.get(live).status_code == 200
        assert pipeline.take_in_table(table.id)
        assert not pipeline.take_in_table(table.id)
        assert approver.get(live).status_code == 286
        approver.post(f"/console/supporters/tables/{table.id}/take/")
        assert not Supporter.objects.exists()
        assert pipeline.take_in_table(table.id)
        assert Supporter.objects.get().language == "ko"

    def test_a_table_nobody_decides_on_goes(self, approver: Client) -> None:
        hand_in(approver, CLARA)
        HandedInTable.objects.update(handed_in_at=clock.now() - handing_in.LIFETIME * 2)
        assert handing_in.look_after() == 1
        table = HandedInTable.objects.get()
        assert (table.state, table.sealed) == (TableState.DROPPED, "")

    def test_dropping_writes_nothing(self, approver: Client) -> None:
        hand_in(approver, CLARA)
        table = HandedInTable.objects.get()
        assert "Nothing of it was written" in text(
            approver.post(f"/console/supporters/tables/{table.id}/drop/", follow=True)
        )
        table.refresh_from_db()
        assert (table.state, table.sealed, Supporter.objects.count()) == ("dropped", "", 0)

    def test_what_lies_in_the_database_is_sealed(self, approver: Client) -> None:
        hand_in(approver, CLARA)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sealed FROM supporters_handedintable")
            assert b"clara" not in bytes(cursor.fetchone()[0])

    def test_a_file_that_is_too_long_is_refused(self, approver: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LongTable, "most_bytes", 50)
        assert "at most 20 MB" in text(hand_in(approver, CLARA, CLARA))
        assert not HandedInTable.objects.exists()

    def test_handing_in_needs_the_form_s_token(self) -> None:
        client = staff(Role.APPROVER)
        client.handler.enforce_csrf_checks = True
        answer = client.post("/console/supporters/tables/hand-in/", {"table": SimpleUploadedFile("p.csv", b"x")})
        assert answer.status_code == 403
        assert not HandedInTable.objects.exists()


class TestSuppression:
    def test_the_list_shows_hashes(self, world: World, editor: Client) -> None:
        row = suppress(Channel.EMAIL, "friend0@supporters.invalid", reason=SuppressionReason.COMPLAINT, source="test")
        page = text(editor.get("/console/supporters/suppression/"))
        assert bytes(row.address_index).hex()[:12] in page
        assert "friend0" not in page
        assert "Nothing fits" in text(editor.get("/console/supporters/suppression/?reason=stop"))
        assert "Nothing fits" in text(editor.get("/console/supporters/suppression/?since=2099-01-01"))
        assert editor.get("/console/supporters/suppression/?since=no&over=1&channel=fax").status_code == 200

    def test_an_address_is_asked_after_by_post(self, editor: Client) -> None:
        suppress(Channel.SMS, "+442079460200", reason=SuppressionReason.STOP, source="reply STOP")
        found = text(editor.post("/console/supporters/suppression/find/", {"address": "+44 20 7946 0200"}))
        assert "This address is suppressed." in found
        other = text(editor.post("/console/supporters/suppression/find/", {"address": "nobody@a.invalid"}))
        assert "This address is not suppressed." in other

    def test_anybody_s_address_can_be_suppressed(self, editor: Client) -> None:
        form = {"add-address": "him@a.invalid", "add-channel": "email", "add-why": "asked by letter"}
        assert "Suppressed." in text(editor.post("/console/supporters/suppression/add/", form, follow=True))
        assert Suppression.objects.get().reason == "manual"
        wrong = text(editor.post("/console/supporters/suppression/add/", form | {"add-address": "him"}))
        assert "is not a mail address" in wrong

    def test_a_page_of_it_takes_few_queries(self, editor: Client, django_assert_max_num_queries: Any) -> None:
        for n in range(60):
            suppress(Channel.EMAIL, f"p{n}@a.invalid", reason=SuppressionReason.STOP, source="user:none: x")
        with django_assert_max_num_queries(5):
            assert "Next page" in text(editor.get("/console/supporters/suppression/"))
