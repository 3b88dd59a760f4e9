"""A real browser on a real server: Debian's Chromium, driven by Playwright, on Django's live server.

Every request that a page makes is written down; one that would leave this machine is refused, and fails its test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
import redis
from axe_playwright_python.sync_playwright import Axe
from django.test import TransactionTestCase
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from pytest_django.live_server_helper import LiveServer
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.fonts import fonts_of_letters
from tests.browser.published import Letters
from tests.emptying import empty
from tests.flow.conftest import sandbox, sandbox_program
from urgentaction.embedded.servers import Servers
from urgentaction.public import limiting

__all__ = ["sandbox", "sandbox_program"]

#: Best practices included, not only what WCAG asks for.
AXE_OPTIONS = {"resultTypes": ["violations"]}
PHONE, DESK = 390, 1280
LOOKS: tuple[tuple[str, int, Literal["light", "dark"]], ...] = (
    ("phone", PHONE, "light"),
    ("phone", PHONE, "dark"),
    ("desk", DESK, "light"),
    ("desk", DESK, "dark"),
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the system; Playwright's own is not downloaded."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium: apt-get install chromium")
        pytest.skip("no chromium: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fontconfig file that adds the fonts of the letters to the system's, so that pictures show every script."""
    return fonts_of_letters(tmp_path_factory.mktemp("fonts"))


@pytest.fixture(scope="module")
def browser(chromium: str, fonts: Path) -> Iterator[Browser]:
    # Playwright's sync API keeps an event loop in this thread, which Django takes for asynchronous code, and beside
    # which no other loop can run: it must be gone before the next module's tests.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium,
            args=[*arguments, "--disable-dev-shm-usage"],
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        yield running
        running.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@dataclass
class Visitor:
    """Somebody with a browser."""

    browser: Browser
    base: str
    shots: Path
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, *, width: int = DESK, scheme: str = "light", **options: Any) -> Page:
        """A window of its own: no cookies, nothing stored."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 844 if width < 600 else 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            base_url=self.base,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(10_000)
        context.route("**/*", self._watch)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def shoot(self, page: Page, name: str) -> None:
        """Keep what the page looks like, all of it."""
        self.shots.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    def check(self, page: Page) -> None:
        """Nothing that hinders a reader, nothing that sticks out of the window."""
        violations = Axe().run(page, options=AXE_OPTIONS).response["violations"]
        told = [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in violations]
        assert told == []
        width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert width[0] <= width[1], "the page is wider than the window"

    def _watch(self, route: Route) -> None:
        host = urlsplit(route.request.url).netloc
        self.hosts.add(host)
        if host == urlsplit(self.base).netloc:
            route.continue_()
        else:
            route.abort()

    def leave(self) -> None:
        for context in self._contexts:
            context.close()


@contextmanager
def visiting(browser: Browser, base: str, shots: Path) -> Iterator[Visitor]:
    """Closes by asserting what holds for every test: no request went elsewhere, and the browser had no complaint."""
    someone = Visitor(browser, base, shots)
    try:
        yield someone
    finally:
        someone.leave()
    assert someone.hosts <= {urlsplit(base).netloc}
    assert someone.complaints == []


@pytest.fixture(scope="module")
def lasting_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database for all tests of a module, which share their rows; emptied when the module is over.

    The tests are marked with `django_db(transaction=True)`, as pytest-django makes no database without such a mark.
    """
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _self: None)
        yield
        empty()


@pytest.fixture
def visitor(
    browser: Browser, live_server: LiveServer, settings: Any, project: Path, servers: Servers
) -> Iterator[Visitor]:
    """Somebody in front of a browser that shows the live server."""
    settings.PUBLIC_URL = live_server.url
    with redis.Redis.from_url(servers.redis_url) as broker:
        if keys := list(broker.scan_iter("*sign-up*")):
            broker.delete(*keys)
    limiting.close()
    with visiting(browser, live_server.url, project / "var" / "screenshots") as someone:
        yield someone
        limiting.close()


@pytest.fixture
def letters(transactional_db: None, visitor: Visitor) -> Letters:
    return Letters.make()


@pytest.fixture
def looks(visitor: Visitor) -> Callable[[str, str], Page]:
    """Open a path, check it, and keep a picture of it: each width and each scheme once, or with each other."""

    def look(path: str, name: str, *, status: int = 200, is_thorough: bool = False) -> Page:
        page = visitor.page()
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == status
        for label, width, scheme in LOOKS if is_thorough else LOOKS[::3]:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            visitor.shoot(page, f"{name}-{label}-{scheme}")
            visitor.check(page)
        return page

    return look
