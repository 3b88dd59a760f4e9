"""Addresses that lead nowhere, or to something of another case, alert or person: 404 or 403, and no name of anybody."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.architecture.walk import Route, routes
from tests.flow.callers import confirm_it_is_them, staff
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.models import Role, User
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case, Person
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, HumanTask, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.letters.publishing import Terms, publish_letter

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = uuid.UUID(int=1)
#: Where a word in the address chooses among what the program itself has, and anything else has its own answer.
ROUTES = {
    route.name: route
    for route in routes(get_resolver())
    if route.path.startswith("/console/") and (str(NOBODY) in route.path or "/1/" in route.path or "/x/" in route.path)
}
#: A used-up link answers 410, and says so.
GONE = {"console:join"}


@pytest.fixture
def administrator() -> Client:
    client = staff(Role.ADMINISTRATOR)
    confirm_it_is_them(client)
    return client


@pytest.fixture
def other(world: World) -> World:
    """A second case, with a person whom nobody may know, and an alert that goes."""
    second = World.make(number=2)
    Case.objects.filter(id=second.case.id).update(titles={"en": "Hidden title"})
    now = clock.now()
    Person.objects.create(case=second.case, key="hidden-person", public_name="Ms Hidden", consent_at=now)
    return second


def frozen(world: World) -> Alert:
    alert = world.start(Status.RETURN_IMMINENT)
    pipeline.advance_alert(alert.id)
    return alert


def assert_nowhere(answer: Any, *, where: str) -> None:
    assert answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}, (where, answer.status_code)
    assert "Hidden" not in answer.content.decode(), where


class TestNothing:
    @pytest.mark.parametrize("name", sorted(ROUTES))
    def test_an_id_of_nothing_is_not_found(self, administrator: Client, name: str) -> None:
        route: Route = ROUTES[name]
        for method in (administrator.get, administrator.post):
            answer = method(route.path)
            if name in GONE:
                assert answer.status_code == HTTPStatus.GONE
            elif answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
                assert answer.status_code == HTTPStatus.NOT_FOUND, (name, answer.status_code)

    @pytest.mark.parametrize(
        "path",
        [
            f"deliveries/{10**30}/",
            f"settings/audit/{10**30}/",
            f"account/sessions/{10**30}/end/",
            "cases/%00/",
            "cases/UA-2026-0001%00/",
            f"cases/{'x' * 3000}/",
            "cases/UA-2026-0001/persons/%00/",
        ],
    )
    def test_what_no_id_can_be_is_not_found_either(self, world: World, administrator: Client, path: str) -> None:
        for method in (administrator.get, administrator.post):
            assert method(f"/console/{path}").status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


class TestCases:
    def test_a_person_of_another_case(self, other: World, world: World, administrator: Client) -> None:
        here = f"/console/cases/{world.case.reference}/persons/hidden-person/"
        assert administrator.get(f"/console/cases/{other.case.reference}/persons/hidden-person/").status_code == 200
        assert_nowhere(administrator.get(here), where=here)
        assert_nowhere(administrator.post(f"{here}save/", {"shown_to_public": "name"}), where=here)

    def test_an_update_about_a_person_of_another_case(self, other: World, world: World, administrator: Client) -> None:
        told = {"status": "detained", "confidence": "confirmed", "as_of": "2026-11-19", "persons": ["hidden-person"]}
        for step in ("preview", "record"):
            answer = administrator.post(f"/console/cases/{world.case.reference}/update/{step}/", told)
            assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
            assert "Hidden" not in answer.content.decode()
        assert not world.case.updates.exists()

    def test_an_alert_of_another_case_is_not_published_here(
        self, other: World, world: World, administrator: Client
    ) -> None:
        alert = frozen(other)
        here = f"/console/cases/{world.case.reference}/public/{alert.id}/"
        assert_nowhere(administrator.get(here), where=here)
        assert_nowhere(administrator.post(f"{here}publish/", {}), where=here)

    def test_a_letter_published_of_another_case_is_not_taken_away_here(
        self, other: World, world: World, administrator: Client
    ) -> None:
        made = publish_letter(frozen(other), Terms(), by="cli:test")
        here = f"/console/cases/{world.case.reference}/public/{made.slug}/withdraw/"
        assert_nowhere(administrator.post(here, {"why": "x"}), where=here)
        made.refresh_from_db()
        assert made.withdrawn_at is None


class TestAlerts:
    def test_a_letter_of_another_alert(self, other: World, world: World, administrator: Client) -> None:
        theirs, ours = frozen(other), frozen(world)
        official = theirs.targets.get(role="to").official
        for part in ("letter/", "letter/?audience=public", "letter.pdf", "letter.pdf?form=fax", "notice/?which=x-y"):
            here = f"/console/alerts/{ours.id}/preview/{part}"
            assert_nowhere(administrator.get(f"{here}{'&' if '?' in here else '?'}to={official.id}"), where=here)

    def test_a_proof_of_another_alerts_letter(self, other: World, world: World, administrator: Client) -> None:
        theirs, ours = frozen(other), frozen(world)
        official = theirs.targets.get(role="to").official
        answer = administrator.post(f"/console/alerts/{ours.id}/proof/", {"letter": str(official.id)}, follow=True)
        assert "is on its way" not in answer.content.decode()
        assert "Hidden" not in answer.content.decode()

    def test_a_delivery_of_another_alert_is_no_place_to_go_on_from(
        self, other: World, world: World, administrator: Client
    ) -> None:
        theirs, ours = frozen(other), frozen(world)
        first = Delivery.objects.filter(alert=theirs).order_by("id")[0]
        begin = administrator.get(f"/console/alerts/{ours.id}/deliveries/").content.decode()
        for path in (f"/console/alerts/{ours.id}/deliveries/", f"/console/alerts/{ours.id}/live/"):
            page = administrator.get(path, {"after": first.id}).content.decode()
            assert f"/console/deliveries/{first.id}/" not in page
        assert f"/console/deliveries/{ours.deliveries.order_by('id')[0].id}/" in begin

    def test_an_alert_of_another_case_is_not_followed_here(
        self, other: World, world: World, administrator: Client
    ) -> None:
        theirs = frozen(other)
        page = administrator.get("/console/alerts/new/", {"follow": str(theirs.id), "case": world.case.reference})
        assert page.status_code == 200
        assert other.case.reference in page.content.decode(), "it is composed for the case it follows"
        assert world.case.reference not in page.content.decode()


class TestTasksAndPeople:
    def test_only_replies_are_read_as_replies(self, world: World) -> None:
        editor = staff(Role.EDITOR)
        task = open_task(HumanTaskKind.DECIDE, key="decide:x", title="Hidden title", advice="Hidden advice")
        for path in ("", "stop/", "file/"):
            here = f"/console/supporters/replies/{task.id}/{path}"
            answer = editor.post(here, {"result": "x"}) if path else editor.get(here)
            assert_nowhere(answer, where=here)
        assert HumanTask.objects.get().done_at is None

    def test_nobody_ends_somebody_elses_session(self, world: World) -> None:
        from allauth.usersessions.models import UserSession

        theirs = User.objects.create_user("hidden", "hidden@staff.invalid", "x", role="viewer")
        session = UserSession.objects.create(
            user=theirs, ip="192.0.2.1", user_agent="x", session_key="k", last_seen_at=clock.now()
        )
        here = f"/console/account/sessions/{session.id}/end/"
        assert_nowhere(staff(Role.EDITOR).post(here), where=here)
        assert UserSession.objects.filter(id=session.id).exists()

    def test_a_role_that_may_not_see_a_supporter_learns_nothing_of_whether_there_is_one(self, world: World) -> None:
        viewer = staff(Role.VIEWER)
        there = viewer.get(f"/console/supporters/people/{world.supporters[0].id}/")
        nobody = viewer.get(f"/console/supporters/people/{NOBODY}/")
        assert (there.status_code, nobody.status_code) == (403, 403)
        assert there.content == nobody.content
        assert world.supporters[0].name not in there.content.decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("alerts/new/?case=%00", HTTPStatus.OK),
        ("alerts/new/?copy=a%00", HTTPStatus.NOT_FOUND),
        ("alerts/new/?follow=%00", HTTPStatus.NOT_FOUND),
        ("templates/addressees/?case=%00", HTTPStatus.OK),
    ],
)
def test_a_nul_character_names_nothing(administrator: Client, path: str, status: HTTPStatus) -> None:
    assert administrator.get(f"/console/{path}").status_code == status


def test_a_nul_character_in_a_field_names_no_office(world: World, administrator: Client) -> None:
    sent = {"case": world.case.reference, "office-a\0b": "to"}
    assert administrator.post("/console/alerts/draft/", sent).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
