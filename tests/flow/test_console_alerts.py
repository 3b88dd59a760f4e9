"""Alerts in the console: listed, composed, read before anybody agrees, decided on, held, stopped, followed up."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import staff
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.models import CaseText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.core.ids import uuid7
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.supporters.models import Supporter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return World.make()


@pytest.fixture
def editor() -> Client:
    return staff(Role.EDITOR, "edith")


@pytest.fixture
def approver() -> Client:
    return staff(Role.APPROVER, "ada")


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.headers
    page: str = answer.content.decode()
    return page


def asked(world: World, **changes: Any) -> dict[str, Any]:
    """The form as a browser sends it, with changes."""
    return {
        "case": world.case.reference,
        "draft_id": str(uuid7()),
        "audience": "both",
        "reach": "all",
        "channels": ["fax", "email", "sms"],
        "letter_kind": "first_appeal",
        "notice_kind": "appeal",
        "level": "2",
        "deadline_hours": "48",
        "dated_on": "2026-11-20",
        "office-president": "to",
        "office-minister": "cc",
        **changes,
    }


def composed(editor: Client, world: World, **changes: Any) -> Alert:
    answer = editor.post("/console/alerts/draft/", asked(world, **changes))
    assert answer.status_code == 302, answer.content.decode()
    return Alert.objects.latest("id")


def submitted(editor: Client, world: World, **changes: Any) -> Alert:
    alert = composed(editor, world, **changes)
    assert "Sent for approval" in text(editor.post(f"/console/alerts/{alert.id}/submit/", follow=True))
    alert.refresh_from_db()
    return alert


def seen(client: Client, alert: Alert) -> str:
    """The digest of what the page for deciding shows."""
    found = re.search(r'name="seen" value="(\w+)"', text(client.get(f"/console/alerts/{alert.id}/preview/")))
    assert found is not None
    return found[1]


def approve(client: Client, alert: Alert, digest: str = "", hold: str = "15") -> str:
    form = {"hold_minutes": hold, "seen": digest or seen(client, alert)}
    said = text(client.post(f"/console/alerts/{alert.id}/approve/", form, follow=True))
    alert.refresh_from_db()
    return said


class TestList:
    def test_it_is_filtered_by_what_one_looks_for(self, world: World, editor: Client) -> None:
        rumour = world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        manual = composed(editor, world)
        user = User.objects.get(username="edith")
        for query, expected in (
            ("state=draft", {rumour, manual}),
            ("kind=manual", {manual}),
            ("level=1", {rumour}),
            ("case=UA-2026", {rumour, manual}),
            ("case=UA-1999", set()),
            (f"by=user:{user.pk}", {manual}),
        ):
            page = text(editor.get(f"/console/alerts/?{query}"))
            shown = {one for one in (rumour, manual) if f"/console/alerts/{one.id}/" in page}
            assert shown == expected, query
        assert "No alert fits" in text(editor.get("/console/alerts/?case=UA-1999"))
        assert ">edith<" in text(editor.get("/console/alerts/"))

    def test_it_says_what_to_do_when_there_is_none(self, editor: Client) -> None:
        page = text(editor.get("/console/alerts/"))
        assert "There is no alert yet" in page
        assert "Compose an alert" in page
        assert "Compose an alert" not in text(staff(Role.VIEWER).get("/console/alerts/"))

    def test_it_costs_the_same_however_long(
        self, world: World, editor: Client, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(60):
            world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED)
        with django_assert_max_num_queries(9):
            first = text(editor.get("/console/alerts/?sort=-deadline"))
        following = re.search(r'href="(\?[^"]*after=[^"]*)" rel="next"', first)
        assert following is not None
        second = text(editor.get(f"/console/alerts/{following[1].replace('&amp;', '&')}"))
        numbers = re.findall(r'<th scope="row"><a[^>]*>(UA[^<]+)<', first + second)
        assert len(numbers) == len(set(numbers)) == 60


class TestComposing:
    def test_it_begins_with_a_case(self, world: World, editor: Client) -> None:
        assert "Which case" in text(editor.get("/console/alerts/new/"))
        assert "There is no case UA-1999-0001" in text(editor.get("/console/alerts/new/?case=ua-1999-0001"), 404)
        page = text(editor.get(f"/console/alerts/new/?case={world.case.reference}"))
        assert "Office of the president" in page
        assert '<option value="to" selected>' in page

    def test_it_begins_as_the_rule_for_the_status_would(self, world: World, editor: Client) -> None:
        world.update(Status.FATE_UNKNOWN)
        page = text(editor.get(f"/console/alerts/new/?case={world.case.reference}"))
        assert '<option value="whereabouts_request" selected>' in page

    def test_a_draft_is_kept_and_nobody_is_asked_or_told(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        assert (alert.state, alert.kind, alert.level) == ("draft", "manual", 2)
        assert [(one.official.slug, one.role) for one in alert.targets.all()] == [
            ("president-holder", "to"),
            ("minister-holder", "cc"),
        ]
        assert alert.deadline_at is not None
        assert alert.deadline_at - alert.created_at == timedelta(hours=48)
        assert not HumanTask.objects.exists()
        assert not Delivery.objects.exists()

    def test_sent_twice_it_is_one_draft(self, world: World, editor: Client, approver: Client) -> None:
        form = asked(world)
        first, second = (editor.post("/console/alerts/draft/", form) for _ in range(2))
        assert first.headers["Location"] == second.headers["Location"]
        assert Alert.objects.count() == 1
        assert "was sent before" in text(approver.post("/console/alerts/draft/", form), 422)

    @pytest.mark.parametrize(
        ("changes", "field", "told"),
        [
            ({"channels": []}, "id_channels", "at least one channel"),
            ({"channels": ["sms"]}, "id_channels", "officials are written to by fax or email"),
            ({"channels": ["fax"]}, "id_channels", "supporters hear by email or SMS"),
            ({"office-president": ""}, "id_audience", "Address at least one office"),
            ({"further-1": "nowhere"}, "id_further-1", "no office with this short name"),
            ({"further-1": "vacant"}, "id_further-1", "Nobody is recorded as holding"),
            ({"further-1": "president"}, "id_further-1", "chosen already"),
            ({"deadline_hours": "0"}, "id_deadline_hours", "greater than or equal to 1"),
            ({"dated_on": "yesterday"}, "id_dated_on", "valid date"),
            ({"level": "9"}, "id_level", "valid choice"),
            ({"letter_kind": "x"}, "id_letter_kind", "valid choice"),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(
        self, world: World, editor: Client, changes: dict[str, Any], field: str, told: str
    ) -> None:
        Office.objects.create(slug="vacant", country="KR", names={"en": "Vacant"}, time_zone="Asia/Seoul")
        page = text(editor.post("/console/alerts/draft/", asked(world, **changes)), 422)
        fault = re.search(rf'class="fault" id="{field}_error"[^>]*>([^<]*)<', page)
        assert fault is not None
        assert told in fault[1]
        assert not Alert.objects.exists()
        assert 'value="48"' in page or "deadline_hours" in changes

    def test_any_office_of_the_directory_can_be_written_to(self, world: World, editor: Client) -> None:
        office = Office.objects.create(slug="tumen", country="CN", names={"en": "Garrison"}, time_zone="Asia/Shanghai")
        Official.objects.create(
            slug="tumen-holder", office=office, names={"en": "The commander"}, salutations={"en": "Dear commander"}
        )
        ContactPoint.objects.create(office=office, channel="email", dial_value="tumen@office.invalid")
        alert = composed(editor, world, **{"further-1": "tumen", "further-1-role": "to", "office-president": ""})
        assert [one.official.slug for one in alert.targets.all()] == ["tumen-holder", "minister-holder"]
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        assert "Dear commander" in page
        assert "Garrison" in text(editor.get(f"/console/alerts/{alert.id}/edit/"))

    def test_only_readers_of_chosen_languages_hear(self, world: World, editor: Client, approver: Client) -> None:
        Supporter.objects.filter(id=world.supporters[0].id).update(language="ko")
        alert = submitted(editor, world, audience="supporters", readers=["ko"])
        assert '<td class="number">1</td>' in text(editor.get(f"/console/alerts/{alert.id}/preview/numbers/"))
        approve(approver, alert, hold="0")
        pipeline.advance_alert(alert.id)
        heard = set(Delivery.objects.filter(alert=alert).values_list("supporter_id", flat=True))
        assert heard == {world.supporters[0].id}

    def test_a_draft_is_changed_and_discarded_before_anybody_decides(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        changed = asked(world, level="1", audience="officials", channels=["email"], **{"office-minister": ""})
        editor.post(f"/console/alerts/{alert.id}/change/", changed)
        alert.refresh_from_db()
        plan = AlertPlan.from_json(alert.plan)
        assert (alert.level, plan.supporters, alert.targets.count()) == (1, None, 1)
        assert "Discarded" in text(editor.post(f"/console/alerts/{alert.id}/discard/", follow=True))
        alert.refresh_from_db()
        assert alert.state == "withdrawn"
        assert "can&#x27;t be changed any more" in text(
            editor.post(f"/console/alerts/{alert.id}/change/", changed), 422
        )

    def test_changing_it_takes_approvals_back_and_asks_anew(
        self, world: World, editor: Client, approver: Client
    ) -> None:
        alert = submitted(editor, world, level="5")
        assert alert.approvals_needed == 2
        assert "another person" in approve(approver, alert)
        editor.post(f"/console/alerts/{alert.id}/change/", asked(world, level="5", deadline_hours="24"))
        alert.refresh_from_db()
        assert alert.state == "draft"
        assert not alert.approvals.filter(revoked_at=None).exists()
        assert not HumanTask.objects.filter(done_at=None).exists()
        editor.post(f"/console/alerts/{alert.id}/submit/")
        assert HumanTask.objects.filter(done_at=None, alert=alert).exists()

    def test_a_rules_own_draft_is_not_changed(self, world: World, editor: Client) -> None:
        alert = world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        assert "A rule made this alert" in text(editor.get(f"/console/alerts/{alert.id}/edit/", follow=True))
        answer = editor.post(f"/console/alerts/{alert.id}/change/", asked(world))
        assert "a rule made alert" in text(answer, 422)

    def test_a_person_names_the_new_target_of_a_grave_alert(self, world: World, editor: Client) -> None:
        world.start()
        alerts = world.update(Status.FORCIBLY_RETURNED).alerts
        alert = next(one for one in alerts if AlertPlan.from_json(one.plan).officials is not None)
        assert "name the officials whom this letter goes to" in text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        path = f"/console/alerts/{alert.id}/change/"
        assert "at least one office" in text(editor.post(path, {"office-president": "cc"}), 422)
        editor.post(path, {"office-president": "to"})
        assert [one.official for one in alert.targets.all()] == [world.president]


class TestPreview:
    def test_it_shows_everything_and_sends_nothing(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        assert "Dear president" in page
        assert "The two are refugees" in page
        assert re.search(r"GSM-7|UCS-2", page)
        assert "nobody has verified its fax yet" in page
        assert "No notice in Korean" in page
        assert not Delivery.objects.exists()
        assert not alert.letters.exists()
        assert not alert.notices.exists()

    def test_each_form_has_an_address_of_its_own(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        base = f"/console/alerts/{alert.id}/preview"
        to = f"to={world.president.id}"
        for path in (f"{base}/letter/?{to}", f"{base}/letter/?{to}&audience=public", f"{base}/notice/?which=email-en"):
            answer = editor.get(path)
            assert "refugees" in text(answer), path
            assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert answer.headers["Cache-Control"] == "no-store"
        for form in ("pdf", "fax"):
            answer = editor.get(f"{base}/letter.pdf?{to}&form={form}")
            assert answer.content.startswith(b"%PDF")
            assert answer.headers["Content-Disposition"].startswith('inline; filename="PREVIEW-UA-2026-0001-1')
        for path in (
            f"{base}/letter/?to=x",
            f"{base}/letter/?to={uuid.uuid4()}",
            f"{base}/letter/?{to}&audience=king",
            f"{base}/notice/?which=fax-en",
            f"{base}/letter.pdf?to={world.minister.id}&form=fax",
        ):
            assert editor.get(path).status_code == 404, path

    def test_it_is_what_is_frozen_later(self, world: World, editor: Client, approver: Client) -> None:
        alert = submitted(editor, world)
        html = editor.get(f"/console/alerts/{alert.id}/preview/letter/?to={world.president.id}").content
        approve(approver, alert, hold="0")
        pipeline.advance_alert(alert.id)
        assert alert.letters.get(official=world.president).html.encode() == html
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        assert "frozen: this is what is sent" in page
        assert editor.get(f"/console/alerts/{alert.id}/preview/letter/").content == html

    def test_what_can_not_be_made_is_said_and_not_approved(
        self, world: World, editor: Client, approver: Client
    ) -> None:
        alert = submitted(editor, world)
        digest = seen(approver, alert)
        CaseText.objects.all().delete()
        page = text(approver.get(f"/console/alerts/{alert.id}/preview/"))
        assert "has no text in" in page
        assert 'name="seen"' not in page
        assert "it can&#x27;t be made" in approve(approver, alert, digest)
        assert alert.state == AlertState.AWAITING_APPROVAL

    def test_numbers_count_people_and_segments(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/numbers/"))
        assert '<th scope="row">email</th><td>English</td><td class="number">3</td>' in page
        assert re.search(
            r'<th scope="row">SMS</th><td>English</td><td class="number">1</td><td class="number">\d', page
        )


class TestDeciding:
    def test_only_what_was_shown_is_approved(self, world: World, editor: Client, approver: Client) -> None:
        alert = submitted(editor, world)
        digest = seen(approver, alert)
        row = CaseText.objects.get()
        CaseText.objects.update(markdown=row.markdown.replace("at the border", "in the capital"))
        refused = approve(approver, alert, digest)
        assert "has changed since you looked" in refused
        assert "in the capital" in refused
        assert alert.state == AlertState.AWAITING_APPROVAL
        assert not alert.approvals.exists()
        approve(approver, alert)
        assert alert.state == AlertState.HELD
        assert AuditEntry.objects.get(action="alert.approve").detail["seen"] != digest

    def test_nothing_is_approved_unseen(self, world: World, editor: Client, approver: Client) -> None:
        alert = submitted(editor, world)
        form = {"hold_minutes": "0"}
        answer = approver.post(f"/console/alerts/{alert.id}/approve/", form, follow=True)
        assert "approve what it shows" in text(answer)
        alert.refresh_from_db()
        assert alert.state == AlertState.AWAITING_APPROVAL

    def test_a_draft_waits_for_its_author_first(self, world: World, editor: Client, approver: Client) -> None:
        alert = composed(editor, world)
        assert "Still being composed by edith" in text(approver.get(f"/console/alerts/{alert.id}/"))
        assert "send it for approval first" in approve(approver, alert, "x")

    def test_it_says_who_is_needed_and_why_not_me(self, world: World, approver: Client) -> None:
        alert = submitted(approver, world)
        page = text(approver.get(f"/console/alerts/{alert.id}/"))
        assert "1 more approval is needed" in page
        assert "You drafted it, so another person has to approve it" in page
        assert 'name="seen"' not in text(approver.get(f"/console/alerts/{alert.id}/preview/"))
        viewer = staff(Role.VIEWER)
        assert "your role doesn&#x27;t" in text(
            viewer.get(f"/console/alerts/{alert.id}/")
        ) or "your role doesn't" in text(viewer.get(f"/console/alerts/{alert.id}/"))

    def test_what_is_grave_takes_two_people(self, world: World, editor: Client, approver: Client) -> None:
        alert = submitted(editor, world, level="5")
        assert "2 more approvals are needed" in text(approver.get(f"/console/alerts/{alert.id}/"))
        assert "another person&#x27;s is still needed" in approve(approver, alert)
        page = text(approver.get(f"/console/alerts/{alert.id}/"))
        assert "You have approved it" in page
        assert "1 more approval is needed" in page
        approve(staff(Role.APPROVER, "bob"), alert)
        assert alert.state == AlertState.HELD

    def test_one_takes_ones_own_yes_back(self, world: World, editor: Client, approver: Client) -> None:
        alert = submitted(editor, world)
        approve(approver, alert)
        page = text(approver.get(f"/console/alerts/{alert.id}/"))
        assert "Take back my approval" in page
        done = approver.post(f"/console/alerts/{alert.id}/take-back/", follow=True)
        assert "The alert is withdrawn" in text(done)
        again = approver.post(f"/console/alerts/{alert.id}/take-back/", follow=True)
        assert "has not approved" in text(again)


class TestStopping:
    def test_a_held_one_counts_down_beside_a_button_that_stops_it(
        self, world: World, editor: Client, approver: Client
    ) -> None:
        alert = submitted(editor, world)
        approve(approver, alert)
        page = text(editor.get(f"/console/alerts/{alert.id}/"))
        assert re.search(r"<time[^>]* data-countdown>", page)
        assert "Stop it: send nothing" in page
        assert "Start it now" not in page
        assert "Start it now" in text(approver.get(f"/console/alerts/{alert.id}/"))
        editor.post(f"/console/alerts/{alert.id}/withdraw/", {"reason": "stopped during its hold"})
        pipeline.advance_alert(alert.id)
        alert.refresh_from_db()
        assert alert.state == "withdrawn"
        assert not Delivery.objects.exists()

    def test_it_says_first_what_stops_and_what_can_not_be_called_back(self, world: World, editor: Client) -> None:
        alert = world.start()
        first = Delivery.objects.filter(alert=alert)[0]
        Delivery.objects.filter(id=first.id).update(state="accepted", accepted_at=clock.now())
        page = text(editor.get(f"/console/alerts/{alert.id}/stop/"))
        assert re.search(r">6</strong>\s*deliveries are unsent", page)
        assert re.search(r">1</strong>\s*are gone and can", page)
        editor.post(f"/console/alerts/{alert.id}/withdraw/", {"reason": "no longer true"})
        assert "nothing is left to stop" in text(editor.get(f"/console/alerts/{alert.id}/stop/"))

    def test_what_can_be_done_is_sent_anew_only_when_it_changed(self, world: World, editor: Client) -> None:
        alert = world.start()
        page = text(editor.get(f"/console/alerts/{alert.id}/"))
        path = re.search(r'hx-get="([^"]*choices/[^"]*)"', page)
        assert path is not None
        assert editor.get(path[1]).status_code == 204
        pipeline.withdraw(alert.id, reason="test", by="cli:test")
        assert "Copy as a new draft" in text(editor.get(path[1]))


class TestAfterwards:
    def test_it_is_copied_and_followed_up(self, world: World, editor: Client, approver: Client) -> None:
        alert = submitted(editor, world, channels=["email"])
        approve(approver, alert, hold="0")
        pipeline.advance_alert(alert.id)
        page = text(editor.get(f"/console/alerts/new/?follow={alert.id}"))
        assert '<option value="further_information" selected>' in page
        assert re.search(r'value="before"[^>]* checked', page)
        assert 'value="48"' in page
        pipeline.withdraw(alert.id, reason="test", by="cli:test")
        page = text(editor.get(f"/console/alerts/new/?copy={alert.id}"))
        assert '<option value="first_appeal" selected>' in page
        assert re.search(r'value="all"[^>]* checked', page)
        assert editor.get("/console/alerts/new/?copy=nothing").status_code == 404

    def test_a_follow_up_goes_to_those_reached_before(self, world: World, editor: Client, approver: Client) -> None:
        alert = world.start()
        row = alert.deliveries.get(role="to", channel="email")
        Delivery.objects.filter(id=row.id).update(state="accepted", accepted_at=clock.now())
        follow_up = submitted(editor, world, reach="before", letter_kind="further_information", notice_kind="update")
        page = text(approver.get(f"/console/alerts/{follow_up.id}/preview/"))
        assert "Office of the president" in page
        assert "Office of the minister · The minister" not in page
        assert "No supporter would hear of it" in text(approver.get(f"/console/alerts/{follow_up.id}/preview/numbers/"))
        approve(approver, follow_up, hold="0")
        assert follow_up.state == AlertState.HELD
