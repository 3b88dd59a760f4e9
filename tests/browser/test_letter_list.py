"""The list of open letters, its filters and its feed, as readers find it."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.published import Letters

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.mark.parametrize("language", ["en", "ko", "ar"])
def test_it_is_read_everywhere(letters: Letters, looks: Callable[..., Page], language: str) -> None:
    page = looks(f"/letters/?lang={language}", f"list-{language}")
    link = page.locator(".letters h2 a")
    assert link.get_attribute("href") == f"{letters.path}{language}/"


def test_it_is_filtered(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page()
    page.goto("/letters/?lang=en")
    page.get_by_role("link", name="Eastern Asia").click()
    page.wait_for_url("**/letters/?*region=030*")
    expect(page.locator(".letters li")).to_have_count(1)
    expect(page.get_by_role("link", name="Eastern Asia")).to_have_attribute("aria-current", "true")
    page.goto("/letters/?lang=en&region=150")
    expect(page.get_by_text("There is no letter here yet.")).to_be_visible()


def test_feed_readers_get_titles_and_links_and_no_text(letters: Letters, visitor: Visitor) -> None:
    answer = visitor.page().request.get(f"{visitor.base}/letters/feed.atom?lang=ko")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert answer.headers["cache-control"] == "no-store"
    entry = ET.fromstring(answer.text()).find(f"{ATOM}entry")
    assert entry is not None
    link = entry.find(f"{ATOM}link")
    assert link is not None
    assert link.get("href") == f"{visitor.base}{letters.path}ko/"
    assert "국경경비대" not in answer.text()
