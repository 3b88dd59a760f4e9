"""Accounts as staff and administrators meet them: roles, locking out, invitations, one's own account."""

from __future__ import annotations

import email
import re
from datetime import timedelta
from email.policy import default
from typing import Any

import httpx
import pytest
from django.test import Client

from tests.flow.callers import PASSWORD, confirm_it_is_them, give_app, staff, text
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts import people
from urgentaction.accounts.invitations import token_of
from urgentaction.accounts.models import AuditEntry, Invitation, Role, User
from urgentaction.alerts.queries import in_force
from urgentaction.alerts.standing import grant_standing_approval
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.core.errors import Conflict
from urgentaction.deliveries.models import HumanTask

pytestmark = pytest.mark.django_db(transaction=True)

GUEST = "grace@office.invalid"
CHOSEN = "quite another phrase"


@pytest.fixture
def administrator() -> Client:
    client = staff(Role.ADMINISTRATOR)
    confirm_it_is_them(client)
    return client


def member(name: str = "ada", role: Role = Role.VIEWER) -> User:
    return User.objects.create_user(name, f"{name}@staff.invalid", PASSWORD, role=role.value)


def do(client: Client, user: User, deed: str, **form: str) -> str:
    return text(client.post(f"/console/people/{user.id}/{deed}/", form, follow=True))


class TestInviting:
    def invite(self, client: Client, whom: str = GUEST, role: str = "approver", language: str = "en") -> Any:
        form = {"email": whom, "role": role, "language": language}
        return client.post("/console/people/invite/", form, follow=True)

    def test_an_invitation_comes_by_mail_and_works_once(self, administrator: Client, sandbox: SandboxProgram) -> None:
        page = text(self.invite(administrator))
        assert "on its way" in page
        assert "/join/" not in page, "the link is only in the mail"
        assert pipeline.send_confirmations() == 1
        assert "sent" in text(administrator.get("/console/people/"))
        path = link_in(mail_to(sandbox, GUEST))
        guest = Client()
        assert GUEST in text(guest.get(path))
        joined = guest.post(path, {"username": "grace", "password": CHOSEN, "again": CHOSEN}, follow=True)
        assert "a password is not enough for it" in text(joined), "an approver is led to a second factor"
        user = User.objects.get(username="grace")
        assert (user.email, user.role, user.check_password(CHOSEN)) == (GUEST, "approver", True)
        assert guest.get("/console/account/factors/app/").status_code == 200, "without the password once more"
        for method in (Client().get, Client().post):
            assert "This link is over" in text(method(path), 410)
        assert GUEST not in text(administrator.get("/console/people/")).split("Members of staff")[0]
        actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert actions[:2] == ["invitation.create", "user.create"]

    def test_it_is_written_in_their_language(self, administrator: Client, sandbox: SandboxProgram) -> None:
        self.invite(administrator, "minji@office.invalid", role="viewer", language="ko")
        pipeline.send_confirmations()
        mail = mail_to(sandbox, "minji@office.invalid")
        assert "초대" in mail
        guest = Client(headers={"Accept-Language": "en"})
        assert '<html lang="ko">' in text(guest.get(link_in(mail)))

    def test_sending_it_again_makes_the_old_link_void(self, administrator: Client) -> None:
        self.invite(administrator)
        row = Invitation.objects.get()
        old = f"/console/join/{token_of(row)}/"
        assert Client().get(old).status_code == 200
        answer = administrator.post(f"/console/people/invitations/{row.id}/again/", follow=True)
        assert "the old one is void" in text(answer)
        row.refresh_from_db()
        assert Client().get(old).status_code == 410
        assert Client().get(f"/console/join/{token_of(row)}/").status_code == 200

    def test_one_taken_back_or_too_old_opens_nothing(self, administrator: Client) -> None:
        self.invite(administrator)
        row = Invitation.objects.get()
        path = f"/console/join/{token_of(row)}/"
        Invitation.objects.update(expires_at=clock.now() - timedelta(seconds=1))
        assert Client().get(path).status_code == 410
        assert "over" in text(administrator.get("/console/people/"))
        administrator.post(f"/console/people/invitations/{row.id}/again/")
        row.refresh_from_db()
        path = f"/console/join/{token_of(row)}/"
        assert Client().get(path).status_code == 200
        administrator.post(f"/console/people/invitations/{row.id}/withdraw/")
        assert Client().get(path).status_code == 410
        assert pipeline.send_confirmations() == 0

    @pytest.mark.parametrize(
        ("whom", "words"),
        [
            ("somebody@gmail.com", "Sandbox mode"),
            ("administrator@staff.invalid", "member of staff already"),
            ("no address", "valid email"),
        ],
    )
    def test_a_mistake_is_told_at_its_field(self, administrator: Client, whom: str, words: str) -> None:
        assert words in text(self.invite(administrator, whom), 422)
        assert not Invitation.objects.exists()

    def test_nobody_is_invited_twice(self, administrator: Client) -> None:
        self.invite(administrator)
        assert "send the invitation again" in text(self.invite(administrator, GUEST.upper()), 422)

    @pytest.mark.parametrize(
        ("name", "password", "again", "words"),
        [
            ("grace", "short", "short", "too short"),
            ("grace", CHOSEN, "another", "The two differ"),
            ("administrator", CHOSEN, CHOSEN, "somebody has this name"),
            ("ada@staff.invalid", CHOSEN, CHOSEN, "only be your own address"),
        ],
    )
    def test_what_the_invited_types_is_checked(
        self, administrator: Client, name: str, password: str, again: str, words: str
    ) -> None:
        self.invite(administrator)
        path = f"/console/join/{token_of(Invitation.objects.get())}/"
        form = {"username": name, "password": password, "again": again}
        assert words in text(Client().post(path, form), 422)
        assert Client().get(path).status_code == 200, "it can be tried again"

    def test_a_link_that_is_still_good_does_not_come_into_the_log(
        self, administrator: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.invite(administrator)
        token = token_of(Invitation.objects.get())
        Client().post(f"/console/join/{token}/", {"username": "grace", "password": "short", "again": "short"})
        Client(enforce_csrf_checks=True).post(f"/console/join/{token}/", {"username": "grace"})
        assert caplog.text.count("/console/join/") == 2
        assert token not in caplog.text
        assert Client().get(f"/console/join/{token}/").status_code == 200

    def test_a_made_up_token_opens_nothing(self) -> None:
        for token in ("x", "x" * 400, "eyJ.a.b"):
            assert Client().get(f"/console/join/{token}/").status_code == 410

    def test_a_forgotten_password_is_chosen_anew(self, administrator: Client) -> None:
        user = member()
        browser = Client()
        browser.force_login(user)
        assert "on its way" in do(administrator, user, "new-password")
        path = f"/console/join/{token_of(Invitation.objects.get())}/"
        assert 'name="username"' not in text(Client().get(path))
        answer = Client().post(path, {"password": CHOSEN, "again": CHOSEN}, follow=True)
        assert "<h1>Now</h1>" in text(answer)
        user.refresh_from_db()
        assert user.check_password(CHOSEN)
        assert browser.get("/console/").status_code == 302, "other sessions are over"

    def test_a_new_password_does_not_replace_the_second_factor(self, administrator: Client) -> None:
        user = member(role=Role.APPROVER)
        give_app(user)
        do(administrator, user, "new-password")
        path = f"/console/join/{token_of(Invitation.objects.get())}/"
        answer = Client().post(path, {"password": CHOSEN, "again": CHOSEN})
        assert answer.headers["Location"] == "/console/login/factor/"


class TestPeople:
    def test_the_list_shows_who_may_do_what(self, administrator: Client, django_assert_max_num_queries: Any) -> None:
        give_app(member("with", Role.APPROVER))
        member("without", Role.APPROVER)
        for number in range(30):
            member(f"viewer{number}")
        with django_assert_max_num_queries(6):
            page = text(administrator.get("/console/people/"))
        rows = {name: row for row in page.split("<tr>") for name in re.findall(r'">(\w+)</a>', row)}
        assert "yes" in rows["with"]
        assert "missing" in rows["without"]
        assert "viewer7" not in text(administrator.get("/console/people/?role=approver&may_log_in=yes"))
        assert "viewer7" in text(administrator.get("/console/people/?called=WER7&sort=-login"))

    def test_a_role_is_changed(self, administrator: Client) -> None:
        user = member()
        assert "ada is now: editor" in do(administrator, user, "role", role="editor")
        user.refresh_from_db()
        assert user.role == "editor"
        entry = AuditEntry.objects.get(action="user.role")
        assert entry.detail == {"before": "viewer", "role": "editor"}
        for wrong in ("integration", "king", ""):
            assert "Choose one of the list" in do(administrator, user, "role", role=wrong)

    def test_nobody_touches_their_own_account_this_way(self, administrator: Client) -> None:
        user = User.objects.get(role="administrator")
        member("second", Role.ADMINISTRATOR)
        for deed, form in (("role", {"role": "viewer"}), ("lock", {"why": "x"}), ("reset-factors", {"why": "x"})):
            assert "your own account" in do(administrator, user, deed, **form)
        user.refresh_from_db()
        assert (user.role, user.is_active, user.has_factor) == ("administrator", True, True)

    def test_one_administrator_stays(self, administrator: Client) -> None:
        other = member("other", Role.ADMINISTRATOR)
        User.objects.filter(username="administrator").update(is_active=False)
        with pytest.raises(Conflict, match="only administrator"):
            people.change_role(other.id, "viewer", by="cli:test")
        with pytest.raises(Conflict, match="only administrator"):
            people.lock_user(other.id, why="x", by="cli:test")

    def test_who_is_locked_out_is_out_at_once(self, administrator: Client) -> None:
        user = member()
        browser = Client()
        browser.force_login(user)
        assert browser.get("/console/").status_code == 200
        assert "Say why" in do(administrator, user, "lock", why=" ")
        assert "logged out everywhere" in do(administrator, user, "lock", why="left us")
        assert browser.get("/console/").status_code == 302
        assert "may log in again" in do(administrator, user, "unlock")
        assert browser.get("/console/").status_code == 302, "the old session stays over"

    def test_nothing_starts_in_the_name_of_who_is_locked_out(self, administrator: Client) -> None:
        user = member("minji", Role.APPROVER)
        grant_standing_approval("imminent", by=user.username, actor=f"user:{user.pk}")
        grant_standing_approval("imminent", by="Somebody Else", actor="cli:test")
        page = do(administrator, user, "lock", why="left us")
        assert "Their standing approvals are taken back: imminent" in page
        assert list(in_force().values_list("by", flat=True)) == ["Somebody Else"]
        by = User.objects.get(role=Role.ADMINISTRATOR).pk
        assert AuditEntry.objects.filter(action="standing_approval.revoke", actor=f"user:{by}").count() == 1

    def test_what_they_approved_and_has_not_started_waits_again(self, administrator: Client) -> None:
        user = member("minji", Role.APPROVER)
        held, running = (
            World.make(number=number).update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
            for number in (1, 2)
        )
        pipeline.approve(running.id, by=f"user:{user.pk}")
        pipeline.advance_alert(running.id)
        pipeline.approve(held.id, by=f"user:{user.pk}", hold=timedelta(hours=1))
        page = do(administrator, user, "lock", why="left us")
        assert f"Alerts that they approved wait for approval again: {held.number}." in page
        held.refresh_from_db()
        running.refresh_from_db()
        assert (held.state, held.hold_until, running.state) == ("awaiting_approval", None, "running")
        task = HumanTask.objects.get(alert=held, kind="decide", done_at=None)
        assert "has been locked out" in task.title
        pipeline.advance_alert(held.id)
        held.refresh_from_db()
        assert held.started_at is None
        assert pipeline.approve(held.id, by="user:duty").state == "held"

    def test_nothing_starts_in_the_name_of_who_may_not_approve_any_more(self, administrator: Client) -> None:
        user = member("minji", Role.APPROVER)
        grant_standing_approval("imminent", by=user.username, actor=f"user:{user.pk}")
        grant_standing_approval("imminent", by="Somebody Else", actor="cli:test")
        assert "taken back" not in do(administrator, user, "role", role="administrator")
        assert in_force().filter(by="minji").exists(), "an administrator approves as well"
        page = do(administrator, user, "role", role="editor")
        assert "minji is now: editor. Their standing approvals are taken back: imminent" in page
        assert list(in_force().values_list("by", flat=True)) == ["Somebody Else"]
        by = User.objects.get(username="administrator").pk
        assert AuditEntry.objects.filter(action="standing_approval.revoke", actor=f"user:{by}").count() == 1

    def test_a_lowered_role_counts_from_the_next_click(self, administrator: Client) -> None:
        user = member("minji", Role.EDITOR)
        browser = Client()
        browser.force_login(user)
        assert browser.get("/console/supporters/").status_code == 200
        do(administrator, user, "role", role="viewer")
        assert browser.get("/console/supporters/").status_code == 403
        assert browser.get("/console/").status_code == 200, "what the new role may do goes on"

    def test_sessions_are_ended(self, administrator: Client) -> None:
        user = member()
        browser = Client()
        browser.force_login(user)
        do(administrator, user, "end-sessions")
        assert browser.get("/console/").status_code == 302

    def test_a_lost_second_factor_is_reset(self, administrator: Client) -> None:
        user = member(role=Role.APPROVER)
        give_app(user)
        browser = Client()
        browser.force_login(user)
        page = do(administrator, user, "reset-factors", why="lost the telephone; called back")
        assert "is forgotten" in page
        assert "called back" in page, "it stands in the account's history"
        assert browser.get("/console/").status_code == 302
        browser.force_login(User.objects.get(id=user.id))
        assert browser.get("/console/").headers["Location"] == "/console/account/factors/"

    def test_what_is_sensitive_wants_to_be_confirmed(self) -> None:
        client, user = staff(Role.ADMINISTRATOR), member()
        answer = client.post(f"/console/people/{user.id}/lock/", {"why": "left"})
        assert answer.headers["Location"].startswith("/console/account/again/code/")
        user.refresh_from_db()
        assert user.is_active


def mail_to(sandbox: SandboxProgram, address: str) -> str:
    """The text of the latest mail that the stand-in mail server took for an address."""
    entry = [one for one in sandbox.ledger() if one.get("to") == address][-1]
    answer = httpx.get(f"{sandbox.ready['http_url']}/mail/{entry['ref']}.eml", trust_env=False)
    mail = email.message_from_bytes(answer.content, policy=default)
    return f"{mail['Subject']}\n{mail.get_content()}"


def link_in(mail: str) -> str:
    found = re.search(r"(/console/join/\S+/)", mail)
    assert found is not None, mail
    return found[1]
