"""The fax gateway against recorded shapes of Telnyx's answers and callbacks, and against an API that breaks down."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.unit.channels.hostile import HANG_UP, SILENCE, HttpScript, Server, http_answer
from tests.unit.channels.samples import FAX, config
from urgentaction.channels.contract import (
    Accepted,
    Callback,
    CannotTell,
    ForgedCallback,
    Found,
    Gateway,
    Lookup,
    Outcome,
    Receipt,
    ReceiptKind,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.registry import build

Start = Callable[[HttpScript], Server]
SIGNING = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
STATE = base64.b64encode(FAX.reference.encode()).decode()
QUESTION = Lookup(reference=FAX.reference, to=FAX.to, submitted_from=NOW, submitted_until=NOW + timedelta(seconds=20))


def gateway(port: int) -> Gateway:
    public = base64.b64encode(SIGNING.public_key().public_bytes_raw()).decode()
    url = f"http://127.0.0.1:{port}/telnyx"
    return build(config("telnyx", {"base_url": url, "api_key": "KEY-1", "connection_id": "77", "public_key": public}))


def outcome_of(start: Start, answer: bytes) -> tuple[Outcome, HttpScript]:
    fax = gateway(start(script := HttpScript([answer])).port)
    outcome = fax.submit(FAX)
    fax.close()
    return outcome, script


def answered(status: int, body: object, headers: str = "") -> bytes:
    return http_answer(status, json.dumps(body).encode(), headers)


def error(code: str, title: str, detail: str = "", pointer: str = "") -> dict[str, Any]:
    return {"errors": [{"code": code, "title": title, "detail": detail, "source": {"pointer": pointer}}]}


def test_a_fax_is_asked_for_by_url_with_our_reference(start: Start) -> None:
    outcome, script = outcome_of(start, answered(202, {"data": {"id": "f-1", "status": "queued"}}))
    assert outcome == Accepted("f-1")
    head, _, body = script.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /telnyx/v2/faxes HTTP/1.1")
    assert b"Bearer KEY-1" in head
    sent = json.loads(body)
    assert (sent["to"], sent["from"], sent["media_url"]) == (FAX.to, FAX.sender, FAX.media_url)
    assert (sent["client_state"], sent["webhook_url"], sent["connection_id"]) == (STATE, FAX.callback_url, "77")


@pytest.mark.parametrize(
    ("answer", "retry_class", "code"),
    [
        (answered(401, error("10009", "Authentication failed")), RetryClass.FIX_FIRST, "10009"),
        (answered(403, error("10010", "Authorization failed")), RetryClass.FIX_FIRST, "10010"),
        (answered(422, error("10016", "Phone number must be in +E.164 format", "", "/to")), RetryClass.NEVER, "10016"),
        (answered(422, error("10016", "Phone number must be in +E.164 format")), RetryClass.NEVER, "10016"),
        (answered(422, error("10016", "Phone number", "", "/from")), RetryClass.FIX_FIRST, "10016"),
        (answered(422, error("10015", "Bad Request", "", "/media_url")), RetryClass.FIX_FIRST, "10015"),
        (answered(400, error("destination_invalid", "Destination")), RetryClass.NEVER, "destination_invalid"),
        (answered(503, error("10007", "Unexpected error")), RetryClass.SOON, "10007"),
        (http_answer(404, b"<html>not here</html>"), RetryClass.FIX_FIRST, "404"),
        (http_answer(302, headers="Location: https://portal.telnyx.com/\r\n"), RetryClass.FIX_FIRST, "302"),
        (answered(422, {"errors": "odd"}), RetryClass.FIX_FIRST, "422"),
        (answered(422, ["odd"]), RetryClass.FIX_FIRST, "422"),
    ],
)
def test_recorded_refusals(start: Start, answer: bytes, retry_class: RetryClass, code: str) -> None:
    outcome, _ = outcome_of(start, answer)
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (retry_class, code)
    assert outcome.is_gateway_fault is (retry_class is RetryClass.SOON)


def test_too_many_requests_keeps_the_wait_asked_for(start: Start) -> None:
    outcome, _ = outcome_of(start, answered(429, error("10011", "Too many requests"), "Retry-After: 7\r\n"))
    assert outcome == Refused(RetryClass.THROTTLE, "10011", "Too many requests", timedelta(seconds=7))


def test_a_refusals_words_name_nobody(start: Start) -> None:
    outcome, _ = outcome_of(start, answered(422, error("10015", "Bad", "No route to +12025550123", "/to")))
    assert isinstance(outcome, Refused)
    assert "555" not in outcome.text


@pytest.mark.parametrize(
    "answer",
    [
        HANG_UP,
        SILENCE,
        http_answer(202, b""),
        http_answer(202, b'{"data": {"id": ', length=400),
        answered(202, {"data": {}}),
        answered(202, {"data": None}),
        answered(200, []),
        answered(500, error("10007", "Unexpected error")),
        http_answer(502, b"<html>Bad gateway</html>"),
        http_answer(504),
    ],
)
def test_what_may_have_been_taken_is_unknown(start: Start, answer: bytes) -> None:
    outcome, script = outcome_of(start, answer)
    assert isinstance(outcome, Unknown)
    assert len(script.requests) == 1


def event(event_type: str, **payload: object) -> bytes:
    fax = {"fax_id": "f-1", "direction": "outbound", "client_state": STATE, "to": FAX.to, **payload}
    occurred = "2026-11-24T09:00:01.500000Z"
    data = {"id": "e-1", "event_type": event_type, "occurred_at": occurred, "record_type": "event", "payload": fax}
    return json.dumps({"data": data, "meta": {"attempt": 1}}).encode()


def signed(body: bytes, *, at: datetime = NOW, key: Ed25519PrivateKey = SIGNING, **changed: str) -> Callback:
    timestamp = str(int(at.timestamp()))
    signature = base64.b64encode(key.sign(timestamp.encode() + b"|" + body)).decode()
    headers = {"telnyx-timestamp": timestamp, "telnyx-signature-ed25519": signature}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return Callback(url="http://127.0.0.1/hooks/telnyx/", headers=headers, body=body, received_at=NOW)


def parsed(callback: Callback) -> list[Receipt]:
    return list(gateway(1).parse(callback))


@pytest.mark.parametrize(
    ("event_type", "payload", "kind", "retry_class", "code"),
    [
        ("fax.queued", {"status": "queued"}, ReceiptKind.PROGRESS, None, "queued"),
        ("fax.media.processed", {"status": "media.processed"}, ReceiptKind.PROGRESS, None, "media.processed"),
        ("fax.sending.started", {}, ReceiptKind.PROGRESS, None, "sending.started"),
        ("fax.delivered", {"status": "delivered", "page_count": 2}, ReceiptKind.DELIVERED, None, "delivered"),
        ("fax.failed", {"failure_reason": "user_busy"}, ReceiptKind.FAILED, RetryClass.BUSY, "user_busy"),
        ("fax.failed", {"failure_reason": "brand_new"}, ReceiptKind.FAILED, RetryClass.LATER, "brand_new"),
        ("fax.failed", {"failure_reason": None}, ReceiptKind.FAILED, RetryClass.LATER, "failed"),
        ("fax.polished", {"status": "polished"}, ReceiptKind.PROGRESS, None, "polished"),
    ],
)
def test_callbacks_become_receipts(
    event_type: str, payload: dict[str, object], kind: ReceiptKind, retry_class: RetryClass | None, code: str
) -> None:
    (receipt,) = parsed(signed(event(event_type, **payload)))
    assert (receipt.kind, receipt.retry_class, receipt.code) == (kind, retry_class, code)
    assert (receipt.event_id, receipt.ref, receipt.reference) == ("e-1", "f-1", FAX.reference)
    assert receipt.occurred_at == datetime(2026, 11, 24, 9, 0, 1, 500_000, tzinfo=UTC)
    assert receipt.address == ""


def test_a_moment_before_all_time_is_none() -> None:
    body = event("fax.delivered", status="delivered").replace(
        b"2026-11-24T09:00:01.500000Z", b"0001-01-01T00:00:00+14:00"
    )
    (receipt,) = parsed(signed(body))
    assert (receipt.kind, receipt.occurred_at) == (ReceiptKind.DELIVERED, None)


def test_an_incoming_fax_is_for_a_person_to_read() -> None:
    (receipt,) = parsed(signed(event("fax.received", direction="inbound", **{"from": "+12025550177"})))
    assert (receipt.kind, receipt.address) == (ReceiptKind.INBOUND, "+12025550177")


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b'{"data": 7}', event("call.answered"), b'{"data": {"id": 1}}']
)
def test_signed_but_not_about_a_fax_gives_nothing(body: bytes) -> None:
    assert parsed(signed(body)) == []


BODY = event("fax.delivered")


@pytest.mark.parametrize(
    "callback",
    [
        Callback(url="", headers={}, body=BODY, received_at=NOW),
        signed(BODY, telnyx_signature_ed25519=""),
        signed(BODY, telnyx_signature_ed25519="no base64!"),
        signed(BODY, telnyx_signature_ed25519=base64.b64encode(b"x" * 64).decode()),
        signed(BODY, telnyx_timestamp=str(int(NOW.timestamp()) + 1)),
        signed(BODY, telnyx_timestamp="yesterday"),
        signed(BODY, telnyx_signature_ed25519=base64.b64encode(SIGNING.sign(BODY)).decode()),
        signed(BODY, key=Ed25519PrivateKey.from_private_bytes(bytes(32))),
        signed(BODY, at=NOW - timedelta(seconds=301)),
        signed(BODY, at=NOW + timedelta(seconds=301)),
    ],
)
def test_forged_stale_or_unsigned_callbacks_are_refused(callback: Callback) -> None:
    with pytest.raises(ForgedCallback):
        parsed(callback)


def test_a_changed_body_is_refused() -> None:
    good = signed(event("fax.failed", failure_reason="user_busy"))
    with pytest.raises(ForgedCallback):
        parsed(Callback(url=good.url, headers=good.headers, body=BODY, received_at=NOW))


def listed(*faxes: dict[str, object], total_pages: int | None = 1) -> bytes:
    return answered(200, {"data": list(faxes), "meta": {"total_pages": total_pages}})


def fax(ref: str, **changed: object) -> dict[str, object]:
    base = {"id": ref, "to": FAX.to, "client_state": STATE, "status": "delivered"}
    return {**base, "created_at": "2026-11-24T09:00:02Z", "updated_at": "2026-11-24T09:01:00Z", **changed}


@pytest.mark.parametrize(
    ("faxes", "refs", "is_certain"),
    [
        ([fax("f-1")], ["f-1"], True),
        ([fax("f-1", client_state=None)], ["f-1"], False),
        ([fax("f-0", client_state=None), fax("f-1")], ["f-1"], True),
        ([fax("f-1", client_state=base64.b64encode(b"another").decode())], [], None),
        ([fax("f-1", to="+12025550199")], [], None),
        ([fax("f-1", created_at="2026-11-24T08:00:00Z")], [], None),
        ([fax("f-1", created_at="nonsense")], [], None),
        ([], [], None),
    ],
)
def test_an_unknown_is_settled_by_our_reference(
    start: Start,
    faxes: list[dict[str, object]],
    refs: list[str],
    is_certain: bool | None,  # noqa: FBT001
) -> None:
    found = gateway(start(HttpScript([listed(*faxes)])).port).lookup(QUESTION)
    assert isinstance(found, Found)
    assert [candidate.ref for candidate in found.candidates] == refs
    assert all(candidate.is_certain is is_certain for candidate in found.candidates)


def test_a_found_fax_brings_its_fate_along(start: Start) -> None:
    answer = answered(200, {"data": fax("f-1", status="failed", failure_reason="receiver_no_answer")})
    script = HttpScript([answer])
    question = Lookup(reference=FAX.reference, to=FAX.to, submitted_from=NOW, submitted_until=NOW, ref="f-1")
    found = gateway(start(script).port).lookup(question)
    assert isinstance(found, Found)
    receipt = found.candidates[0].receipt
    assert receipt is not None
    assert (receipt.kind, receipt.retry_class, receipt.ref) == (ReceiptKind.FAILED, RetryClass.LATER, "f-1")
    assert script.requests[0].startswith(b"GET /telnyx/v2/faxes/f-1 ")


def test_all_pages_are_read(start: Start) -> None:
    script = HttpScript([listed(fax("f-0", client_state="b3RoZXI="), total_pages=2), listed(fax("f-1"), total_pages=2)])
    found = gateway(start(script).port).lookup(QUESTION)
    assert isinstance(found, Found)
    assert [candidate.ref for candidate in found.candidates] == ["f-1"]


@pytest.mark.parametrize("answer", [HANG_UP, http_answer(500), answered(200, {"data": "x"}), listed(total_pages=99)])
def test_no_list_is_no_proof(start: Start, answer: bytes) -> None:
    found = gateway(start(HttpScript([answer])).port).lookup(QUESTION)
    assert isinstance(found, CannotTell)
    assert not found.is_final


@pytest.mark.parametrize(
    ("answer", "is_taken"), [(answered(202, {}), True), (http_answer(422), False), (HANG_UP, False)]
)
def test_cancel(start: Start, answer: bytes, is_taken: bool) -> None:  # noqa: FBT001
    script = HttpScript([answer])
    assert gateway(start(script).port).cancel("../f 1") is is_taken
    assert script.requests[0].startswith(b"POST /telnyx/v2/faxes/..%2Ff%201/actions/cancel ")


@pytest.mark.parametrize(
    ("answer", "is_ok"),
    [(listed(), True), (answered(401, error("10009", "Authentication failed")), False), (HANG_UP, False)],
)
def test_check(start: Start, answer: bytes, is_ok: bool) -> None:  # noqa: FBT001
    health = gateway(start(HttpScript([answer])).port).check()
    assert health.is_ok is is_ok
    assert "127.0.0.1" in health.detail
