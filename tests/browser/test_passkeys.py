"""Second factors in a real browser, whose authenticator is Chromium's virtual one: nothing inline, all by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visitor
from tests.flow.callers import PASSWORD, code_of
from urgentaction.accounts.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Look = Callable[..., Page]


@pytest.fixture
def approver(visitor: Visitor) -> User:
    cache.clear()
    return User.objects.create_user("ada", "ada@staff.invalid", PASSWORD, role=Role.APPROVER.value)


def with_key(visitor: Visitor) -> Page:
    """A browser with an authenticator that knows its owner."""
    page = visitor.page()
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def log_in(page: Page) -> None:
    page.goto("/console/")
    page.get_by_label("User name or email").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def silent(route: Route) -> None:
    """A script that has not come yet."""
    route.fulfill(content_type="text/javascript", body="")


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


def test_a_passkey_is_set_up_used_as_second_factor_and_alone(visitor: Visitor, approver: User) -> None:
    page = with_key(visitor)
    log_in(page)
    heading(page, "Second factor")
    visitor.shoot(page, "factors-first")
    visitor.check(page)
    page.get_by_role("link", name="Add a passkey").click()
    heading(page, "Is it you?")
    visitor.check(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    heading(page, "Add a passkey")
    visitor.shoot(page, "passkey-add")
    visitor.check(page)
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("Log in with it alone").check()
    page.get_by_role("button", name="Go on").click()
    heading(page, "Recovery codes")
    visitor.shoot(page, "recovery-codes")
    visitor.check(page)
    page.get_by_role("link", name="go on").click()
    heading(page, "Now")

    page.get_by_role("button", name="Log out").click()
    log_in(page)
    heading(page, "Second factor")
    visitor.shoot(page, "login-factor")
    visitor.check(page)
    page.get_by_role("button", name="Use a passkey").click()
    heading(page, "Now")

    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in with a passkey").click()
    heading(page, "Now")

    page.goto("/console/account/factors/")
    expect(page.get_by_text("My laptop")).to_be_visible()
    visitor.shoot(page, "factors")
    visitor.check(page)
    page.get_by_role("link", name="Remove My laptop").click()
    page.get_by_role("link", name="Use a passkey instead").click()
    page.get_by_role("button", name="Use a passkey").click()
    heading(page, "Remove")


def test_a_passkey_that_is_not_there_is_said_on_the_page(visitor: Visitor, approver: User) -> None:
    page = with_key(visitor)
    page.goto("/console/login/")
    page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new DOMException('no')) }")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="was not used")).to_be_visible()


def test_a_passkey_cannot_be_asked_for_before_somebody_listens(visitor: Visitor, approver: User) -> None:
    page = with_key(visitor)
    page.route("**/onload*.js", silent)
    page.route("**/console-people*.js", silent)
    page.goto("/console/login/")
    expect(page.get_by_role("button", name="Log in with a passkey")).to_be_disabled()


def test_an_app_is_set_up_from_its_picture(visitor: Visitor, approver: User) -> None:
    page = visitor.page()
    log_in(page)
    page.get_by_role("link", name="Set up an app").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    heading(page, "Set up an authenticator app")
    shown = page.evaluate("document.querySelector('.qr').naturalWidth")
    assert shown > 0, "the picture is shown, whatever the content security policy says"
    visitor.shoot(page, "app-add")
    visitor.check(page)
    page.get_by_label("Code that the app shows").fill(code_of(page.locator(".secret").inner_text()))
    page.keyboard.press("Enter")
    heading(page, "Recovery codes")


def test_the_login_hinders_nobody(visitor: Visitor, approver: User, looks: Look) -> None:
    looks("/console/login/", "login", is_thorough=True)
