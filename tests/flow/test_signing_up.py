"""Signing up without a browser: what is kept, who is mailed, what a link may still do, how often."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.origin import network_of
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.deliveries.models import GatewayState
from urgentaction.deliveries.pace import Limit
from urgentaction.embedded.servers import Servers
from urgentaction.public import limiting
from urgentaction.public.sign_up_form import consent_words
from urgentaction.supporters.links import preferences_token, read_preferences_token, read_unsubscribe_token
from urgentaction.supporters.models import SignUpRequest, Supporter, Suppression
from urgentaction.supporters.preferences import Preferences, change_preferences
from urgentaction.supporters.rules import SuppressionReason
from urgentaction.supporters.service import suppress, unsubscribe
from urgentaction.supporters.sign_up import LIFETIME, SignUp, confirm, seal, unseal

pytestmark = pytest.mark.django_db

ADDRESS = "new.friend@supporters.invalid"
FORM = {"email": ADDRESS, "language": "en", "consent": "yes"}


@pytest.fixture(autouse=True)
def _fresh_limits(servers: Servers, db: None) -> Iterator[None]:
    with redis.Redis.from_url(servers.redis_url) as broker:
        if keys := list(broker.scan_iter("*sign-up*")):
            broker.delete(*keys)
    limiting.close()
    yield
    limiting.close()


def post(**changes: str) -> HttpResponse:
    return Client().post("/sign-up/?lang=en", FORM | changes)  # type: ignore[return-value]


def asked(**changes: Any) -> SignUp:
    values: dict[str, Any] = {"email": ADDRESS, "language": "en", "words": "form", "asked_at": clock.now()}
    return SignUp(**values | changes)


def sent_to(sandbox: SandboxProgram, address: str = ADDRESS) -> int:
    return sum(entry["to"] == address for entry in sandbox.ledger())


class TestForm:
    def test_only_a_sealed_request_is_kept(self) -> None:
        assert post(name="New Friend", sms="yes", phone="+44 20 7946 0999").status_code == 200
        assert not Supporter.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("SELECT sealed FROM supporters_signuprequest")
            stored = bytes(cursor.fetchone()[0])
        for typed in (b"new.friend", b"New Friend", b"7946"):
            assert typed not in stored
        kept = json.loads(SignUpRequest.objects.get().sealed)
        assert (kept["email"], kept["phone"]) == (ADDRESS, "+442079460999")

    def test_the_answer_is_the_same_for_everybody(self) -> None:
        confirm(asked(email="known@supporters.invalid"))
        suppress(Channel.EMAIL, "no@supporters.invalid", reason=SuppressionReason.COMPLAINT, source="test")
        answers = [
            post(email=f"{name}@supporters.invalid").content.decode() for name in ("known", "no", "new", "other")
        ]
        assert len(set(answers)) == 1
        assert SignUpRequest.objects.count() == 4

    def test_a_robot_that_fills_every_field_is_thanked_and_forgotten(self) -> None:
        assert post(website="https://spam.example").content == post(email="x@supporters.invalid").content
        assert SignUpRequest.objects.count() == 1

    def test_it_needs_its_token(self) -> None:
        answer = Client(enforce_csrf_checks=True).post("/sign-up/", FORM)
        assert answer.status_code == 403
        assert "reload the page and send it again" in answer.text
        assert "role" not in answer.text.replace('role="', "")  # strangers have none

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"email": "no address"}, "not an email address"),
            ({"email": f"{'a' * 250}@supporters.invalid"}, "not an email address"),
            ({"email": "somebody@gmail.com"}, "sandbox"),
            ({"consent": ""}, "Without your agreement"),
            ({"language": "tlh"}, "Choose one of the languages"),
            ({"name": "x" * 201}, "too long"),
            ({"sms": "yes", "phone": "12"}, "not a telephone number"),
            ({"sms": "yes"}, "need a mobile number"),
        ],
    )
    def test_a_fault_is_told_and_nothing_kept(self, changes: dict[str, str], told: str) -> None:
        answer = post(**changes)
        assert answer.status_code == 422
        assert told in answer.content.decode()
        assert not SignUpRequest.objects.exists()

    def test_one_address_is_not_flooded_and_nobody_learns_it(self, sandbox: SandboxProgram) -> None:
        answers = [post() for _ in range(6)]
        assert len({answer.content for answer in answers}) == 1
        assert SignUpRequest.objects.count() == 3

    def test_one_network_is_told_to_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limiting, "FROM_A_NETWORK", Limit(2, 3600))
        statuses = [post(email=f"n{n}@supporters.invalid").status_code for n in range(4)]
        assert statuses == [200, 200, 429, 429]


class TestMail:
    def test_it_is_sent_once_and_leaves_no_row(self, sandbox: SandboxProgram) -> None:
        before = sent_to(sandbox)
        post()
        assert pipeline.send_confirmations() == 1
        assert pipeline.send_confirmations() == 0
        assert sent_to(sandbox) == before + 1
        assert not SignUpRequest.objects.exists()

    @pytest.mark.parametrize("reason", list(SuppressionReason))
    def test_whoever_gets_nothing_gets_no_question_either(
        self, sandbox: SandboxProgram, reason: SuppressionReason
    ) -> None:
        before = sent_to(sandbox)
        suppress(Channel.EMAIL, ADDRESS, reason=reason, source="test")
        post()
        pipeline.send_confirmations()
        assert sent_to(sandbox) == before
        assert not SignUpRequest.objects.exists()

    def test_a_paused_gateway_is_not_gone_around(self, sandbox: SandboxProgram) -> None:
        GatewayState.objects.create(name="smtp", is_paused=True, changed_at=clock.now())
        post()
        assert pipeline.send_confirmations() == 0
        assert SignUpRequest.objects.count() == 1

    def test_what_can_not_be_sent_is_forgotten_with_its_link(self) -> None:
        post()
        SignUpRequest.objects.update(created_at=clock.now() - LIFETIME - timedelta(minutes=1))
        assert pipeline.sweep_all()["sign-ups forgotten"] == 1
        assert not SignUpRequest.objects.exists()


class TestLink:
    def test_it_carries_everything_sealed(self) -> None:
        one = asked(name="새 친구", phone="+442079460999")
        token = seal(one)
        assert unseal(token) == one
        assert "friend" not in token
        assert seal(one) != token  # no two alike: nobody can compare

    def test_an_altered_or_old_one_is_void(self) -> None:
        token = seal(asked())
        altered = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
        assert unseal(altered) is None
        with time_machine.travel(clock.now() + LIFETIME):
            assert unseal(token) is None

    @given(st.text(max_size=80))
    def test_anything_else_is_void_too(self, text: str) -> None:
        assert unseal(text) is None

    def test_a_no_after_the_form_outweighs_it(self) -> None:
        one = asked()
        supporter = confirm(one)
        assert supporter is not None
        with transaction.atomic():
            unsubscribe(supporter.id, source="test")
        assert confirm(one) is None
        Suppression.objects.update(lifted_at=clock.now())
        assert confirm(one) is None  # even if it was lifted since: that was another act than this

    def test_pressing_twice_changes_nothing(self) -> None:
        one = asked(language="en")
        supporter = confirm(one)
        assert supporter is not None
        Supporter.objects.update(language="ko")
        again = confirm(one)
        assert again is not None
        assert (again.id, Supporter.objects.get().language) == (supporter.id, "ko")

    @pytest.mark.django_db(transaction=True)
    def test_pressing_twice_at_once_makes_one_supporter(self) -> None:
        one = asked()

        def press(_: int) -> Supporter | None:
            try:
                return confirm(one)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(press, range(4)))
        assert {supporter.id for supporter in made if supporter} == {Supporter.objects.get().id}
        assert None not in made

    def test_anothers_number_is_left_out(self) -> None:
        confirm(asked(email="first@supporters.invalid", phone="+442079460999"))
        second = confirm(asked(phone="+442079460999"))
        assert second is not None
        assert (second.phone, second.wants_sms, second.wants_email) == ("", False, True)

    def test_a_stranger_who_types_an_address_changes_nobodys_number(self) -> None:
        confirm(asked(phone="+442079460999", asked_at=clock.now() - timedelta(hours=1)))
        Supporter.objects.update(consented_at=clock.now() - timedelta(hours=1))
        again = confirm(asked(phone="+442079460998", language="ko"))
        assert again is not None
        found = Supporter.objects.get()
        assert (found.language, found.phone, found.wants_sms) == ("ko", "+442079460999", True)

    def test_the_page_acts_by_post_only(self) -> None:
        path = f"/sign-up/confirm/{seal(asked())}/"
        for method in ("get", "head"):
            answer = getattr(Client(), method)(path)
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
        assert not Supporter.objects.exists()
        assert Client(enforce_csrf_checks=True).post(path).status_code == 200
        assert Supporter.objects.get().email == ADDRESS
        assert "can&#x27;t be used" in Client().post("/sign-up/confirm/made-up/").content.decode()

    def test_the_words_agreed_to_can_be_found_again(self) -> None:
        post()
        kept = SignUp.from_json(SignUpRequest.objects.get().sealed)
        assert kept.words.endswith(hashlib.sha256(consent_words("en").encode()).hexdigest()[:16])


class TestPreferences:
    def choice(self, **changes: Any) -> Preferences:
        values: dict[str, Any] = {"wants_email": True, "wants_sms": False, "language": "en", "time_zone": "UTC"}
        values |= {"quiet_from": None, "quiet_until": None, "may_override_quiet_hours": False}
        return Preferences(**values | changes)

    def friend(self) -> Supporter:
        made = confirm(asked(phone="+442079460999"))
        assert made is not None
        return made

    def test_its_token_is_no_other(self) -> None:
        friend = self.friend()
        token = preferences_token(friend.id)
        assert read_preferences_token(token) == friend.id
        assert read_unsubscribe_token(token) is None

    def test_what_they_ended_themselves_they_may_begin_again(self) -> None:
        friend = self.friend()
        assert change_preferences(friend.id, self.choice(wants_email=False)) == ()
        assert not Supporter.objects.get().wants_email
        assert change_preferences(friend.id, self.choice()) == ()
        found = Supporter.objects.get()
        assert (found.wants_email, found.consent_source) == (True, "preferences page")
        assert not Suppression.objects.filter(channel="email", lifted_at=None).exists()

    @pytest.mark.parametrize(
        "reason", [SuppressionReason.COMPLAINT, SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE]
    )
    def test_what_others_ended_stays_ended(self, reason: SuppressionReason) -> None:
        friend = self.friend()
        suppress(Channel.EMAIL, ADDRESS, reason=reason, source="test")
        assert change_preferences(friend.id, self.choice()) == (Channel.EMAIL,)
        assert Suppression.objects.get(channel="email", lifted_at=None).reason == reason

    def test_a_stop_by_text_message_is_lifted_by_a_start_alone(self) -> None:
        friend = self.friend()
        suppress(Channel.SMS, friend.phone, reason=SuppressionReason.STOP, source="reply STOP")
        assert change_preferences(friend.id, self.choice(wants_sms=True)) == (Channel.SMS,)

    def test_quiet_hours_need_both_ends(self) -> None:
        friend = self.friend()
        path = f"/preferences/{preferences_token(friend.id)}/?lang=en"
        form = {"wants_email": "yes", "language": "en", "time_zone": "UTC", "quiet_from": "22:00"}
        answer = Client().post(path, form)
        assert answer.status_code == 422
        assert "two different times" in answer.content.decode()
        assert Client().post(path, form | {"quiet_until": "06:30"}).status_code == 200
        assert str(Supporter.objects.get().quiet_until) == "06:30:00"

    def test_nobody_tries_out_whose_a_forwarded_link_is(self) -> None:
        friend = self.friend()
        path = f"/preferences/{preferences_token(friend.id)}/?lang=en"

        def tries(address: str, network: str) -> HttpResponse:
            return Client(REMOTE_ADDR=network).post(path, {"erase": "1", "address": address})  # type: ignore[return-value]

        wrong = [tries(f"n{n}@supporters.invalid", f"192.0.{n}.1") for n in range(5)]
        right = tries(ADDRESS, "198.51.100.1")
        assert right.status_code == 422
        assert {answer.content for answer in wrong} == {right.content}
        assert Supporter.objects.get().email == ADDRESS

    def test_who_knows_the_address_is_forgotten_at_the_fifth_try(self) -> None:
        path = f"/preferences/{preferences_token(self.friend().id)}/"
        for _ in range(4):
            Client().post(path, {"erase": "1", "address": "other@supporters.invalid"})
        assert Client().post(path, {"erase": "1", "address": ADDRESS}).status_code == 200
        assert Supporter.objects.get().erased_at is not None

    def test_one_network_tries_no_more_than_a_few_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limiting, "FROM_A_NETWORK", Limit(2, 3600))
        path = f"/preferences/{preferences_token(self.friend().id)}/?lang=en"
        for _ in range(2):
            Client().post(path, {"erase": "1", "address": "other@supporters.invalid"})
        assert Client().post(path, {"erase": "1", "address": ADDRESS}).status_code == 422
        assert Client().get(path).status_code == 200


@pytest.mark.parametrize(
    ("address", "forwarded", "network"),
    [
        ("192.0.2.77", "", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "", "192.0.2.0/24"),
        ("192.0.2.1", "198.51.100.9, 203.0.113.5", "203.0.113.0/24"),
        ("nonsense", "", "unknown"),
    ],
)
def test_a_network_is_told_from_others(settings: Any, address: str, forwarded: str, network: str) -> None:
    if forwarded:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    request = RequestFactory().get("/", REMOTE_ADDR=address, headers={"X-Forwarded-For": forwarded})
    assert network_of(request) == network
