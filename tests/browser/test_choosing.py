"""Fields that offer what fits while somebody types: an office, a time zone. By keyboard alone, and without a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import Visitor
from tests.flow.callers import staff
from tests.flow.world import World
from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.directory.models import Office, Official

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(transactional_db: None) -> World:
    return World.make()


@pytest.fixture
def editor(world: World) -> Client:
    office = Office.objects.create(slug="tumen", country="CN", names={"en": "Garrison"}, time_zone="Asia/Shanghai")
    Official.objects.create(slug="commander", office=office, names={"en": "The commander"})
    return staff(Role.EDITOR, "edith")


@pytest.fixture
def window(visitor: Visitor, live_server: LiveServer, editor: Client) -> Callable[..., Page]:
    """Opens a window in which the editor is logged in."""

    def opened(**options: Any) -> Page:
        page = visitor.page(**options)
        cookie = editor.cookies["sessionid"]
        page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
        return page

    return opened


def test_an_office_is_found_while_one_types(window: Callable[..., Page], visitor: Visitor, world: World) -> None:
    page = window()
    page.goto(f"/console/alerts/new/?case={world.case.reference}")
    page.get_by_text("Other offices").click()
    field = page.get_by_label("Further office").first
    field.press_sequentially("garri")
    expect(page.locator("#id_further-1_offices option")).to_have_attribute("value", "tumen")
    visitor.check(page)
    visitor.shoot(page, "choosing-office")
    field.fill("tumen")
    page.get_by_role("button", name="Keep the draft").press("Enter")
    page.wait_for_url("**/preview/")
    alert = Alert.objects.get()
    assert "commander" in {one.official.slug for one in alert.targets.all()}


def test_without_a_script_it_is_said_what_fits(window: Callable[..., Page], visitor: Visitor, world: World) -> None:
    page = window(java_script_enabled=False)
    page.goto(f"/console/alerts/new/?case={world.case.reference}")
    page.get_by_text("Other offices").click()
    page.get_by_label("Further office").first.fill("garrison")
    page.get_by_role("button", name="Keep the draft").click()
    expect(page.locator("#id_further-1_error")).to_contain_text("These fit: tumen.")
    visitor.complaints.clear()  # about the 422 with which a faulty form comes back


def test_a_time_zone_is_typed(window: Callable[..., Page], visitor: Visitor) -> None:
    page = window()
    page.goto("/console/account/")
    field = page.get_by_label("Time zone")
    field.fill("asia/seoul")
    visitor.check(page)
    visitor.shoot(page, "choosing-zone")
    field.press("Enter")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Seoul")
