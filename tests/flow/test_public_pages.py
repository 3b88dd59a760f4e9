"""What people without an account can open: unsubscribe, the link of a text message, fax pages, health, errors."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.test import Client, override_settings

from tests.flow.world import World
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.core.enqueue import Queue
from urgentaction.deliveries.models import Attempt, Delivery
from urgentaction.deliveries.references import media_url, reference_of
from urgentaction.deliveries.rules import State
from urgentaction.pipeline import beat_heart
from urgentaction.supporters.links import unsubscribe_token
from urgentaction.supporters.models import Supporter, Suppression

pytestmark = pytest.mark.django_db

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def people(db: None) -> World:
    return World.make()


def link_of(supporter: Supporter) -> str:
    return f"/unsubscribe/{unsubscribe_token(supporter.id)}/"


class TestUnsubscribe:
    def test_opening_the_link_changes_nothing(self, people: World) -> None:
        friend = people.supporters[0]
        for method in ("get", "head"):
            answer = getattr(Client(), method)(link_of(friend))
            assert answer.status_code == 200
        friend.refresh_from_db()
        assert friend.wants_email
        assert not Suppression.objects.exists()

    @pytest.mark.parametrize("form", [ONE_CLICK, {"page": "1"}, {}])
    def test_posting_ends_the_mail_without_login_or_csrf(self, people: World, form: dict[str, str]) -> None:
        friend = people.supporters[0]
        answer = Client(enforce_csrf_checks=True).post(link_of(friend), form)
        assert answer.status_code == 200
        friend.refresh_from_db()
        assert not friend.wants_email
        row = Suppression.objects.get()
        assert (row.channel, row.reason) == ("email", "unsubscribed")
        assert [one.wants_email for one in Supporter.objects.exclude(id=friend.id)] == [True, True]

    def test_doing_it_twice_is_the_same(self, people: World) -> None:
        link = link_of(people.supporters[0])
        first, again = Client().post(link, ONE_CLICK), Client().post(link, ONE_CLICK)
        assert first.content == again.content
        assert Suppression.objects.count() == 1

    def test_nobody_learns_who_is_subscribed(self, people: World) -> None:
        real, gone = link_of(people.supporters[0]), f"/unsubscribe/{unsubscribe_token(uuid.uuid4())}/"
        for method in ("get", "post"):
            pages = [
                getattr(Client(), method)(link) for link in (real, gone, "/unsubscribe/made-up/", "/unsubscribe/%00/")
            ]
            assert {page.status_code for page in pages} == {200}
            assert len({page.content for page in pages}) == 1

    def test_it_speaks_english_and_korean(self, people: World) -> None:
        link = link_of(people.supporters[0])
        assert "Stop the emails" in Client().get(link, headers={"Accept-Language": "xx, en;q=0.5"}).content.decode()
        korean = Client().get(link, headers={"Accept-Language": "ko-KR, en;q=0.5"})
        assert 'lang="ko"' in korean.content.decode()
        assert "이메일 그만 받기" in korean.content.decode()
        assert "Accept-Language" in korean.headers["Vary"]
        assert "이메일 그만 받기" in Client().get(f"{link}?lang=ko").content.decode()
        assert "Stop the emails" in Client().get(f"{link}?lang=xx").content.decode()

    def test_it_is_kept_out_of_caches_and_search(self, people: World) -> None:
        answer = Client().get(link_of(people.supporters[0]))
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.django_db(transaction=True)
class TestTextMessageLink:
    def test_it_leads_on_and_stops_the_texts(self, sandbox: object) -> None:
        world = World.make()
        world.case.background_url = "https://background.example/case"
        world.case.save()
        alert = world.start(Status.RETURN_IMMINENT)
        row = alert.deliveries.get(channel="sms")
        link = f"/m/{reference_of(row.id)}/"
        page = Client().get(link).content.decode()
        assert "https://background.example/case" in page
        assert "refugees" not in page  # neither case nor person is named
        assert not Suppression.objects.exists()
        assert Client().post(link).status_code == 200
        assert Suppression.objects.get().channel == "sms"
        world.send()
        row.refresh_from_db()
        assert row.state == State.SUPPRESSED

    def test_a_made_up_link_stops_nobody(self) -> None:
        alert = World.make().start(Status.RETURN_IMMINENT)
        mail = alert.deliveries.filter(role="supporter", channel="email")[0]
        for name in ("made-up", "d1-00000000000000000000", reference_of(mail.id), "%00"):
            assert Client().get(f"/m/{name}/").status_code == 200
            assert Client().post(f"/m/{name}/").status_code == 200
        assert not Suppression.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestFaxPages:
    @pytest.fixture
    def fax(self) -> Delivery:
        alert = World.make().start(Status.RETURN_IMMINENT)
        row: Delivery = alert.deliveries.get(channel="fax")
        Delivery.objects.filter(id=row.id).update(state=State.SENDING.value, attempts=1)
        return row

    def path(self, row: Delivery) -> str:
        return media_url(reference_of(row.id)).removeprefix("http://127.0.0.1:8000")

    def test_the_gateway_gets_the_pages(self, fax: Delivery) -> None:
        answer = Client().get(self.path(fax))
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.content == bytes(fax.letter.fax_pdf)  # type: ignore[union-attr]
        assert answer.content.startswith(b"%PDF")

    def test_head_tells_the_length(self, fax: Delivery) -> None:
        answer = Client().head(self.path(fax))
        assert answer.status_code == 200
        assert answer.content == b""
        assert int(answer.headers["Content-Length"]) == len(bytes(fax.letter.fax_pdf))  # type: ignore[union-attr]

    def test_a_repeat_is_marked_as_one(self, fax: Delivery) -> None:
        now = clock.now()
        Attempt.objects.create(
            delivery=fax, number=1, gateway="telnyx", started_at=now, ended_at=now, outcome="unknown"
        )
        pages = Client().get(self.path(fax)).content
        assert pages == bytes(fax.letter.fax_repeat_pdf)  # type: ignore[union-attr]
        assert pages != bytes(fax.letter.fax_pdf)  # type: ignore[union-attr]

    @pytest.mark.parametrize("state", [State.QUEUED, State.DELIVERED, State.FAILED, State.WITHDRAWN, State.EXPIRED])
    def test_it_is_closed_before_and_after(self, fax: Delivery, state: State) -> None:
        Delivery.objects.filter(id=fax.id).update(state=state.value)
        assert Client().get(self.path(fax)).status_code == 404

    def test_a_link_that_is_no_fax_of_ours_is_404(self, fax: Delivery) -> None:
        mail = Delivery.objects.filter(role="supporter").first()
        assert mail is not None
        Delivery.objects.update(state=State.SENDING.value)
        for path in (self.path(mail), self.path(fax).replace("d", "e", 1), "/media/fax/x.pdf", "/media/fax/%00.pdf"):
            assert Client().get(path).status_code == 404

    def test_the_link_ends_after_an_hour(self, fax: Delivery) -> None:
        path = self.path(fax)
        with time_machine.travel(clock.now() + timedelta(minutes=61)):
            assert Client().get(path).status_code == 404


class TestHealth:
    def test_all_is_well(self, servers: Any) -> None:
        for name in (*Queue, "watch"):
            beat_heart(str(name))
        with redis.Redis.from_url(servers.redis_url) as broker:
            broker.delete(*Queue)
        answer = Client().get("/healthz")
        assert answer.status_code == 200
        body = answer.json()
        assert 0 <= body.pop("heartbeat_age_seconds") < 60
        assert 0 <= body.pop("watch_age_seconds") < 60
        assert body == {"mode": "sandbox", "broker": "ok", "database": "ok", "receipts_waiting": 0, "troubles": []}

    def test_who_gives_no_sign_is_named_but_it_is_no_503(self, servers: Any) -> None:
        answer = Client().get("/healthz")
        assert answer.status_code == 200
        assert answer.json()["heartbeat_age_seconds"] is None
        assert {"part": "watch", "code": "watch-silent"} in answer.json()["troubles"]

    def test_without_a_broker_it_is_503(self, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        answer = Client().get("/healthz")
        assert answer.status_code == 503
        assert answer.json()["broker"] == "down"
        assert {"part": "broker", "code": "broker-down"} in answer.json()["troubles"]
        assert answer.json()["database"] == "ok"


class TestErrors:
    def test_a_missing_page_says_so_and_nothing_more(self) -> None:
        answer = Client().get("/nobody/knows?name=secret")
        assert answer.status_code == 404
        page = answer.content.decode()
        assert "There is nothing here" in page
        assert "secret" not in page
        assert "Traceback" not in page

    def test_no_cache_keeps_an_error(self) -> None:
        """A letter under embargo answers so, and must be there the moment the embargo ends (RFC 9111, 4.2.2)."""
        for path in ("/letters/to-come/", "/letters/to-come/en.pdf", "/nothing"):
            answer = Client().get(path)
            assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")

    def test_a_broken_page_shows_no_detail(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(_token: str) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr("urgentaction.public.pages.read_unsubscribe_token", broken)
        answer = Client(raise_request_exception=False).post("/unsubscribe/x/", ONE_CLICK)
        assert answer.status_code == 500
        assert "Something broke here" in answer.content.decode()
        assert "secret" not in answer.content.decode()

    @override_settings(ALLOWED_HOSTS=["alerts.example.org"])
    def test_a_strange_host_is_400(self) -> None:
        answer = Client().get("/healthz", headers={"Host": "evil.example"})
        assert answer.status_code == 400
        assert "can't be read" in answer.content.decode().replace("&#x27;", "'")

    def test_every_page_forbids_foreign_scripts(self) -> None:
        for path in ("/console/login/", "/unsubscribe/x/", "/m/x/", "/nothing"):
            answer = Client().get(path)
            policy = answer.headers["Content-Security-Policy"]
            assert "script-src 'self'" in policy
            page = answer.content.decode()
            assert "<script>" not in page
            assert "style=" not in page
            assert " on" + "click" not in page

    def test_the_front_door_leads_to_the_login(self) -> None:
        answer = Client().get("/", follow=True)
        assert answer.redirect_chain[-1][0].startswith("/console/login/")
        assert answer.status_code == 200
