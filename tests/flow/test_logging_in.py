"""Logging in: by name or address, with a second factor, against guessing, and one's own account."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import connection
from django.test import Client

from tests.flow.callers import PASSWORD, code_of, confirm_it_is_them, give_app, staff, text
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN, FACTOR, FACTORS = "/console/login/", "/console/login/factor/", "/console/account/factors/"
HOME, CAFE, ELSEWHERE = "192.0.2.7", "198.51.100.9", "203.0.113.{}"


@pytest.fixture(autouse=True)
def _forgotten_tries(transactional_db: None) -> None:
    cache.clear()


def member(name: str = "ada", role: Role = Role.VIEWER) -> User:
    return User.objects.create_user(name, f"{name}@staff.invalid", PASSWORD, role=role.value)


def at(address: str) -> Client:
    return Client(REMOTE_ADDR=address)


def log_in(client: Client, name: str = "ada", password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": name, "password": password})


def is_in(client: Client) -> bool:
    return bool(client.get("/console/").status_code == 200)


class TestPassword:
    @pytest.mark.parametrize("name", ["ada", "ADA", "ada@staff.invalid", "Ada@Staff.Invalid"])
    def test_by_name_or_address(self, name: str) -> None:
        member()
        client = Client()
        assert log_in(client, name).headers["Location"] == "/console/"
        assert is_in(client)
        assert AuditEntry.objects.get().action == "user.login"

    def test_no_answer_tells_whether_there_is_an_account(self) -> None:
        member()
        member("gone")
        member("program", Role.INTEGRATION)
        User.objects.filter(username="gone").update(is_active=False)
        tries = [("ada", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("program", PASSWORD)]
        answers = {_without_tokens(text(log_in(at(HOME), *one)), one[0]) for one in tries}
        assert len(answers) == 1
        assert "match an account" in answers.pop()

    def test_the_form_goes_only_with_its_token(self) -> None:
        member()
        assert log_in(Client(enforce_csrf_checks=True)).status_code == 403

    def test_a_closed_browser_is_logged_out(self) -> None:
        member()
        client = Client()
        cookie = log_in(client).cookies["sessionid"]
        assert cookie["max-age"] == ""
        assert cookie["httponly"]
        assert client.session.get_expiry_age() == 8 * 3600

    def test_nobody_signs_up_and_nobody_resets_a_password_in_public(self) -> None:
        for path in ("signup/", "account/signup/", "password/reset/", "account/email/", "3rdparty/"):
            assert Client().get(f"/console/{path}").status_code == 404

    def test_a_changed_password_ends_the_other_sessions(self) -> None:
        member()
        here, there = Client(), Client()
        log_in(here)
        log_in(there)
        form = {"oldpassword": PASSWORD, "password1": "another long phrase", "password2": "another long phrase"}
        assert "is changed" in text(here.post("/console/account/password/", form, follow=True))
        assert is_in(here)
        assert not is_in(there)


class TestGuessing:
    def test_after_five_wrong_ones_even_the_right_one_has_to_wait(self) -> None:
        member()
        for _ in range(5):
            assert "match an account" in text(log_in(at(HOME), password="wrong"))
        assert "Too many tries" in text(log_in(at(HOME)))

    def test_guessing_elsewhere_locks_nobody_out(self) -> None:
        member()
        for _ in range(7):
            log_in(at(CAFE), password="wrong")
        client = at(HOME)
        log_in(client)
        assert is_in(client)

    def test_who_guesses_from_everywhere_holds_up_only_browsers_unknown_to_the_owner(self, settings: Any) -> None:
        settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_failed_everywhere": "6/h/key"}
        member()
        known = at(HOME)
        log_in(known)
        known.post("/console/logout/")
        for number in range(9):
            log_in(at(ELSEWHERE.format(number * 2)), password="wrong")
        assert "Too many tries" in text(log_in(at(HOME)))
        log_in(known)
        assert is_in(known)

    def test_anothers_browser_is_no_way_around(self, settings: Any) -> None:
        settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_failed_everywhere": "2/h/key"}
        member()
        member("eve")
        eve = at(CAFE)
        log_in(eve, "eve")
        eve.post("/console/logout/")
        answers = [log_in(eve, password="wrong") for _ in range(3)]
        assert "Too many tries" in text(answers[-1])

    def test_a_flood_is_429(self, settings: Any) -> None:
        settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "3/m/ip"}
        answers = [log_in(at(HOME), f"n{number}") for number in range(4)]
        assert "Too many tries" in text(answers[-1], 429)

    def test_codes_are_not_guessed_either(self) -> None:
        secret = give_app(member())
        client = at(HOME)
        log_in(client)
        for _ in range(5):
            client.post(FACTOR, {"code": "000000"})
        assert "Too many tries" in text(client.post(FACTOR, {"code": code_of(secret)}))
        assert not is_in(client)

    def test_tries_are_kept_where_all_processes_see_them(self) -> None:
        member()
        log_in(at(HOME), password="wrong")
        with connection.cursor() as cursor:
            cursor.execute("SELECT string_agg(cache_key, ' ') FROM accounts_attempts")
            kept = cursor.fetchone()[0]
        assert "login_failed" in kept
        assert "ada" not in kept


class TestSecondFactor:
    def test_the_password_alone_opens_nothing(self) -> None:
        secret = give_app(member(role=Role.APPROVER))
        client = Client()
        assert log_in(client).headers["Location"] == FACTOR
        assert not is_in(client)
        assert "not accepted" in text(client.post(FACTOR, {"code": "000000"}))
        code = code_of(secret)
        assert client.post(FACTOR, {"code": code}).headers["Location"] == "/console/"
        assert is_in(client)
        other = Client()
        log_in(other)
        assert "not accepted" in text(other.post(FACTOR, {"code": code})), "each code is good once"

    def test_it_can_be_cancelled(self) -> None:
        give_app(member())
        client = Client()
        log_in(client)
        assert client.get(LOGIN).headers["Location"] == FACTOR
        assert client.post("/console/logout/", {"next": LOGIN}).headers["Location"] == LOGIN
        assert client.get(LOGIN).status_code == 200

    def test_an_approver_sets_one_up_before_anything_else(self) -> None:
        member(role=Role.APPROVER)
        client = Client()
        log_in(client)
        page = text(client.get("/console/", follow=True))
        assert "a password is not enough for it" in page
        assert ">Cases</a>" not in page, "no menu yet"
        assert client.get("/console/live/", headers={"HX-Request": "true"}).status_code == 403
        again = client.get("/console/account/factors/app/")
        assert again.headers["Location"].startswith("/console/account/again/?next=")
        client.post(again.headers["Location"], {"password": PASSWORD})
        page = text(client.get("/console/account/factors/app/"))
        secret = re.search(r'class="secret">(\w+)<', page)
        assert secret is not None
        done = client.post("/console/account/factors/app/", {"code": code_of(secret[1])}, follow=True)
        codes = re.findall(r"<code>(\d{10})</code>", text(done))
        assert len(codes) == 10
        assert is_in(client)
        kept = str(Authenticator.objects.values_list("data", flat=True))
        assert secret[1] not in kept, "secrets are encrypted"
        actions = AuditEntry.objects.values_list("action", flat=True)
        assert list(actions).count("user.factor-added") == 2
        later = Client()
        log_in(later)
        later.post(FACTOR, {"code": codes[0]})
        assert is_in(later), "a recovery code stands in"

    def test_in_live_mode_it_is_never_optional(self, settings: Any) -> None:
        client = Client()
        client.force_login(member(role=Role.ADMINISTRATOR))
        assert not is_in(client)
        settings.SECOND_FACTOR_REQUIRED = False
        assert is_in(client)

    def test_who_has_one_confirms_by_it_and_not_by_the_password(self) -> None:
        give_app(member())
        client = Client()
        client.force_login(User.objects.get())
        answer = client.get("/console/account/again/")
        assert answer.headers["Location"].startswith("/console/account/again/code/")

    def test_removing_the_last_one_leads_an_approver_to_the_next(self) -> None:
        client = staff(Role.APPROVER)
        confirm_it_is_them(client)
        client.post("/console/account/factors/app/remove/")
        assert client.get("/console/").headers["Location"] == FACTORS


class TestOwnAccount:
    def test_language_and_time_zone_are_followed(self) -> None:
        client = staff(Role.VIEWER)
        Case.objects.create(
            reference="UA-2026-0009", titles={"en": "x"}, group_size=1, created_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
        form = {"language": "ko", "time_zone": "Asia/Seoul"}
        page = text(client.post("/console/account/preferences/", form, follow=True))
        assert '<html lang="ko">' in page
        assert "KST" not in text(client.get("/console/login/", follow=True))
        log_in(client, "viewer")
        client.post("/console/logout/")
        log_in(client, "viewer")
        assert re.search(r"\d\d:\d\d KST", text(client.get("/console/account/")))
        assert 'lang="en"' in text(Client().get("/letters/")), "public pages have a way of their own"
        assert Alert.objects.count() == 0

    def test_what_is_none_is_refused(self) -> None:
        client = staff(Role.VIEWER)
        page = text(client.post("/console/account/preferences/", {"language": "xx", "time_zone": "Mars"}), 422)
        assert page.count('role="alert"') == 2

    def test_before_the_login_the_browser_is_asked(self) -> None:
        for accepted, language in (("ko-KR,ko;q=0.9", "ko"), ("fr", "en"), ("", "en")):
            page = text(Client().get(LOGIN, headers={"Accept-Language": accepted}))
            assert f'<html lang="{language}">' in page

    def test_sessions_are_listed_and_ended(self) -> None:
        member()
        here, there, third = Client(), Client(headers={"User-Agent": "Firefox/130 Linux"}), Client()
        for client in (here, there, third):
            log_in(client)
        page = text(here.get("/console/account/"))
        assert "Firefox (Linux)" in page
        end = re.search(r'action="(/console/account/sessions/\d+/end/)">(?:(?!</tr>).)*Firefox', page, re.DOTALL)
        assert end is not None
        assert Client().post(end[1]).status_code == 302
        assert staff(Role.EDITOR).post(end[1]).status_code == 404, "only one's own"
        here.post(end[1])
        assert not is_in(there)
        assert is_in(third)
        confirm_it_is_them(here)
        assert "everywhere else" in text(here.post("/console/account/sessions/end-others/", follow=True))
        assert is_in(here)
        assert not is_in(third)
        assert "this one" in text(here.get("/console/account/"))


def _without_tokens(page: str, name: str) -> str:
    """A page without what differs by nature: the form's token, and the name that was typed."""
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page).replace(f'value="{name}"', "")
