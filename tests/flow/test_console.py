"""The console: who may see and do what, and what is shown of whom."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.flow.callers import PASSWORD, staff, text
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.models import Role, User
from urgentaction.alerts.models import Alert, Approval
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.rules import State
from urgentaction.receipts.models import Receipt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def draft(world: World) -> Alert:
    """A rumour makes a draft that a person decides on."""
    return world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]


class TestLogin:
    def test_somebody_locked_out_is_locked_out_at_once(self, world: World) -> None:
        client = staff(Role.VIEWER)
        assert client.get("/console/").status_code == 200
        User.objects.update(is_active=False)
        assert client.get("/console/").status_code == 302

    def test_a_password_opens_the_console(self) -> None:
        User.objects.create_user("ada", "ada@staff.invalid", PASSWORD, role=Role.VIEWER.value)
        client = Client()
        wrong = client.post("/console/login/", {"login": "ada", "password": "no"})
        assert "match an account" in text(wrong)
        right = client.post("/console/login/", {"login": "ada@staff.invalid", "password": PASSWORD}, follow=True)
        assert "<h1>Now</h1>" in text(right)
        gone = client.post("/console/logout/", follow=True)
        assert "<h1>Log in</h1>" in text(gone)
        assert client.get("/console/").status_code == 302

    def test_login_goes_back_only_to_our_own_pages(self) -> None:
        User.objects.create_user("ada", "ada@staff.invalid", PASSWORD)
        form = {"login": "ada", "password": PASSWORD, "next": "https://evil.example/"}
        assert Client().post("/console/login/", form).headers["Location"] == "/console/"


class TestDeciding:
    def test_an_approver_starts_a_draft_after_a_hold(self, draft: Alert) -> None:
        client = staff(Role.APPROVER)
        assert "Read what goes out, then decide" in text(client.get(f"/console/alerts/{draft.id}/"))
        page = text(client.get(f"/console/alerts/{draft.id}/preview/"))
        assert "Hold before it starts" in page
        seen = re.search(r'name="seen" value="(\w+)"', page)
        assert seen is not None
        form = {"hold_minutes": "5", "comment": "sure", "seen": seen[1]}
        answer = client.post(f"/console/alerts/{draft.id}/approve/", form, follow=True)
        assert "It starts when its hold is over" in text(answer)
        draft.refresh_from_db()
        assert draft.state == "held"
        user = User.objects.get()
        assert Approval.objects.get().by == f"user:{user.pk}"
        assert "approver" in text(client.get(f"/console/alerts/{draft.id}/"))
        client.post(f"/console/alerts/{draft.id}/let-go/")
        pipeline.advance_alert(draft.id)
        draft.refresh_from_db()
        assert draft.state == "running"

    def test_rejecting_needs_a_reason(self, draft: Alert) -> None:
        client = staff(Role.APPROVER)
        refused = client.post(f"/console/alerts/{draft.id}/reject/", {"comment": "  "}, follow=True)
        assert "Say why" in text(refused)
        done = client.post(f"/console/alerts/{draft.id}/reject/", {"comment": "only a rumour"}, follow=True)
        assert "Nothing of it will be sent" in text(done)
        draft.refresh_from_db()
        assert (draft.state, draft.stop_reason) == ("rejected", "only a rumour")

    def test_an_editor_may_withdraw_and_no_more(self, world: World) -> None:
        alert = world.start()
        editor, viewer = staff(Role.EDITOR), staff(Role.VIEWER)
        assert "Stop it" in text(editor.get(f"/console/alerts/{alert.id}/"))
        assert "nothing more" in text(editor.get(f"/console/alerts/{alert.id}/stop/"))
        assert "Stop it" not in text(viewer.get(f"/console/alerts/{alert.id}/"))
        done = editor.post(f"/console/alerts/{alert.id}/withdraw/", {"reason": "released"}, follow=True)
        assert "Nothing more of it is sent" in text(done)
        again = editor.post(f"/console/alerts/{alert.id}/withdraw/", {"reason": "released"}, follow=True)
        assert "withdrawn already" in text(again)
        alert.refresh_from_db()
        assert alert.state == "withdrawn"

    def test_who_drafted_it_cannot_approve_it(self, world: World) -> None:
        client = staff(Role.APPROVER)
        user = User.objects.get()
        alert = world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        Alert.objects.filter(id=alert.id).update(drafted_by=f"user:{user.pk}")
        answer = client.post(f"/console/alerts/{alert.id}/approve/", {"hold_minutes": "0", "seen": "x"}, follow=True)
        assert "another person has to approve it" in text(answer)
        alert.refresh_from_db()
        assert alert.state == "draft"

    @pytest.mark.parametrize("hold", ["", "-1", "1.5", "99999", "٣"])
    def test_a_hold_that_is_no_number_approves_nothing(self, draft: Alert, hold: str) -> None:
        answer = staff(Role.APPROVER).post(f"/console/alerts/{draft.id}/approve/", {"hold_minutes": hold}, follow=True)
        assert "hold_minutes" in text(answer)
        assert not Approval.objects.exists()

    def test_a_form_without_its_token_does_nothing(self, draft: Alert) -> None:
        client = staff(Role.ADMINISTRATOR)
        client.handler.enforce_csrf_checks = True
        assert client.post(f"/console/alerts/{draft.id}/reject/", {"comment": "no"}).status_code == 403
        draft.refresh_from_db()
        assert draft.state == "draft"

    def test_a_browser_may_post_our_forms(self, draft: Alert) -> None:
        """As browsers do: the token from the page, and `Origin`, which `no-referrer` would turn into `null`."""
        client = staff(Role.APPROVER)
        client.handler.enforce_csrf_checks = True
        page = client.get(f"/console/alerts/{draft.id}/")
        assert page.headers["Referrer-Policy"] == "same-origin"
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', text(page))
        assert token is not None
        form = {"comment": "no", "csrfmiddlewaretoken": token[1]}
        path = f"/console/alerts/{draft.id}/reject/"
        for origin, status in (("http://testserver", 302), ("null", 403), ("https://evil.example", 403)):
            assert client.post(path, form, headers={"Origin": origin}).status_code == status
        assert "taken any more" in client.post(path, form, headers={"Origin": "null"}).content.decode()

    def test_what_a_logged_out_person_sends_is_not_done_and_not_lost(self, draft: Alert) -> None:
        """A session ends eight hours after the login, which is when a night's text is being written."""
        path, text_of = f"/console/alerts/{draft.id}/reject/", "Two sources\nsay <otherwise>"
        answer = Client().post(path, {"comment": text_of, "csrfmiddlewaretoken": "x"})
        page = text(answer, 401)
        assert "Nothing was done: you are no longer logged in." in page
        assert f'<form method="post" action="{path}">' in page
        assert 'name="comment" value="Two sources\nsay &lt;otherwise&gt;"' in page
        assert answer.headers["Cache-Control"] == "no-store"
        draft.refresh_from_db()
        assert draft.state == "draft"

    def test_a_form_from_before_the_login_is_given_back_to_be_sent_again(self, draft: Alert) -> None:
        client = staff(Role.APPROVER)
        client.handler.enforce_csrf_checks = True
        path, form = f"/console/alerts/{draft.id}/reject/", {"comment": "not enough", "csrfmiddlewaretoken": "0" * 64}
        elsewhere = client.post(path, form, headers={"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"})
        assert "Not done yet" not in text(elsewhere, 403)
        page = text(client.post(path, form, headers={"Origin": "http://testserver"}), 403)
        assert "You are logged in as" in page
        draft.refresh_from_db()
        assert draft.state == "draft"
        token = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page)[-1]
        again = {"comment": "not enough", "csrfmiddlewaretoken": token}
        assert client.post(path, again, headers={"Origin": "http://testserver"}).status_code == 302
        draft.refresh_from_db()
        assert draft.state == "rejected"

    def test_no_password_is_given_back(self) -> None:
        path, form = "/console/account/password/", {"oldpassword": "old secret", "password1": "a b"}
        assert Client().post(path, form).status_code == 302

    def test_an_address_that_only_takes_a_form_says_so(self, draft: Alert) -> None:
        answer = staff(Role.APPROVER).get(f"/console/alerts/{draft.id}/approve/")
        assert "This address only takes a form" in text(answer, 405)
        assert answer.headers["Allow"] == "POST"

    def test_an_action_is_no_link(self, draft: Alert) -> None:
        for action in ("approve", "reject", "withdraw", "let-go"):
            assert staff(Role.ADMINISTRATOR, action).get(f"/console/alerts/{draft.id}/{action}/").status_code == 405


class TestWhatIsShown:
    def test_now_shows_what_goes_on(self, world: World) -> None:
        alert = world.start()
        open_task(
            HumanTaskKind.SETTLE_UNKNOWN, key="k", title="Did the fax arrive?", advice="Ask the office.", alert=alert
        )
        GatewayState.objects.create(name="telnyx", is_paused=True, reason="401 bad key", changed_at=clock.now())
        Delivery.objects.filter(alert=alert, channel="fax").update(state=State.UNKNOWN.value)
        page = text(staff(Role.VIEWER).get("/console/"))
        assert alert.number in page
        assert "Did the fax arrive?" in page
        assert "401 bad key" in page
        assert re.search(r"<strong>1</strong>\s*<a [^>]*>deliveries unknown", page)
        assert "Sandbox: only reserved test addresses are used" in page

    def test_a_waiting_alert_is_listed(self, draft: Alert) -> None:
        page = text(staff(Role.VIEWER).get("/console/"))
        assert draft.number in page
        assert "waits for a decision" in page

    def test_no_supporter_is_shown_by_name_or_address(self, world: World) -> None:
        alert = world.start()
        row = alert.deliveries.filter(role="supporter", channel="email")[0]
        now = clock.now()
        Attempt.objects.create(
            delivery=row,
            number=1,
            gateway="smtp",
            started_at=now,
            ended_at=now,
            outcome="refused",
            retry_class="never",
            code="5.1.1",
        )
        Receipt.objects.create(
            gateway="twilio", event_id="e1", kind="opted-out", address="+442079460200", raw="friend", received_at=now,
            delivery=row,
        )  # fmt: skip
        client = staff(Role.ADMINISTRATOR)
        for path in ("/console/", f"/console/alerts/{alert.id}/", f"/console/cases/{world.case.reference}/"):
            page = text(client.get(path)).lower()
            for person in world.supporters:
                assert person.name.lower() not in page
                assert person.email not in page
                assert person.phone not in page
        page = text(client.get(f"/console/alerts/{alert.id}/"))
        assert f"supporter …{str(row.supporter_id)[-8:]}" in page
        assert "5.1.1" in page
        assert "said stop" in page
        assert "The president" in page

    def test_the_letter_comes_as_a_file(self, world: World) -> None:
        alert = world.start()
        letter = alert.letters.get(role="to")
        client = staff(Role.EDITOR)
        assert f"/console/letters/{letter.id}.pdf" in text(client.get(f"/console/alerts/{alert.id}/"))
        reader = staff(Role.VIEWER)
        assert f"/console/letters/{letter.id}.pdf" not in text(reader.get(f"/console/alerts/{alert.id}/"))
        answer = client.get(f"/console/letters/{letter.id}.pdf")
        assert answer.content == bytes(letter.pdf)
        assert answer.headers["Content-Disposition"] == 'attachment; filename="UA-2026-0001-1-to-en.pdf"'
        assert answer.headers["Cache-Control"] == "no-store"

    def test_deliveries_are_filtered_and_paged(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("urgentaction.console.reading.PAGE", 3)
        alert = world.start()
        client, path = staff(Role.VIEWER), f"/console/alerts/{alert.id}/"
        found, page = 0, text(client.get(path))
        while True:
            found += page.count('<span class="state state-queued">waiting</span>')
            following = re.search(r'href="(\?after=\d+)">Next page', page)
            if following is None:
                break
            page = text(client.get(path + following[1]))
        assert found == alert.deliveries.count() == 7
        assert text(client.get(f"{path}?role=to")).count("state-queued") == 2
        assert "No deliveries here" in text(client.get(f"{path}?state=failed"))
        assert client.get(f"{path}?after=x&state=%00&role=king").status_code == 200

    def test_the_live_part_is_the_page_without_its_frame(self, world: World) -> None:
        alert = world.start()
        client = staff(Role.VIEWER)
        for path in ("/console/", f"/console/alerts/{alert.id}/"):
            whole, part = text(client.get(path)), text(client.get(f"{path}live/"))
            assert f'hx-get="{path}live/"' in whole
            assert "<html" not in part
            assert alert.number in whole
            assert part.strip()[:40] in whole

    def test_a_case_tells_its_story(self, world: World) -> None:
        world.update(Status.DETAINED)
        world.update(Status.RETURN_IMMINENT)
        page = text(staff(Role.VIEWER).get(f"/console/cases/{world.case.reference}/"))
        assert page.index("at imminent risk of forcible return") < page.index("detained")
        assert f"{world.case.reference}/2" in page
        assert world.case.reference in text(staff(Role.VIEWER, "other").get("/console/cases/"))

    def test_what_does_not_exist_is_404(self, world: World) -> None:
        client = staff(Role.EDITOR)
        nothing = "00000000-0000-0000-0000-000000000001"
        for path in (f"alerts/{nothing}/", f"letters/{nothing}.pdf", "cases/UA-1999-0001/", "cases/%00/"):
            assert client.get(f"/console/{path}").status_code == 404
