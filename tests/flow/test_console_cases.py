"""Cases in the console: finding one, reading its story, and saying what happened after seeing what follows."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.flow.callers import staff, text
from tests.flow.world import World
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.cases.models import Case, CaseCountry, Person, Source, StatusUpdate
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, GatewayState
from urgentaction.deliveries.rules import State
from urgentaction.directory.models import Official

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "Ri Un-suk"


def words(answer: Any, status: int = 200) -> str:
    """What a reader sees, blanks as one."""
    return " ".join(re.sub(r"<[^>]+>", " ", text(answer, status)).split())


def path(world: World, rest: str = "") -> str:
    return f"/console/cases/{world.case.reference}/{rest}"


def said(**changes: Any) -> dict[str, Any]:
    """What an editor types."""
    form = {
        "status": "return_imminent",
        "confidence": "confirmed",
        "as_of": "2026-11-20",
        "place": "Tumen",
        "new_source": "lawyer",
        "note": "told by phone",
    }
    return form | changes


def carried(page: str) -> dict[str, Any]:
    """The hidden values of a page: what the browser would send back."""
    found: dict[str, Any] = {}
    for tag in re.findall(r'<input type="hidden"[^>]*>', page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrfmiddlewaretoken":
            found.setdefault(name[1], []).append(value[1] if value else "")
    return {name: values if name == "persons" else values[0] for name, values in found.items()}


def person(world: World, key: str, **rest: Any) -> Person:
    return Person.objects.create(case=world.case, key=key, descriptions={"en": f"a person called {key}"}, **rest)


class TestList:
    def test_it_is_narrowed_by_its_address(self, world: World) -> None:
        world.start()
        now = clock.now()
        other = Case.objects.create(reference="UA-2025-0009", titles={"en": "A lawyer", "ko": "변호사"}, created_at=now)
        CaseCountry.objects.create(case=other, country="TH", role="custodian")
        CaseCountry.objects.create(case=other, country="CN", role="origin")
        client = staff(Role.VIEWER)
        for query, expected in (
            ("text=lawyer", {"UA-2025-0009"}),
            ("text=변호사", {"UA-2025-0009"}),
            ("text=2026-0001", {"UA-2026-0001"}),
            ("country=CN", {"UA-2025-0009", "UA-2026-0001"}),
            ("country=CN&role=custodian", {"UA-2026-0001"}),
            ("status=return_imminent", {"UA-2026-0001"}),
            ("status=none", {"UA-2025-0009"}),
            ("alerts=running", {"UA-2026-0001"}),
            ("alerts=running&level=1", {"UA-2026-0001"}),
            ("level=2", set()),
            ("alerts=none", {"UA-2025-0009"}),
            ("alerts=nonsense", {"UA-2025-0009", "UA-2026-0001"}),
        ):
            page = text(client.get(f"/console/cases/?{query}"))
            assert set(re.findall(r">(UA-\d{4}-\d{4})</a></th>", page)) == expected, query
        assert "No case fits" in text(client.get("/console/cases/?text=nobody"))

    def test_it_costs_the_same_with_many(self, world: World, django_assert_max_num_queries: Any) -> None:
        now = clock.now()
        made = Case.objects.bulk_create(
            [Case(reference=f"UA-2024-{n:04}", titles={"en": f"Case {n}"}, created_at=now) for n in range(120)]
        )
        CaseCountry.objects.bulk_create([CaseCountry(case=one, country="CN", role="custodian") for one in made])
        client = staff(Role.VIEWER)
        client.get("/console/cases/")
        with django_assert_max_num_queries(8):
            page = text(client.get("/console/cases/?country=CN&sort=reference"))
        assert "Next page" in page

    def test_an_empty_list_says_how_to_begin(self) -> None:
        assert "There is no case yet" in text(staff(Role.VIEWER).get("/console/cases/"))


class TestPage:
    def test_it_tells_one_story(self, world: World) -> None:
        alert = world.start()
        Delivery.objects.filter(alert=alert, channel="fax").update(state=State.FAILED.value, reason="no answer")
        client = staff(Role.VIEWER)
        page = words(client.get(path(world)))
        for piece in (
            "Asia/Shanghai", "China", "The president", "Tumen",
            "letters made: 2 in English", "email to supporters: 3", "1 failed", "Office of the president", "no answer",
        ):  # fmt: skip
            assert piece in page
        only = words(client.get(path(world, "?show=deliveries")))
        assert "email to supporters" in only
        assert "letters made" not in only
        assert client.get(path(world, "?show=nonsense")).status_code == 200

    def test_a_viewer_reads_of_persons_what_the_public_may_know(self, world: World) -> None:
        consent = {"shown_to_government": "name", "shown_to_supporters": "name", "consent_at": clock.now()}
        known = person(world, "person-1", public_name="Ms Known", pseudonym="Bada", **consent)
        viewer, editor = staff(Role.VIEWER), staff(Role.EDITOR)
        for form, called in (("name", "Ms Known"), ("pseudonym", "Bada"), ("description", "a person called person-1")):
            Person.objects.filter(id=known.id).update(shown_to_public=form)
            page = words(viewer.get(path(world)))
            assert called in page
            assert [name for name in ("Ms Known", "Bada") if name in page] == [
                name for name in ("Ms Known", "Bada") if name == called
            ]
            assert "Ms Known" in words(editor.get(path(world))), "who records something has to tell people apart"

    def test_its_price_does_not_grow_with_its_deliveries(self, world: World) -> None:
        world.start()
        client = staff(Role.VIEWER)
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(
                connection,
            ) as asked:
                text(client.get(path(world)))
            counts.append(len(asked))
            if not counts[1:]:
                world.more_supporters(50)
                world.start(Status.EXECUTION_IMMINENT)
        assert counts[1] <= counts[0] + 3, counts  # there is one more alert
        assert counts[1] < 45

    def test_sealed_names_stay_sealed(self, world: World) -> None:
        person(world, "person-1", confidential_name=SECRET, shown_to_government="name", consent_at=clock.now())
        for role in (Role.VIEWER, Role.EDITOR, Role.APPROVER):
            client = staff(role)
            page = text(client.get(path(world)))
            assert SECRET not in page
            assert "name sealed" in page
            answer = client.post(path(world, "names/"))
            if role is Role.APPROVER:
                assert SECRET in text(answer)
                assert answer.headers["Cache-Control"] == "no-store"
            else:
                assert answer.status_code == 403
        looks = AuditEntry.objects.filter(action="case.names")
        assert [one.actor for one in looks] == [f"user:{User.objects.get(username='approver').pk}"]
        assert SECRET not in str(looks[0].detail)

    def test_the_dossier_is_audited(self, world: World) -> None:
        world.start()
        assert staff(Role.VIEWER).post(path(world, "dossier/")).status_code == 403
        editor, approver = staff(Role.EDITOR), staff(Role.APPROVER)
        answer = editor.post(path(world, "dossier/"))
        assert answer.content.startswith(b"%PDF")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="UA-2026-0001-internal.pdf"'
        assert editor.post(path(world, "dossier/confidential/")).status_code == 403
        assert approver.post(path(world, "dossier/confidential/")).content.startswith(b"%PDF")
        editions = [
            entry.detail["edition"] for entry in AuditEntry.objects.filter(action="case.dossier").order_by("id")
        ]
        assert editions == ["internal", "confidential"]


class TestWhatFollows:
    def test_it_is_shown_before_anything_is_written(self, world: World, editor: Client) -> None:
        assert "Show what follows" in text(editor.get(path(world, "update/")))
        page = words(editor.post(path(world, "update/preview/"), said()))
        for piece in (
            "2 letters to officials", "4 messages to supporters", "By itself", "first appeal", "fax, email (1 page)",
            "no price configured", "Record it: sending starts", "imminent, level 1, hours count",
        ):  # fmt: skip
            assert piece in page, piece
        assert not StatusUpdate.objects.exists()
        assert not Alert.objects.exists()

    def test_the_day_offered_is_the_one_where_it_happened(self, world: World, editor: Client) -> None:
        """What stands in letters. These two clocks are never on the same day: 25 hours lie between them."""
        world.case.countries.all().delete()
        CaseCountry.objects.create(case=world.case, country="TO", role="custodian")
        User.objects.update(time_zone="Etc/GMT+12")
        before = clock.today("Pacific/Tongatapu")
        page = text(editor.get(path(world, "update/")))
        days = {before, clock.today("Pacific/Tongatapu")}
        assert any(f'name="as_of" value="{day.isoformat()}"' in page for day in days)

    def test_what_was_shown_is_what_is_recorded(self, world: World, editor: Client) -> None:
        page = text(editor.post(path(world, "update/preview/"), said(is_family_informed="on", dated_on="2026-11-19")))
        done = editor.post(path(world, "update/record/"), carried(page), follow=True)
        assert "UA-2026-0001/1 starts by itself" in text(done)
        update = StatusUpdate.objects.get()
        assert (update.status, update.place, update.note) == ("return_imminent", "Tumen", "told by phone")
        assert update.source is not None
        assert update.source.label == "lawyer"
        assert update.is_family_informed
        assert update.recorded_by == f"user:{User.objects.get().pk}"
        assert Alert.objects.get().dated_on == date(2026, 11, 19)
        assert "told by phone" not in text(editor.get(path(world)))

    def test_pressing_twice_records_once(self, world: World, editor: Client) -> None:
        form = carried(text(editor.post(path(world, "update/preview/"), said(confidence="rumoured"))))
        editor.post(path(world, "update/record/"), form)
        again = text(editor.post(path(world, "update/record/"), form))
        assert "Nothing was recorded: something has changed since you looked" in again
        assert StatusUpdate.objects.count() == 1
        assert Alert.objects.count() == 1

    def test_a_change_in_between_shows_the_new_consequences(self, world: World, editor: Client) -> None:
        form = carried(text(editor.post(path(world, "update/preview/"), said())))
        StandingApproval.objects.update(revoked_at=clock.now())
        refused = text(editor.post(path(world, "update/record/"), form))
        assert "something has changed since you looked" in refused
        assert "One person, and not you." in refused
        assert not StatusUpdate.objects.exists()
        editor.post(path(world, "update/record/"), carried(refused))
        assert Alert.objects.get().state == "awaiting_approval"

    def test_nothing_is_recorded_that_nobody_was_shown(self, world: World, editor: Client) -> None:
        assert "What follows if you record this" in text(editor.post(path(world, "update/record/"), said()))
        assert not StatusUpdate.objects.exists()

    def test_it_says_what_stops(self, world: World, editor: Client) -> None:
        alert = world.start()
        page = words(editor.post(path(world, "update/preview/"), said(status="released")))
        assert "1 live alert withdrawn" in page
        assert f"{alert.number} is withdrawn: 7 deliveries of it are still unsent" in page

    @pytest.mark.parametrize(
        ("changes", "warning"),
        [
            ({"confidence": "rumoured"}, "A rumour sends nothing"),
            ({"status": "died"}, "The family comes first"),
            ({"as_of": "2026-11-01"}, "already known as of 2026-11-20"),
        ],
    )
    def test_it_warns(self, world: World, editor: Client, changes: dict[str, str], warning: str) -> None:
        world.update(Status.DETAINED)
        assert warning in text(editor.post(path(world, "update/preview/"), said(**changes)))

    def test_it_warns_of_offices_ways_and_consent(self, world: World, editor: Client) -> None:
        Official.objects.filter(slug="minister-holder").update(holds_until=date(2020, 1, 1))
        GatewayState.objects.create(name="telnyx", is_paused=True, reason="401", changed_at=clock.now())
        person(world, "person-1")
        page = words(editor.post(path(world, "update/preview/"), said()))
        assert "Office of the minister: nobody is recorded as holding this office" in page
        assert "nobody has verified its fax" in page
        assert "No gateway for fax works at this moment" in page
        assert "No consent of person-1 is on record" in page
        assert "1 letter to an official" in page

    def test_a_text_that_names_somebody_is_known_before(self, world: World, editor: Client) -> None:
        person(world, "person-1", confidential_name=SECRET)
        row = world.case.texts.get()
        row.markdown += f"\n## latest @return_imminent\nThey hold {SECRET}.\n"
        row.save()
        page = text(editor.post(path(world, "update/preview/"), said()))
        assert "A text can’t be made" in page
        assert "it stops at once" in page
        assert "sending starts" not in page
        assert "a name is written out that these readers may not see: person-1" in page
        assert SECRET not in page

    @pytest.mark.parametrize("field", ["place", "new_source"])
    def test_a_name_is_no_place_and_no_source(self, world: World, editor: Client, field: str) -> None:
        person(world, "person-1", confidential_name=SECRET)
        page = text(editor.post(path(world, "update/preview/"), said(**{field: f"house of {SECRET}"})), 422)
        assert "writes out the name of person-1" in page

    def test_a_group_splits(self, world: World, editor: Client) -> None:
        for key in ("person-1", "person-2"):
            person(world, key)
        world.start()
        page = words(editor.post(path(world, "update/preview/"), said(status="released", persons=["person-1"])))
        assert "The others stay as they are a person called person-2 person-2 loses a running appeal" in page
        assert "person-2: still at risk, and this stops their running appeal" in page
        form = carried(text(editor.post(path(world, "update/preview/"), said(status="released", persons=["person-1"]))))
        editor.post(path(world, "update/record/"), form)
        assert [one.key for one in StatusUpdate.objects.latest("recorded_at").persons.all()] == ["person-1"]

    def test_a_price_makes_an_estimate(self, world: World, editor: Client, settings: Any) -> None:
        settings.GATEWAYS = {
            **settings.GATEWAYS,
            "telnyx": {**settings.GATEWAYS["telnyx"], "price": "0.07 USD"},
            "twilio": {**settings.GATEWAYS["twilio"], "price": "0.05 EUR"},
        }
        page = words(editor.post(path(world, "update/preview/"), said()))
        assert re.search(r"1 page by fax: about 0.07 USD \( ?0.07 USD each by telnyx", page)
        assert re.search(r"\d segments? by SMS: about \d+.\d\d EUR", page)

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"status": ""}, "This field is required"),
            ({"as_of": "2030-01-01"}, "lies in the future"),
            ({"as_of": "yesterday"}, "Enter a valid date"),
            ({"place": "Tumen\x07"}, "control character"),
            ({"persons": ["person-9"]}, "person-9"),
            ({"source": "nobody"}, "nobody"),
        ],
    )
    def test_a_fault_stands_at_its_field(
        self, world: World, editor: Client, changes: dict[str, Any], fault: str
    ) -> None:
        page = text(editor.post(path(world, "update/preview/"), said(**changes)), 422)
        assert fault in page
        assert "told by phone" in page  # what was typed is not lost
        assert not StatusUpdate.objects.exists()

    def test_going_back_keeps_what_was_typed(self, world: World, editor: Client) -> None:
        Source.objects.create(case=world.case, label="family")
        form = carried(text(editor.post(path(world, "update/preview/"), said(new_source="", source="family"))))
        page = text(editor.post(path(world, "update/preview/"), form | {"change": "1"}))
        assert '<option value="family" selected>' in page
        assert 'value="Tumen"' in page


class TestReadingBefore:
    def ask(self, world: World, editor: Client, which: str, **changes: Any) -> Any:
        return editor.post(path(world, "update/letter/"), said(which=which, **changes))

    def test_a_letter_in_every_form(self, world: World, editor: Client) -> None:
        official = world.president.slug
        assert "They are held at the border" in text(self.ask(world, editor, f"first_appeal|en|text|{official}"))
        for form in ("pdf", "fax"):
            answer = self.ask(world, editor, f"first_appeal|en|{form}|{official}")
            assert answer.content.startswith(b"%PDF")
        mail = self.ask(world, editor, f"first_appeal|en|html|{official}")
        assert "Dear president" in text(mail)
        assert "sandbox" in mail.headers["Content-Security-Policy"]
        assert not Alert.objects.exists()

    def test_a_notice_and_a_text_message(self, world: World, editor: Client) -> None:
        assert "Two refugees" in text(self.ask(world, editor, "appeal|en|text|"))
        assert "segment" in text(self.ask(world, editor, "appeal|en|sms|"))
        assert "<html" in text(self.ask(world, editor, "appeal|en|html|"))

    def test_what_is_no_letter_is_404(self, world: World, editor: Client) -> None:
        for which in ("", "first_appeal|xx|pdf|", "nonsense|en|pdf|", "first_appeal|en|exe|"):
            assert self.ask(world, editor, which).status_code == 404
        assert "There is no official" in text(self.ask(world, editor, "first_appeal|en|text|nobody"), 422)
