"""What the console is for, from login to the end, on the whole service: web, workers, database, broker, gateways.

Every button and link is reached by Tab and used by Enter. The second factor is that of a real app.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor, visiting
from tests.browser.keyboard import Keyboard
from tests.browser.service import Service, running
from tests.flow.callers import PASSWORD, code_of, give_app
from tests.flow.world import World
from urgentaction.accounts.models import FACTOR_ROLES, Role, User
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.embedded.servers import Servers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("lasting_db")]

#: Milliseconds that workers may take until something has gone all its way.
PATIENCE = 60_000


@pytest.fixture(scope="module")
def service(
    chromium: str, servers: Servers, lasting_db: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("service"), servers.database_url) as started:
        yield started


@pytest.fixture
def visitor(browser: Browser, service: Service, project: Path) -> Iterator[Visitor]:
    with visiting(browser, service.base_url, project / "var" / "screenshots" / "console") as someone:
        yield someone


def enter(visitor: Visitor, name: str, role: Role) -> Keyboard:
    """Somebody new with this role logs in, with their second factor where the role wants one."""
    user = User.objects.create_user(name, f"{name}@staff.invalid", PASSWORD, role=role.value)
    secret = give_app(user) if role in FACTOR_ROLES else ""
    page = visitor.page()
    page.goto("/console/")
    keys = Keyboard(page)
    keys.write('textbox "User name or email"', name)
    keys.write('textbox "Password"', PASSWORD)
    keys.enter()
    if secret:
        headed(page, "Second factor")
        keys.write('textbox "Code of your app', code_of(secret))
        keys.enter()
    headed(page, "Now")
    return keys


def headed(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


def told(page: Page, words: str) -> None:
    """The message on top of the page after a deed."""
    expect(page.locator("p.message")).to_contain_text(words)


def test_an_update_is_recorded_and_its_letters_are_followed_to_their_end(visitor: Visitor, service: Service) -> None:
    world = World.make()
    keys = enter(visitor, "edith", Role.EDITOR)
    page = keys.page
    keys.press('link "Cases"')
    keys.press(f'link "{world.case.reference}')
    keys.press('link "Report what happened"')
    headed(page, "What happened?")
    page.get_by_label("What happened").select_option("return_imminent")
    page.get_by_label("How sure we are").select_option("confirmed")
    page.get_by_label("As of").fill("2026-11-20")
    page.get_by_label("Place").fill("Tumen")
    keys.press('button "Show what follows"')

    headed(page, "What follows if you record this")
    main = page.locator("main")
    for words in ("2 letters to officials", "4 messages to supporters", "0 live alerts withdrawn"):
        expect(main).to_contain_text(words)
    visitor.shoot(page, "story-update-consequences")
    visitor.check(page)
    assert not Alert.objects.exists(), "looking does nothing"
    keys.press('button "Record it: sending starts"')

    told(page, "ecorded")
    alert = Alert.objects.get()
    visitor.shoot(page, "story-update-recorded")
    keys.press(f'link "{alert.number}"')
    headed(page, alert.number)
    keys.press('link "How it goes')
    keys.press('link "the officials"')
    row = Delivery.objects.get(alert=alert, channel="fax")
    keys.press(f'link "{row.id}"')
    expect(page.locator(".standing .state")).to_have_text("delivered", timeout=PATIENCE)
    expect(page.get_by_role("table", name="What the gateway reported later")).to_contain_text("delivered")
    visitor.shoot(page, "story-update-delivered")
    visitor.check(page)
    to = {entry["to"] for entry in service.outbox()}
    assert {"+12025550101", "president@office.invalid", "minister@office.invalid"} <= to


def test_an_alert_by_hand_is_approved_by_two_held_and_stopped(visitor: Visitor, service: Service) -> None:
    world = World.make(number=2)
    keys = enter(visitor, "emil", Role.EDITOR)
    page = keys.page
    keys.press('link "Alerts"')
    keys.press('link "Compose an alert"')
    keys.write('textbox "Which case', world.case.reference)
    keys.enter()
    headed(page, "Compose an alert")
    page.get_by_label("Level").select_option("5")
    visitor.shoot(page, "story-alert-compose")
    visitor.check(page)
    keys.press('button "Keep the draft and show what it sends"')
    headed(page, "What goes out")
    expect(page.locator("main")).to_contain_text("Dear president2")
    visitor.shoot(page, "story-alert-preview")
    visitor.check(page)
    keys.press('button "Send for approval"')
    alert = Alert.objects.get(case=world.case)
    headed(page, alert.number)
    page.get_by_role("link", name="Edit").focus()

    for name, said in (("ada", "another person"), ("bela", "Approved and held")):
        theirs = enter(visitor, name, Role.APPROVER)
        theirs.press('link "Alerts"')
        theirs.press(f'link "{alert.number}"')
        theirs.press('link "Read what goes out, then decide"')
        theirs.press('button "Approve"')
        expect(theirs.page.locator("main")).to_contain_text(said)

    # The editor's page has heard of it by itself.
    held = page.get_by_role("region", name="Approved and held")
    expect(held).to_be_visible()
    expect(held.locator("[data-countdown]")).to_have_text(re.compile(r"0[0-4]:\d\d"))
    # What was in their hands is gone, and what stands in its place is not put there.
    expect(page.locator("[data-live]").filter(has=held)).to_be_focused()
    visitor.shoot(page, "story-alert-held")
    visitor.check(page)
    # A session that runs out takes nothing away that was typed.
    why, cookies = held.get_by_role("textbox", name="Why"), page.context.cookies()
    why.fill("stopped during its hold, after a call")
    why.blur()
    page.context.clear_cookies(name="sessionid")
    expect(page.locator("[data-connection]")).to_contain_text("You are no longer logged in")
    expect(why).to_have_value("stopped during its hold, after a call")
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    visitor.complaints.clear()  # of the answers that said so
    keys.press('button "Stop it: send nothing"')
    expect(page.get_by_role("region", name="Approved and held")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("stopped during its hold")
    visitor.shoot(page, "story-alert-stopped")
    alert.refresh_from_db()
    assert alert.state == "withdrawn"
    assert not Delivery.objects.filter(alert=alert).exists()
    written = {"president2@office.invalid", "minister2@office.invalid", "+12025550102"}
    assert not written & {entry["to"] for entry in service.outbox()}


def test_a_failed_fax_is_taken_over_by_a_person_with_the_keyboard_alone(visitor: Visitor, service: Service) -> None:
    world = World.make(number=3)
    service.script(
        {"channel": "fax", "address": "+12025550103", "steps": ["not_a_fax"], "then": "repeat"},
        {
            "channel": "email",
            "address": "president3@office.invalid",
            "steps": [{"smtp": "550 5.1.1 no such user"}],
            "then": "repeat",
        },
    )
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    keys = enter(visitor, "erna", Role.EDITOR)
    page = keys.page
    keys.press('link "Alerts"')
    keys.press(f'link "{alert.number}"')
    tasks = page.get_by_role("heading", name="Tasks for people")
    expect(tasks).to_be_visible(timeout=PATIENCE)  # the page hears of it by itself
    visitor.shoot(page, "story-task-alert")
    keys.press('link "Tasks"', key="Shift+Tab")
    headed(page, "Tasks for people")
    keys.press('link "Reach The president3')
    expect(page.locator("main")).to_contain_text("+82 2-770-4721")
    keys.press('button "I do it"')
    expect(page.locator("main")).to_contain_text("You, since")
    visitor.shoot(page, "story-task-taken")
    visitor.check(page)
    keys.write('textbox "What came of it"', "Handed in at the gate; the guard signed for it")
    keys.press('button "Close the task"')
    told(page, "Done: Reach The president3")
    task = HumanTask.objects.get(alert=alert)
    assert task.result == "Handed in at the gate; the guard signed for it"
    assert task.done_by == f"user:{User.objects.get(username='erna').pk}"
    visitor.shoot(page, "story-task-done")
