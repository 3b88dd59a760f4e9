"""The SMS gateway against recorded shapes of Twilio's answers and callbacks, and against an API that breaks down."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from tests.unit.channels.hostile import HANG_UP, SILENCE, HttpScript, Server, http_answer
from tests.unit.channels.samples import SMS, config
from urgentaction.channels.contract import (
    Accepted,
    Callback,
    CannotTell,
    ForgedCallback,
    Found,
    Gateway,
    Lookup,
    Outcome,
    OutgoingSms,
    Receipt,
    ReceiptKind,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.registry import build
from urgentaction.channels.sms.twilio.inbound import meaning

Start = Callable[[HttpScript], Server]
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TOKEN = "token-1"
HOOK = "https://alerts.invalid/hooks/twilio/"
QUESTION = Lookup(reference=SMS.reference, to=SMS.to, submitted_from=NOW, submitted_until=NOW + timedelta(seconds=20))


def gateway(port: int, **options: str) -> Gateway:
    url = f"http://127.0.0.1:{port}/twilio"
    sender = options or {"messaging_service_sid": "MG1"}
    return build(config("twilio", {"base_url": url, "account_sid": "AC1", "auth_token": TOKEN, **sender}))


def answered(status: int, body: object, headers: str = "") -> bytes:
    return http_answer(status, json.dumps(body).encode(), headers)


def message(sid: str, **changed: object) -> dict[str, object]:
    base: dict[str, object] = {"sid": sid, "to": SMS.to, "status": "queued", "direction": "outbound-api"}
    dates = {"date_created": "Tue, 24 Nov 2026 09:00:02 +0000", "date_sent": None, "date_updated": None}
    return {**base, **dates, "error_code": None, **changed}


def submitted(start: Start, answer: bytes, sms: OutgoingSms = SMS, **options: str) -> tuple[Outcome, HttpScript]:
    gate = gateway(start(script := HttpScript([answer])).port, **options)
    outcome = gate.submit(sms)
    gate.close()
    return outcome, script


def form_of(script: HttpScript) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(script.requests[0].partition(b"\r\n\r\n")[2].decode()).items()}


def test_a_message_is_asked_for(start: Start) -> None:
    outcome, script = submitted(start, answered(201, message("SM1")))
    assert outcome == Accepted("SM1")
    assert script.requests[0].startswith(b"POST /twilio/2010-04-01/Accounts/AC1/Messages.json HTTP/1.1")
    assert b"Authorization: Basic " in script.requests[0]
    form = form_of(script)
    url, _, fragment = form.pop("StatusCallback").partition("#")
    assert url == SMS.callback_url
    assert "rc=3" in fragment, "asks for callbacks to be repeated"
    assert form == {"To": SMS.to, "Body": SMS.text, "MessagingServiceSid": "MG1"}


def test_a_sensitive_message_asks_to_be_forgotten(start: Start) -> None:
    sms = dataclasses.replace(SMS, is_sensitive=True, callback_url="")
    _, script = submitted(start, answered(201, message("SM1")), sms, sender="+12025550100")
    assert form_of(script) == {
        "To": SMS.to,
        "Body": SMS.text,
        "From": "+12025550100",
        "ContentRetention": "discard",
        "AddressRetention": "obfuscate",
    }


@pytest.mark.parametrize(
    ("left", "expected"), [(timedelta(days=3), 36_000), (timedelta(minutes=10), 600), (-timedelta(1), 1)]
)
def test_validity_ends_with_the_alert(start: Start, left: timedelta, expected: int) -> None:
    sms = dataclasses.replace(SMS, valid_until=datetime.now(UTC) + left)
    _, script = submitted(start, answered(201, message("SM1")), sms)
    assert expected - 5 <= int(form_of(script)["ValidityPeriod"]) <= expected


@pytest.mark.parametrize(
    ("status", "code", "retry_class"),
    [
        (400, 21211, RetryClass.NEVER),
        (400, 21610, RetryClass.OPT_OUT),
        (400, 21408, RetryClass.FIX_FIRST),
        (400, 99999, RetryClass.LATER),
        (401, 20003, RetryClass.FIX_FIRST),
        (404, 20404, RetryClass.FIX_FIRST),
        (429, 20429, RetryClass.THROTTLE),
        (503, 20503, RetryClass.SOON),
    ],
)
def test_recorded_refusals(start: Start, status: int, code: int, retry_class: RetryClass) -> None:
    body = {"code": code, "message": f"About {SMS.to}", "more_info": "https://www.twilio.com/docs", "status": status}
    outcome, _ = submitted(start, answered(status, body, "Retry-After: 3\r\n"))
    is_about_us = code in {20003, 20404}
    assert outcome == Refused(
        retry_class,
        str(code),
        "About <number>",
        timedelta(seconds=3),
        is_about_us=is_about_us,
        is_gateway_fault=code == 20503,
    )


@pytest.mark.parametrize(
    ("status", "code", "is_about_us"),
    [
        (401, 20003, True),
        (401, None, True),
        (402, None, True),
        (403, None, True),
        (302, None, True),
        (400, 21606, True),
        (400, 30034, True),
        (403, 21408, False),
        (400, 21612, False),
        (400, 21617, False),
        (400, 30007, False),
        (400, None, False),
        (422, None, False),
    ],
)
def test_only_account_and_sender_stop_the_whole_gateway(
    start: Start,
    status: int,
    code: int | None,
    is_about_us: bool,  # noqa: FBT001
) -> None:
    outcome, _ = submitted(start, answered(status, {"code": code, "message": "No"} if code else {}))
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.is_about_us) == (RetryClass.FIX_FIRST, is_about_us)


def test_problem_details_are_understood_too(start: Start) -> None:
    body = {"type": "https://x", "title": "Bad", "status": 400, "code": 21614, "detail": "Not a mobile number"}
    outcome, _ = submitted(start, answered(400, body))
    assert outcome == Refused(RetryClass.NEVER, "21614", "Not a mobile number")


@pytest.mark.parametrize(
    "answer",
    [
        HANG_UP,
        SILENCE,
        http_answer(201, b""),
        http_answer(201, b"<html>"),
        answered(201, []),
        answered(201, {}),
        http_answer(201, b'{"sid": "SM1', length=500),
        answered(500, {"code": 20500, "message": "Internal Server Error"}),
        http_answer(502),
        http_answer(504),
    ],
)
def test_what_may_have_been_taken_is_unknown(start: Start, answer: bytes) -> None:
    outcome, script = submitted(start, answer)
    assert isinstance(outcome, Unknown)
    assert len(script.requests) == 1


def signed(form: dict[str, str], url: str = f"{HOOK}?ref={SMS.reference}", token: str = TOKEN) -> Callback:
    signature = RequestValidator(token).compute_signature(url, form)
    body = urlencode(form).encode()
    return Callback(url=url, headers={"x-twilio-signature": signature}, body=body, received_at=NOW)


def parsed(callback: Callback) -> list[Receipt]:
    return list(gateway(1).parse(callback))


STATUS = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": SMS.to, "AccountSid": "AC1", "ErrorCode": ""}


@pytest.mark.parametrize(
    ("status", "error", "kind", "retry_class", "code"),
    [
        ("queued", "", ReceiptKind.PROGRESS, None, "queued"),
        ("sent", "", ReceiptKind.PROGRESS, None, "sent"),
        ("delivered", "", ReceiptKind.DELIVERED, None, "delivered"),
        ("read", "", ReceiptKind.DELIVERED, None, "read"),
        ("undelivered", "30005", ReceiptKind.FAILED, RetryClass.NEVER, "30005"),
        ("failed", "30003", ReceiptKind.FAILED, RetryClass.LATER, "30003"),
        ("failed", "21610", ReceiptKind.FAILED, RetryClass.OPT_OUT, "21610"),
        ("failed", "", ReceiptKind.FAILED, RetryClass.LATER, "failed"),
        ("canceled", "", ReceiptKind.FAILED, RetryClass.LATER, "canceled"),
        ("teleported", "", ReceiptKind.PROGRESS, None, "teleported"),
    ],
)
def test_status_callbacks_become_receipts(
    status: str, error: str, kind: ReceiptKind, retry_class: RetryClass | None, code: str
) -> None:
    (receipt,) = parsed(signed({**STATUS, "MessageStatus": status, "ErrorCode": error}))
    assert (receipt.kind, receipt.retry_class, receipt.code) == (kind, retry_class, code)
    assert (receipt.ref, receipt.reference, receipt.address) == ("SM1", SMS.reference, "")


def test_a_repeated_callback_has_the_same_event_id_and_another_status_another() -> None:
    delivered = [parsed(signed(STATUS))[0].event_id for _ in range(2)]
    sent = parsed(signed({**STATUS, "MessageStatus": "sent"}))[0].event_id
    assert delivered[0] == delivered[1] != sent


@pytest.mark.parametrize(
    ("body", "opt_out_type", "kind"),
    [
        ("STOP", "", ReceiptKind.OPTED_OUT),
        ("  stop. ", "", ReceiptKind.OPTED_OUT),
        ("Arrêt!", "", ReceiptKind.OPTED_OUT),
        ("그만", "", ReceiptKind.OPTED_OUT),
        ("수신 거부", "", ReceiptKind.OPTED_OUT),
        ("opt-out", "", ReceiptKind.OPTED_OUT),
        ("whatever", "STOP", ReceiptKind.OPTED_OUT),
        ("START", "", ReceiptKind.OPTED_IN),
        ("시작", "", ReceiptKind.OPTED_IN),
        ("yes", "", ReceiptKind.INBOUND),
        ("HELP", "HELP", ReceiptKind.INBOUND),
        ("Please stop the executions", "", ReceiptKind.INBOUND),
        ("", "", ReceiptKind.INBOUND),
    ],
)
def test_a_persons_answer(body: str, opt_out_type: str, kind: ReceiptKind) -> None:
    form = {"MessageSid": "SM9", "From": SMS.to, "To": "+12025550100", "Body": body, "SmsStatus": "received"}
    (receipt,) = parsed(signed(form | ({"OptOutType": opt_out_type} if opt_out_type else {}), url=HOOK))
    assert (receipt.kind, receipt.address, receipt.ref) == (kind, SMS.to, "")
    assert receipt.text == (body if kind is ReceiptKind.INBOUND else "")


@given(text=st.text(max_size=60))
def test_any_answer_means_something(text: str) -> None:
    assert meaning(text) in {ReceiptKind.OPTED_OUT, ReceiptKind.OPTED_IN, ReceiptKind.INBOUND}
    assert meaning(f"{text} stop it") is ReceiptKind.INBOUND


def changed(callback: Callback, **fields: object) -> Callback:
    return dataclasses.replace(callback, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "callback",
    [
        changed(signed(STATUS), headers={}),
        changed(signed(STATUS), headers={"x-twilio-signature": ""}),
        changed(signed(STATUS), headers={"x-twilio-signature": "AAAA"}),
        changed(signed(STATUS), body=urlencode({**STATUS, "MessageStatus": "failed"}).encode()),
        changed(signed(STATUS), body=urlencode(STATUS).encode() + b"&MessageStatus=failed"),
        changed(signed(STATUS), url=f"{HOOK}?ref=another"),
        changed(signed(STATUS), url="https://elsewhere.invalid/hooks/twilio/"),
        changed(signed(STATUS), body=b"\xff\xfe"),
        signed(STATUS, token="another token"),
    ],
)
def test_forged_callbacks_are_refused(callback: Callback) -> None:
    with pytest.raises(ForgedCallback):
        parsed(callback)


def test_signed_without_a_message_gives_nothing() -> None:
    assert parsed(signed({"AccountSid": "AC1"})) == []


def listing(*messages: dict[str, object], next_page: str | None = None) -> bytes:
    return answered(200, {"messages": list(messages), "next_page_uri": next_page, "page_size": 50, "page": 0})


def test_an_unknown_is_settled_by_number_and_time(start: Start) -> None:
    outside = message("SM0", date_created="Tue, 24 Nov 2026 08:00:00 +0000")
    inbound = message("SM2", direction="inbound")
    failed = message("SM1", status="undelivered", error_code=30005)
    script = HttpScript([listing(failed, outside, inbound)])
    found = gateway(start(script).port).lookup(QUESTION)
    assert isinstance(found, Found)
    (candidate,) = found.candidates
    assert (candidate.ref, candidate.is_certain) == ("SM1", False)
    assert candidate.receipt is not None
    assert candidate.receipt.retry_class is RetryClass.NEVER
    assert b"To=%2B442079460123" in script.requests[0].split(b"\r\n")[0]


def test_with_its_sid_a_message_is_certain(start: Start) -> None:
    script = HttpScript([answered(200, message("SM1", status="delivered"))])
    found = gateway(start(script).port).lookup(dataclasses.replace(QUESTION, ref="SM1"))
    assert isinstance(found, Found)
    assert [(candidate.ref, candidate.is_certain) for candidate in found.candidates] == [("SM1", True)]
    assert b"/Messages/SM1.json" in script.requests[0]


def test_an_obfuscated_number_is_found_too(start: Start) -> None:
    hidden, other = message("SM1", to="+44207946XXXX"), message("SM2", to="+12025550XXX")
    found = gateway(start(HttpScript([listing(), listing(hidden, other)])).port).lookup(QUESTION)
    assert isinstance(found, Found)
    assert [(candidate.ref, candidate.is_certain) for candidate in found.candidates] == [("SM1", False)]


def test_nothing_there_means_never_taken(start: Start) -> None:
    script = HttpScript([listing(), listing(message("SM5", to="+12025550111"))])
    assert gateway(start(script).port).lookup(QUESTION) == Found()


@pytest.mark.parametrize("answer", [HANG_UP, http_answer(500), http_answer(200, b"<html>"), answered(200, {"x": 1})])
def test_no_list_is_no_proof(start: Start, answer: bytes) -> None:
    found = gateway(start(HttpScript([answer])).port).lookup(QUESTION)
    assert isinstance(found, CannotTell)
    assert not found.is_final


@pytest.mark.parametrize(
    ("answer", "is_taken"),
    [(answered(200, message("SM1", status="canceled")), True), (http_answer(400), False), (HANG_UP, False)],
)
def test_cancel(start: Start, answer: bytes, is_taken: bool) -> None:  # noqa: FBT001
    script = HttpScript([answer])
    assert gateway(start(script).port).cancel("SM1") is is_taken
    assert script.requests[0].endswith(b"Status=canceled")


@pytest.mark.parametrize(
    ("answer", "is_ok"),
    [
        (listing(), True),
        (answered(401, {"code": 20003, "message": "Authenticate"}), False),
        (http_answer(200, b"<html>"), False),
        (HANG_UP, False),
    ],
)
def test_check(start: Start, answer: bytes, is_ok: bool) -> None:  # noqa: FBT001
    health = gateway(start(HttpScript([answer])).port).check()
    assert health.is_ok is is_ok
    assert "127.0.0.1" in health.detail
