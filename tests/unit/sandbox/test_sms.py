"""The Twilio-compatible API, spoken to by Twilio's own SDK, its callbacks checked by Twilio's own validator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from tests.unit.sandbox.running import SID, TOKEN, Hooks, Received, Sandbox, eventually, running

SERVICE = "MG" + "0" * 32


def is_genuine(hooks: Hooks, request: Received) -> bool:
    validator = RequestValidator(TOKEN)
    return bool(validator.validate(hooks.url + request.path, request.form, request.headers["x-twilio-signature"]))


def state_of(sandbox: Sandbox, sid: str) -> str:
    return str(sandbox.twilio().messages(sid).fetch().status)


def test_a_message_and_its_story(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    client = sandbox.twilio()
    sent = client.messages.create(
        to=number,
        messaging_service_sid=SERVICE,
        body="긴급: 지금 행동해 주세요",
        status_callback=f"{hooks.url}/sms/7?x=1",
        validity_period=3600,
    )
    assert (str(sent.status), sent.num_segments, sent.from_) == ("accepted", "1", None)
    eventually(lambda: len(hooks.received) == 3)
    assert hooks.statuses("/sms/7?x=1") == ["queued", "sent", "delivered"]
    assert all(is_genuine(hooks, request) for request in hooks.received)
    form = hooks.received[-1].form
    assert (form["MessageSid"], form["To"], form["AccountSid"]) == (sent.sid, number, SID)
    assert form["MessagingServiceSid"] == SERVICE
    now = client.messages(str(sent.sid)).fetch()
    assert str(now.status) == "delivered"
    assert now.body == "긴급: 지금 행동해 주세요"
    assert now.date_sent is not None
    (entry,) = sandbox.entries(number)
    assert (entry.ref, entry.callback_url) == (sent.sid, f"{hooks.url}/sms/7?x=1")


def test_the_first_status_is_in_the_answer_and_not_called_back(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    answer = sandbox.sms(number, f"{hooks.url}/s").json()
    assert answer["status"] == "queued"
    eventually(lambda: hooks.statuses("/s") == ["sent", "delivered"])


def test_listing_by_number_and_time(sandbox: Sandbox, number: str) -> None:
    client = sandbox.twilio()
    before = datetime.now(UTC).replace(microsecond=0)
    sids = [client.messages.create(to=number, from_="+12025550100", body=f"{n}").sid for n in range(5)]
    found = client.messages.list(to=number, date_sent_after=before, date_sent_before=before + timedelta(minutes=5))
    assert [message.sid for message in found] == sids[::-1], "newest first"
    assert [message.sid for message in client.messages.list(to=number, page_size=2)] == sids[::-1], "over three pages"
    assert client.messages.list(to=number, date_sent_after=before + timedelta(hours=1)) == []
    assert client.messages.list(to=number, date_sent_before=before - timedelta(seconds=2)) == []
    assert len(client.messages.list(to=number, date_sent=before)) == 5


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 21604),
        ({"From": ""}, 21603),
        ({"Body": ""}, 21602),
        ({"To": "president"}, 21211),
        ({"To": "+8227704721"}, 21408),
        ({"Body": "a" * 1601}, 21617),
        ({"ValidityPeriod": "0"}, 21626),
        ({"StatusCallback": "https://hooks.example.org/x"}, 21609),
    ],
)
def test_refusals_look_like_twilios(sandbox: Sandbox, number: str, change: dict[str, str], code: int) -> None:
    answer = sandbox.sms(**{"to": number, **{{"To": "to", "Body": "body"}.get(k, k): v for k, v in change.items()}})
    assert answer.status_code == 400
    error = answer.json()
    assert (error["code"], error["status"]) == (code, 400)
    assert error["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert error["message"]
    assert not sandbox.entries(number)


def test_wrong_credentials_and_unknown_messages(sandbox: Sandbox) -> None:
    url = f"/twilio/2010-04-01/Accounts/{SID}/Messages.json"
    assert sandbox.http.get(url).json()["code"] == 20003
    assert sandbox.http.get(url, auth=(SID, "wrong")).status_code == 401
    with pytest.raises(TwilioRestException) as caught:
        sandbox.twilio().messages("SM" + "0" * 32).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20404)
    assert sandbox.twilio().api.accounts(SID).fetch().friendly_name == "sandbox"


def test_too_many_requests_then_fine(sandbox: Sandbox, number: str) -> None:
    sandbox.script("sms", number, {"http": 429, "retry_after": 1}, {"http": 400, "code": 21614})
    first, second, third = (sandbox.sms(number) for _ in range(3))
    assert (first.status_code, first.json()["code"], first.headers["retry-after"]) == (429, 20429, "1")
    assert second.json()["code"] == 21614
    assert third.status_code == 201
    assert len(sandbox.entries(number)) == 1


def test_taken_but_no_answer_and_the_callbacks_still_come(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("sms", number, {"timeout_after_acceptance": True, "late_ms": 1})
    with pytest.raises(httpx.ReadTimeout):
        sandbox.twilio(timeout=0.5).messages.create(
            to=number, messaging_service_sid=SERVICE, body="x", status_callback=f"{hooks.url}/late"
        )
    (entry,) = sandbox.entries(number)
    eventually(lambda: hooks.statuses("/late") == ["queued", "sent", "delivered"])
    (found,) = sandbox.twilio().messages.list(to=number)
    assert found.sid == entry.ref


def test_taken_although_the_answer_is_an_error(sandbox: Sandbox, number: str) -> None:
    sandbox.script("sms", number, {"http": 500, "accepted": True})
    assert sandbox.sms(number).json()["code"] == 20500
    assert len(sandbox.entries(number)) == 1


def test_no_callback_means_none(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("sms", number, "no_callback")
    sid = sandbox.sms(number, f"{hooks.url}/none").json()["sid"]
    eventually(lambda: state_of(sandbox, sid) == "delivered")
    with sandbox.smtp() as client:
        client.noop()
    assert hooks.received == []


@pytest.mark.parametrize(
    ("step", "last", "code"),
    [
        ({"undelivered": 30003}, "undelivered", "30003"),
        ("undelivered", "undelivered", "30008"),
        ({"failed": 30034}, "failed", "30034"),
    ],
)
def test_messages_that_fail_later(
    sandbox: Sandbox, hooks: Hooks, number: str, step: object, last: str, code: str
) -> None:
    sandbox.script("sms", number, step)
    sid = sandbox.sms(number, f"{hooks.url}/f").json()["sid"]
    eventually(lambda: hooks.received and hooks.received[-1].form["MessageStatus"] == last)
    assert hooks.received[-1].form["ErrorCode"] == code
    fetched = sandbox.twilio().messages(sid).fetch()
    assert (str(fetched.status), str(fetched.error_code)) == (last, code)


def test_doubled_and_out_of_order(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("sms", number, {"doubled": True, "out_of_order": True})
    sandbox.sms(number, f"{hooks.url}/o", MessagingServiceSid=SERVICE)
    expected = ["delivered", "delivered", "sent", "sent", "queued", "queued"]
    eventually(lambda: hooks.statuses("/o") == expected)
    tokens = [request.headers["i-twilio-idempotency-token"] for request in hooks.received]
    assert len(set(tokens)) == 3, "a repetition has the same token"


def test_stop_reply_is_posted_and_blocks_what_follows(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("sms", number, "stop_reply", inbound={"sms_url": f"{hooks.url}/inbound"})
    client = sandbox.twilio()
    client.messages.create(to=number, messaging_service_sid=SERVICE, body="x")
    (inbound,) = eventually(lambda: hooks.at("/inbound"))
    assert is_genuine(hooks, inbound)
    assert (inbound.form["From"], inbound.form["Body"], inbound.form["OptOutType"]) == (number, "STOP", "STOP")
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=number, messaging_service_sid=SERVICE, body="y")
    assert caught.value.code == 21610
    sandbox.http.post("/inbound/sms", json={"from": number, "body": "Start"}).raise_for_status()
    assert sandbox.sms(number).status_code == 201


def test_a_person_who_stopped_before_anything_was_sent(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.http.post("/script", json={"inbound": {"sms_url": f"{hooks.url}/inbound"}}).raise_for_status()
    answer = sandbox.http.post("/inbound/sms", json={"from": number, "body": "stop "})
    assert answer.status_code == 201
    assert hooks.at("/inbound")[0].form["MessageSid"] == answer.json()["sid"]
    assert sandbox.sms(number, MessagingServiceSid=SERVICE).json()["code"] == 21610


@pytest.mark.parametrize("given", [{"from": "+8227704721", "body": "x"}, {"from": "+12025550101"}, {"body": "x"}])
def test_a_wrong_inbound_message_is_explained(sandbox: Sandbox, given: dict[str, str]) -> None:
    answer = sandbox.http.post("/inbound/sms", json=given)
    assert answer.status_code == 400
    assert "must be" in answer.json()["error"]


def test_callbacks_are_tried_again_while_the_client_is_down(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    hooks.failures = 2
    sid = sandbox.sms(number, f"{hooks.url}/again").json()["sid"]
    eventually(lambda: hooks.statuses("/again") == ["sent", "sent", "sent", "delivered"])
    eventually(lambda: len(sandbox.events("callback", sid)) == 4)
    assert [event["status"] for event in sandbox.events("callback", sid)] == [503, 503, 204, 204]


def test_the_fragment_limits_the_retries_and_is_not_signed(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    hooks.failures = 2
    sid = sandbox.sms(number, f"{hooks.url}/once#rc=0").json()["sid"]
    eventually(lambda: len(sandbox.events("callback_given_up", sid)) == 2)
    assert hooks.statuses("/once") == ["sent", "delivered"]
    assert all(is_genuine(hooks, request) for request in hooks.received)
    assert sandbox.entries(number)[0].reference == f"{hooks.url}/once"


def test_a_story_interrupted_by_the_end_of_the_program_is_told_after_it(tmp_path: Path, hooks: Hooks) -> None:

    data = tmp_path / "data"
    with running(data) as sandbox:
        sandbox.script("sms", "+12025550101", {"late_ms": 60_000})
        sid = sandbox.sms("+12025550101", f"{hooks.url}/resumed").json()["sid"]
        sandbox.process.kill()
        sandbox.process.wait()
    stored = data / "sms" / "messages.jsonl"
    stored.write_text(stored.read_text().replace("60000", "1"))
    with running(data) as sandbox:
        eventually(lambda: hooks.statuses("/resumed") == ["sent", "delivered"])
        assert state_of(sandbox, sid) == "delivered"
