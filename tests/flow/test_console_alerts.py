"""Alerts in the console: listed, decided on, held, stopped, followed up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import line, staff, text
from tests.flow.composing import approve, composed, seen, submitted
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.alerts.models import AlertState
from urgentaction.cases.models import CaseText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.deliveries import tallying
from urgentaction.deliveries.models import Delivery, HumanTaskKind
from urgentaction.deliveries.people import open_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def editor() -> Client:
    return staff(Role.EDITOR, "edith")


@pytest.fixture
def approver() -> Client:
    return staff(Role.APPROVER, "ada")


class TestPage:
    def test_its_price_does_not_grow_with_what_is_left_for_people(
        self, world: World, editor: Client, django_assert_max_num_queries: Any
    ) -> None:
        alert = world.start()
        for number in range(15):
            key, title = f"unknown:{number}", f"Task {number:02}"
            open_task(HumanTaskKind.SETTLE_UNKNOWN, key=key, title=title, advice="Ask.", alert=alert)
        with django_assert_max_num_queries(20):
            page = text(editor.get(f"/console/alerts/{alert.id}/"))
        assert re.findall(r">(Task \d+)<", page) == [f"Task {number:02}" for number in range(12)]
        link = re.search(r'href="([^"]+)">All open tasks of this alert', page)
        assert link is not None
        assert "Task 14" in text(editor.get(link[1]))


class TestList:
    def test_what_was_counted_earlier_says_when(
        self, world: World, editor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.start()
        assert "counted" not in text(editor.get("/console/alerts/"))
        monkeypatch.setattr(tallying, "SMALL", 1)
        assert "counted" in text(editor.get("/console/alerts/"))

    def test_it_is_filtered_by_what_one_looks_for(self, world: World, editor: Client) -> None:
        rumour = world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        manual = composed(editor, world)
        user = User.objects.get(username="edith")
        for query, expected in (
            ("state=draft", {rumour, manual}),
            ("state=waiting", {rumour, manual}),
            ("state=running", set()),
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
        page = text(approver.get(f"/console/alerts/{alert.id}/"))
        assert "Start it now" in page
        assert f"/console/alerts/{alert.id}/preview/numbers/?short=1" in page
        page = text(editor.get(f"/console/alerts/{alert.id}/stop/"))
        assert "It has not started" in page
        assert "unsent" not in page
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
        assert f"/console/alerts/{follow_up.id}/preview/numbers/?short=1" in page
        short = line(approver.get(f"/console/alerts/{follow_up.id}/preview/numbers/?short=1"))
        assert "<strong>1</strong> letter to an official, <strong>0</strong> messages to supporters." in short
        approve(approver, follow_up, hold="0")
        assert follow_up.state == AlertState.HELD
