"""Signing up, confirming, choosing and leaving: from the form to the mailbox and back, with real mail in between."""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import default

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.published import Letters
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.references import reference_of
from urgentaction.supporters.links import preferences_token, unsubscribe_token
from urgentaction.supporters.models import SignUpRequest, Supporter, Suppression

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Look = Callable[..., Page]
ADDRESS = "new.friend@supporters.invalid"


def mails_to(sandbox: SandboxProgram, address: str, *, since: int) -> list[EmailMessage]:
    entries = [one for one in sandbox.ledger(since) if one["to"] == address]
    raw = [httpx.get(f"{sandbox.ready['http_url']}/mail/{one['ref']}.eml", trust_env=False) for one in entries]
    return [email.message_from_bytes(one.content, policy=default) for one in raw]


def last_seq(sandbox: SandboxProgram) -> int:
    return max((one["seq"] for one in sandbox.ledger()), default=0)


def test_from_a_letter_to_a_mail_with_a_letter(
    letters: Letters, visitor: Visitor, looks: Look, sandbox: SandboxProgram
) -> None:
    since = last_seq(sandbox)
    page = visitor.page()
    page.goto(f"{letters.path}ko/")
    page.get_by_label("이메일 주소").fill(ADDRESS)
    page.get_by_label(re.compile("동의합니다")).check()
    page.get_by_role("button", name="신청하기").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("메일함을 확인해 주십시오")
    assert not Supporter.objects.filter(language="ko").exists()

    assert pipeline.send_confirmations() == 1
    assert not SignUpRequest.objects.exists()
    (mail,) = mails_to(sandbox, ADDRESS, since=since)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Two refugees" not in str(mail)
    found = re.search(r"https?://\S+/sign-up/confirm/\S+", mail.get_content())
    assert found is not None
    assert "new.friend" not in found[0]

    page = looks(found[0], "confirm")  # opening it changes nothing: filters follow links
    assert not Supporter.objects.filter(language="ko").exists()
    page.get_by_role("button", name="네, 소식을 받겠습니다").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("감사합니다")
    friend = Supporter.objects.get(language="ko")
    assert (friend.email, friend.wants_email, friend.wants_sms) == (ADDRESS, True, False)
    assert friend.consent_source.startswith("sign-up form (ko), words ")


def test_the_form_and_its_faults(visitor: Visitor, transactional_db: None, looks: Look) -> None:
    looks("/sign-up/?lang=ar", "sign-up-ar")
    page = looks("/sign-up/?lang=en", "sign-up")
    page.get_by_label("Email address").fill("somebody@gmail")
    page.get_by_label("text messages").check()
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not an email address.")
    faults = page.locator("#faults li").all_inner_texts()
    assert faults[1:] == ["Text messages need a mobile number.", "Without your agreement we may not write to you."]
    expect(page.get_by_label("Email address")).to_have_value("somebody@gmail")
    visitor.check(page)
    visitor.shoot(page, "sign-up-faults")
    assert not SignUpRequest.objects.exists()
    visitor.complaints.clear()  # the browser itself notes the status 422


def test_choosing_and_being_forgotten(transactional_db: None, visitor: Visitor, looks: Look) -> None:
    friend = World.make().supporters[0]
    link = f"/preferences/{preferences_token(friend.id)}/?lang=en"
    page = looks(link, "preferences")
    looks(link.replace("=en", "=ar"), "preferences-ar")
    for personal in (friend.email, friend.phone, friend.name):
        assert personal not in page.content()
    page.get_by_label("Text messages when hours count").uncheck()
    page.get_by_label("Language of our messages").select_option("ko")
    page.get_by_label("From").fill("22:00")
    page.get_by_label("Until").fill("07:00")
    page.get_by_label("Time zone").select_option("Asia/Seoul")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Your choice is saved.")
    friend.refresh_from_db()
    assert (friend.language, friend.time_zone, friend.wants_email, friend.wants_sms) == (
        "ko",
        "Asia/Seoul",
        True,
        False,
    )
    assert [str(friend.quiet_from), str(friend.quiet_until)] == ["22:00:00", "07:00:00"]
    assert Suppression.objects.get().channel == "sms"

    page.get_by_label("type the email address").fill("somebody@else.invalid")
    page.get_by_role("button", name="Forget me").click()
    expect(page.get_by_role("alert")).to_contain_text("not the address")
    visitor.complaints.clear()
    page.get_by_label("type the email address").fill(friend.email.upper())
    page.get_by_role("button", name="Forget me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are forgotten")
    visitor.check(page)
    friend.refresh_from_db()
    assert (friend.email, friend.name, friend.phone) == ("", "", "")
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link can't be used")
    visitor.check(page)


def test_every_other_page_is_for_everybody(visitor: Visitor, looks: Look, sandbox: SandboxProgram) -> None:
    world = World.make()
    alert = world.start()
    texted = Delivery.objects.get(alert=alert, channel="sms")
    looks(f"/unsubscribe/{unsubscribe_token(world.supporters[0].id)}/?lang=ja", "unsubscribe-ja")
    page = looks(f"/m/{reference_of(texted.id)}/?lang=ar", "read-on-ar")
    page.get_by_role("button").click()
    visitor.check(page)
    looks("/letters/never-was/", "not-found", status=404)
    visitor.complaints.clear()  # the browser itself notes that a page was not there
