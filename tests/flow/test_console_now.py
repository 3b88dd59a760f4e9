"""The console's first page: what goes on, what waits for whom, what stands still; at a price that stays the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from tests.flow.callers import staff, text
from tests.flow.composing import composed
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.models import Role, User
from urgentaction.alerts.deciding import Hindrance, hindrance, unhindered
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.console.now import reading
from urgentaction.console.now.reading import unknowns_so_far
from urgentaction.core import clock
from urgentaction.deliveries.models import Attempt, GatewayState, Heartbeat
from urgentaction.deliveries.rules import State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def draft(world: World) -> Alert:
    return world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]


class TestWhoDecides:
    def test_an_approver_sees_what_waits_for_them(self, draft: Alert) -> None:
        page = text(staff(Role.APPROVER).get("/console/"))
        assert "you can decide" in page
        assert "1 for your decision" in page

    def test_an_editor_sees_that_somebody_else_decides(self, draft: Alert) -> None:
        page = text(staff(Role.EDITOR).get("/console/"))
        assert "an approver decides" in page
        assert "for your decision" not in page

    def test_who_drafted_it_is_told_why_not(self, draft: Alert) -> None:
        client = staff(Role.APPROVER)
        Alert.objects.filter(id=draft.id).update(drafted_by=f"user:{User.objects.get().pk}")
        assert "you drafted it: another person decides" in text(client.get("/console/"))

    def test_what_is_still_being_composed_waits_for_nobody(self, world: World) -> None:
        editor = staff(Role.EDITOR)
        alert = composed(editor, world)
        approver = staff(Role.APPROVER)
        page = text(approver.get("/console/"))
        assert "still being composed" in page
        assert "you can decide" not in page
        assert "for your decision" not in page
        editor.post(f"/console/alerts/{alert.id}/submit/")
        assert "1 for your decision" in text(approver.get("/console/"))

    def test_what_is_overtaken_is_not_offered(self, draft: Alert) -> None:
        Case.objects.update(version=F("version") + 1)
        page = text(staff(Role.APPROVER).get("/console/"))
        assert "its case has a newer status" in page
        assert "you can decide" not in page

    def test_the_family_comes_first(self, world: World, sandbox: SandboxProgram) -> None:
        world.start()
        world.send()
        world.update(Status.DIED)
        page = text(staff(Role.APPROVER).get("/console/"))
        assert "until it is recorded that the family was informed" in page

    def test_who_has_said_yes_is_told_that_another_is_needed(self, draft: Alert) -> None:
        Alert.objects.filter(id=draft.id).update(approvals_needed=2)
        client = staff(Role.APPROVER)
        pipeline.approve(draft.id, by=f"user:{User.objects.get(role=Role.APPROVER).pk}")
        page = text(client.get("/console/"))
        assert "you have decided" in page
        assert "when approved: 1 of 2 so far" in page


def test_the_database_counts_what_a_person_could_decide_on(world: World, draft: Alert) -> None:
    """`unhindered`, by which alerts are counted, against `hindrance`, by which they are shown and decided on."""
    editor = staff(Role.EDITOR)
    by = f"user:{User.objects.get().pk}"
    composed(editor, World.make(number=2))
    own = World.make(number=3).update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
    Alert.objects.filter(id=own.id).update(drafted_by=by)
    stale = World.make(number=4).update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
    Case.objects.filter(id=stale.case_id).update(version=F("version") + 1)
    for number, is_informed in ((5, False), (6, True)):
        case = World.make(number=number)
        case.start()
        for alert in case.update(Status.DIED).alerts:
            StatusUpdate.objects.filter(alerts=alert).update(is_family_informed=is_informed)
    alerts = list(Alert.objects.select_related("case", "update"))
    told = {alert.id: hindrance(alert, by=by) for alert in alerts}
    assert set(told.values()) >= {None, *Hindrance}
    free = {number for number, why in told.items() if why is None}
    assert set(Alert.objects.filter(unhindered(by=by)).values_list("id", flat=True)) == free


class TestLanguage:
    def test_a_case_is_called_as_its_reader_would(self, world: World, draft: Alert) -> None:
        """Wherever a case's title stands; and in English where it has none in the reader's language."""
        case = Case.objects.filter(id=world.case.id)
        case.update(titles={"en": "Two refugees", "ko": "난민 두 명"}, status=Status.DETAINED, status_as_of=clock.now())
        client = staff(Role.EDITOR)
        office = world.president.office
        point = office.contact_points.get(channel="fax")
        pages = (
            "/console/",
            "/console/cases/",
            f"/console/cases/{world.case.reference}/",
            "/console/alerts/",
            f"/console/alerts/{draft.id}/",
            "/console/alerts/new/",
            f"/console/alerts/new/?case={world.case.reference}",
            f"/console/directory/offices/{office.id}/",
            f"/console/directory/contact-points/{point.id}/",
            "/console/search/?q=0001",
        )
        for path in pages:
            assert "Two refugees" in text(client.get(path)), path
        User.objects.update(language="ko")
        for path in pages:
            page = text(client.get(path))
            assert "난민 두 명" in page, path
            assert "Two refugees" not in page, path
        case.update(titles={"en": "Two refugees"})
        assert "Two refugees" in text(client.get("/console/alerts/"))


class TestTheMostUrgent:
    """Some of each are shown; all are counted, and the list behind them has the rest."""

    @pytest.fixture(autouse=True)
    def _one_of_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MOST_ALERTS", 1)

    def test_all_that_wait_are_counted(self, world: World, draft: Alert) -> None:
        other = World.make(number=2).update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        held = World.make(number=3).update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        pipeline.approve(held.id, by="cli:approver", hold=timedelta(hours=1))
        client = staff(Role.APPROVER)
        page = text(client.get("/console/live/"))
        assert page.count("you can decide") == 1
        assert "<strong>3</strong>" in page
        assert "2 for your decision" in page
        link = re.search(r'href="([^"]+)">All 3 alerts that wait to start', page)
        assert link is not None
        shown = text(client.get(link[1]))
        assert all(one.number in shown for one in (draft, other, held))

    def test_all_that_run_are_counted(self, world: World) -> None:
        first, second = world.start(), World.make(number=2).start()
        client = staff(Role.VIEWER)
        page = text(client.get("/console/live/"))
        assert (first.number in page, second.number in page) == (True, False)
        link = re.search(r'href="([^"]+)">All 2 running alerts', page)
        assert link is not None
        assert second.number in text(client.get(link[1]))

    def test_nothing_is_promised_where_all_are_shown(self, draft: Alert) -> None:
        assert "alerts that wait to start" not in text(staff(Role.VIEWER).get("/console/live/"))

    def test_the_latest_that_are_over_come_from_every_state(self, world: World, draft: Alert) -> None:
        pipeline.reject(draft.id, by="cli:approver", comment="only a rumour")
        other = World.make(number=2).start()
        Alert.objects.filter(id=other.id).update(state="finished")
        over = text(staff(Role.VIEWER).get("/console/live/")).partition('id="recent"')[2]
        assert over.index(other.number) < over.index(draft.number)
        assert "only a rumour" in over


class TestHealth:
    def test_a_gateway_says_why_it_stands_and_when_it_last_worked(self, world: World, settings: Any) -> None:
        alert = world.start()
        now = clock.now()
        GatewayState.objects.create(name="telnyx", is_paused=True, reason="401 bad key", changed_at=now)
        row = alert.deliveries.get(channel="fax")
        for number, outcome in enumerate(("refused", "accepted"), start=1):
            Attempt.objects.create(
                delivery=row, number=number, gateway="telnyx", started_at=now, ended_at=now, outcome=outcome
            )
        page = text(staff(Role.VIEWER).get("/console/"))
        assert "401 bad key" in page
        assert "until somebody resumes it" in page
        assert "last took something" in page
        assert "no sign of the workers yet" in page
        Heartbeat.objects.create(name="worker-urgent", beat_at=now - timedelta(days=2))
        page = text(staff(Role.VIEWER, "other").get("/console/"))
        assert "no sign of the workers since" in page
        assert f"{now - timedelta(days=2):%Y-%m-%d %H:%M}</time>" in page

    def test_the_mode_stands_on_top(self, world: World) -> None:
        assert '<p class="mode mode-sandbox">' in text(staff(Role.VIEWER).get("/console/"))


class TestPrice:
    def test_it_takes_a_fixed_number_of_queries(
        self, world: World, draft: Alert, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        alert = world.start()
        alert.deliveries.update(state=State.UNKNOWN.value)
        client = staff(Role.APPROVER)
        client.get("/console/")
        with django_assert_max_num_queries(24):
            page = text(client.get("/console/"))
        assert "3 unknown" in page
        assert unknowns_so_far() == 7
