"""The search: what is found, what is not, and that no supporter's address is kept in an address bar."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import staff
from tests.flow.world import World
from urgentaction.accounts.models import Role
from urgentaction.cases.models import Person
from urgentaction.deliveries.models import HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.references import reference_of

pytestmark = pytest.mark.django_db(transaction=True)


def search(client: Client, words: str) -> str:
    answer = client.get("/console/search/", {"q": words})
    assert answer.status_code == 200
    page: str = answer.content.decode()
    return page


def test_things_are_found_by_what_people_call_them(world: World, viewer: Client) -> None:
    alert = world.start()
    letter = alert.letters.get(role="to")
    fax = alert.deliveries.get(role="to", channel="fax")
    type(fax).objects.filter(id=fax.id).update(gateway_ref="fx-77")
    open_task(HumanTaskKind.REACH_OFFICIAL, key="k", title="Post the letter", advice="Do.", alert=alert)
    wanted = {
        "2026-0001": f"/console/cases/{world.case.reference}/",
        "two REFUGEES": f"/console/cases/{world.case.reference}/",
        alert.number.lower(): f"/console/alerts/{alert.id}/",
        letter.sha256[:8]: letter.sha256[:12],
        "forced return": letter.sha256[:12],
        "office of the pres": "Office of the president",
        "the minister": "The minister",
        reference_of(fax.id): f"delivery {fax.id}",
        str(fax.id): f"delivery {fax.id}",
        "fx-77": f"delivery {fax.id}",
        "post the": "Post the letter",
        "first appeal/ko": "letters/first_appeal/ko",
    }
    for words, found in wanted.items():
        assert found in search(viewer, words), words


def test_nobody_confidential_is_found(world: World, viewer: Client) -> None:
    Person.objects.create(case=world.case, key="person-1", confidential_name="Kim Hidden", public_name="Ms Known")
    for words in ("hidden", "known", world.supporters[0].name):
        assert "Nothing fits" in search(viewer, words)


def test_an_address_is_not_searched_and_not_kept(world: World, viewer: Client) -> None:
    for address in (world.supporters[0].email, "+44 20 7946 0200"):
        answer = viewer.get("/console/search/", {"q": address})
        assert answer.headers["Location"] == "/console/search/?people=1"
    assert "An editor can look a supporter up" in viewer.get("/console/search/?people=1").content.decode()
    editor = staff(Role.EDITOR)
    assert "Look a supporter up by their exact address" in editor.get("/console/search/?people=1").content.decode()


def test_nothing_asked_teaches_what_can_be(viewer: Client) -> None:
    assert "What can be searched" in search(viewer, "")
    assert "Type at least two characters" in search(viewer, "x")
    for odd in ("%", "\0", "100%_\\", "'; --", "9" * 30, "x" * 999, "d1-" + "0" * 20):
        assert search(viewer, odd)


def test_a_search_takes_a_fixed_number_of_queries(
    world: World, viewer: Client, django_assert_max_num_queries: Any
) -> None:
    world.start()
    with django_assert_max_num_queries(14):
        search(viewer, "re")
    with django_assert_max_num_queries(14):
        search(viewer, "1")


def test_the_box_is_on_every_page(viewer: Client) -> None:
    page = viewer.get("/console/").content.decode()
    assert 'action="/console/search/"' in page
    assert "data-search" in page
