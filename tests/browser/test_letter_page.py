"""The open letter as a reader meets it: in three languages, on a phone and at a desk, by keyboard, printed, shared."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visitor
from tests.browser.published import CONFIDENTIAL, Letters
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.letters.publishing import publish_update, withdraw_publication

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Look = Callable[..., Page]


@pytest.mark.parametrize(
    ("language", "direction", "words"),
    [
        ("en", "ltr", ["Dear President Kim", "CC:", "Fax: +82 2-770-4721", "Eastern Asia", "Refugees", "2026"]),
        ("ko", "ltr", ["존경하는 김견본 대통령님께", "참조:", "동아시아", "난민", "강제송환 임박"]),
        ("ar", "rtl", ["فخامة الرئيسة", "نسخة إلى:", "اللاجئون", "بيئة تجريبية"]),
    ],
)
def test_it_reads_well_everywhere(
    letters: Letters, looks: Look, visitor: Visitor, language: str, direction: str, words: list[str]
) -> None:
    page = looks(f"{letters.path}{language}/", f"letter-{language}", is_thorough=True)
    root = page.locator("html")
    assert (root.get_attribute("lang"), root.get_attribute("dir")) == (language, direction)
    text = page.locator("body").inner_text()
    for word in words:
        assert word in text
    assert CONFIDENTIAL not in page.content()
    assert "2025550101" not in page.content()  # what is dialled
    assert "Tumen" not in page.content()  # where they are held
    assert "friend0" not in page.content()  # who hears of it


def test_machines_find_their_way(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{letters.path}ko/")
    address = f"{visitor.base}{letters.path}"
    alternates = {
        link.get_attribute("hreflang"): link.get_attribute("href") for link in page.locator("link[hreflang]").all()
    }
    assert alternates == {
        "en": f"{address}en/", "ko": f"{address}ko/", "ar": f"{address}ar/", "x-default": address,
    }  # fmt: skip
    assert page.locator("link[rel=canonical]").get_attribute("href") == f"{address}ko/"
    card = {tag.get_attribute("property"): tag.get_attribute("content") for tag in page.locator("meta[property]").all()}
    assert card["og:url"] == f"{address}ko/"
    assert "공개서한" in str(card["og:title"])
    assert page.locator("[itemprop=headline]").inner_text() == card["og:title"]
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d\+09:00", str(card["article:published_time"]))


def test_a_reader_changes_the_language(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page(locale="ko-KR")
    page.goto(letters.path)
    assert page.locator("html").get_attribute("lang") == "ko"
    page.get_by_role("link", name="English", exact=True).first.click()
    page.wait_for_url(f"**{letters.path}en/")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Letter from Urgent Action Network to Kim Sample, President of the Republic"
    )


def test_a_reader_passes_it_on(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page(width=PHONE, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{letters.path}en/")
    names = page.locator(".share a").all_inner_texts()
    assert names == ["Facebook", "X", "WhatsApp", "Email", "LinkedIn", "Reddit", "Telegram"]
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_have_text("The link is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{visitor.base}{letters.path}en/"


def test_without_a_clipboard_it_says_so(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page()
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    page.goto(f"{letters.path}en/")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_contain_text("address bar")


def test_by_keyboard_alone(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{letters.path}en/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    expect(page.get_by_role("link", name="Skip to the text")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(str(page.evaluate("(document.activeElement.innerText || document.activeElement.id).trim()")))
    wanted = ["العربية", "Letter as PDF", "Copy link", "email", "consent", "Sign up"]
    assert [name for name in reached if name in wanted][:6] == wanted
    assert "website" not in reached  # the trap is for robots


def test_on_paper_it_is_a_letter(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page()
    page.goto(f"{letters.path}en/")
    page.emulate_media(media="print", color_scheme="dark")
    visitor.shoot(page, "letter-en-print")
    for gone in (".bar", ".share", "h1", "form"):
        assert not page.locator(gone).first.is_visible()
    expect(page.locator(".addressee")).to_be_visible()
    assert page.locator(".letter").evaluate("one => getComputedStyle(one).color") == "rgb(0, 0, 0)"


def test_without_scripts_everything_but_two_buttons_is_there(letters: Letters, visitor: Visitor) -> None:
    page = visitor.page(java_script_enabled=False)
    page.goto(f"{letters.path}en/")
    assert page.get_by_role("button").all_inner_texts() == ["Sign up"]
    expect(page.locator(".share a").first).to_be_visible()


def test_news_and_corrections_are_told(letters: Letters, visitor: Visitor, looks: Look) -> None:
    second = letters.corrected()
    released = letters.world.update(Status.RELEASED, day=date(2026, 11, 22))
    publish_update(released.update, by="cli:test")
    page = looks(f"{letters.path}en/", "letter-overtaken")
    notices = page.get_by_role("note").all_inner_texts()
    assert any("has been corrected" in one for one in notices)
    assert any("The situation has changed: released (as of 22 November 2026)" in one for one in notices)
    assert page.locator(".news li").all_inner_texts()[0].lower().startswith("released")
    page.locator(".notice a").first.click()
    page.wait_for_url(f"**/letters/{second.slug}/en/")
    expect(page.locator(".notice.calm")).to_contain_text("The date of arrest was wrong.")


def test_embargo_and_withdrawal_hold_at_once(letters: Letters, visitor: Visitor, looks: Look) -> None:
    page = visitor.page()
    row = letters.publication
    paths = (f"{letters.path}en/", letters.path, f"{letters.path}en.pdf")

    def answers() -> list[int]:
        return [page.request.get(f"{visitor.base}{path}").status for path in paths]

    assert answers() == [200, 200, 200]
    for path in paths:
        assert page.request.get(f"{visitor.base}{path}").headers["cache-control"] == "no-store"
    row.embargo_until = clock.now() + timedelta(hours=1)
    row.save()
    assert answers() == [404, 404, 404]
    page.goto("/letters/")
    assert page.locator(".letters li").count() == 0
    row.embargo_until = None
    row.save()
    page.goto(f"{letters.path}en/")
    withdraw_publication(row.slug, why="they asked for it", by="cli:test")
    assert answers() == [410, 410, 410]
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This letter is no longer here")
    assert "President" not in page.content()
    assert "they asked" not in page.content()
    visitor.complaints.clear()  # the browser itself notes that a page was not there
    looks(letters.path, "letter-gone", status=410)
    visitor.complaints.clear()
