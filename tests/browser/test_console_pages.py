"""Every page of the console as an administrator meets it: on a phone, a laptop and a wide screen, light and dark.

Nothing here knows a page by name: a new one is looked at as soon as it has a route. `benchmarks.console` asks for the
same addresses, in a fuller house.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, Response
from pytest_django.live_server_helper import LiveServer

from benchmarks.console import addresses
from tests.browser.conftest import Visitor, visiting
from tests.browser.furnished import House, furnish
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts.models import User
from urgentaction.deliveries.gateways import close_gateways

# The house is furnished before the browser starts: mails are sent from an event loop, and there can be but one.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("lasting_db", "house"),
]

Scheme = Literal["light", "dark"]

PHONE, LAPTOP, WIDE = 390, 1280, 1920
#: axe looks at one width for each scheme, and a picture is kept of it; all widths are measured.
LOOKED_AT: dict[Scheme, int] = {"light": PHONE, "dark": WIDE}
#: Other things that a page shows than what stands for its route's variable: the same page, in other states.
MORE = {
    "alert-held": "/console/alerts/{held}/",
    "alert-waiting": "/console/alerts/{waiting}/",
    "alert-draft": "/console/alerts/{draft}/",
    "alert-compose": "/console/alerts/new/?case=UA-2015-0117",
    "search-found": "/console/search/?q=Korea",
    "alert-deliveries-failed": "/console/alerts/{alert_id}/deliveries/?state=failed",
    "cases-none": "/console/cases/?q=nothing",
}
#: A page that is never opened without saying more.
IN_KOREAN = {
    "now",
    "cases",
    "case",
    "update-new",
    "alerts",
    "alert",
    "tasks",
    "task",
    "directory",
    "templates",
    "rules",
}


@pytest.fixture(scope="module")
def server(chromium: str, lasting_db: None) -> Iterator[LiveServer]:
    """The live server; pytest-django's own would empty the database after each test."""
    with pytest.MonkeyPatch.context() as patch:
        # Whoever keeps a connection to the server open must not keep one to the database open with it.
        patch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
        running = LiveServer("localhost")
        with running._live_server_modified_settings:
            yield running
        running.stop()


@pytest.fixture(scope="module")
def house(server: LiveServer, sandbox_program: SandboxProgram) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.PUBLIC_URL", server.url)
        patch.setattr("django.conf.settings.GATEWAYS", sandbox_program.gateway_options())
        patch.setattr("django.conf.settings.BACKOFF_SCALE", 0.0001)
        close_gateways()
        yield furnish(sandbox_program)
        sandbox_program.forget_script()
        close_gateways()


@pytest.fixture(scope="module")
def pages(house: House) -> dict[str, str]:
    """The address of everything that answers with a page of the console, by name."""
    found = {}
    for name, address in addresses(house.arguments):
        answer = house.browser.get(address)
        if answer.status_code == 405:  # a deed
            continue
        # 286 is a live part that has nothing more to tell.
        assert answer.status_code in (200, 286), f"{address} ({name}): {answer.status_code}"
        is_whole = not answer.streaming and answer.content.lstrip().startswith(b"<!doctype html>")
        if (
            is_whole and "sandbox" not in answer.headers["Content-Security-Policy"]
        ):  # no part of a page, no file, no mail
            found[name] = address
    return found | {name: address.format_map(house.arguments) for name, address in MORE.items()}


@pytest.fixture
def visitor(browser: Browser, server: LiveServer, project: Path) -> Iterator[Visitor]:
    with visiting(browser, server.url, project / "var" / "screenshots" / "console") as someone:
        yield someone


def window(visitor: Visitor, house: House, scheme: Scheme) -> Page:
    """A window in which the administrator is logged in."""
    page = visitor.page(width=LOOKED_AT[scheme], scheme=scheme)
    cookie = house.browser.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": visitor.base}])
    return page


def faults_of(
    visitor: Visitor, page: Page, look: Callable[[], Response | None], widths: tuple[int, ...] = ()
) -> list[str]:
    """What hinders somebody on the page that is opened by `look`; measured at further widths, too."""
    before = len(visitor.complaints)
    answer = look()
    assert answer is not None
    found = [] if answer.status == 200 else [f"answered with {answer.status}"]
    try:
        visitor.check(page)
    except AssertionError as fault:
        found.append(str(fault))
    found += [f"{width} px: wider than the window" for width in widths if is_too_wide(page, width)]
    return found + visitor.complaints[before:]


def is_too_wide(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 900})
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_hinders_nobody(visitor: Visitor, house: House, pages: dict[str, str], scheme: Scheme) -> None:
    page = window(visitor, house, scheme)
    widths = (LAPTOP, WIDE) if scheme == "light" else ()  # colours change no measure
    faults = {}
    for name, address in pages.items():
        if found := faults_of(visitor, page, lambda address=address: page.goto(address), widths):  # type: ignore[misc]
            faults[name] = [address, *found]
        page.set_viewport_size({"width": LOOKED_AT[scheme], "height": 900})
        visitor.shoot(page, f"{name}-{scheme}")
    assert faults == {}


def test_pages_hold_korean_as_well(visitor: Visitor, house: House, pages: dict[str, str]) -> None:
    User.objects.filter(pk=house.owner.pk).update(language="ko")
    page = window(visitor, house, "light")
    faults = {}
    for name in sorted(IN_KOREAN):
        if found := faults_of(visitor, page, lambda name=name: page.goto(pages[name])):  # type: ignore[misc]
            faults[name] = found
        assert page.locator("html").get_attribute("lang") == "ko"
        visitor.shoot(page, f"{name}-ko")
    assert faults == {}
