"""The Telnyx-compatible API: requests, webhooks and their signatures, the pages, the failures."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from PIL import Image

from tests.unit.sandbox.running import API_KEY, Hooks, Received, Sandbox, eventually, letter_pdf, running

STATE = base64.b64encode(b"delivery-7").decode()
ALL_IS_WELL = ["fax.queued", "fax.media.processed", "fax.sending.started", "fax.delivered"]


def verify(sandbox: Sandbox, request: Received) -> None:
    """As a client of Telnyx does: over timestamp, bar and raw body."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(sandbox.ready["telnyx_public_key"]))
    stamp = request.headers["telnyx-timestamp"]
    key.verify(base64.b64decode(request.headers["telnyx-signature-ed25519"]), f"{stamp}|".encode() + request.body)
    assert abs(time.time() - int(stamp)) < 300


def send(sandbox: Sandbox, hooks: Hooks, number: str, path: str = "/letter.pdf", **more: Any) -> dict[str, Any]:
    more = {"client_state": STATE, "webhook_url": f"{hooks.url}/fax", **more}
    answer = sandbox.fax(number, f"{hooks.url}{path}", **more)
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def finished(hooks: Hooks) -> dict[str, Any]:
    """The payload of the webhook that ends the story."""
    ends = {"fax.delivered", "fax.failed"}
    last = eventually(lambda: [each for each in hooks.at("/fax") if each.json["data"]["event_type"] in ends])[0]
    payload: dict[str, Any] = last.json["data"]["payload"]
    return payload


def test_a_fax_and_its_story(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    fax = send(sandbox, hooks, number, quality="high")
    assert (fax["status"], fax["record_type"], fax["client_state"], fax["direction"]) == (
        "queued",
        "fax",
        STATE,
        "outbound",
    )
    payload = finished(hooks)
    assert hooks.event_types("/fax") == ALL_IS_WELL
    assert payload["fax_id"] == fax["id"]
    assert (payload["client_state"], payload["to"], payload["page_count"], payload["status"]) == (
        STATE,
        number,
        2,
        "delivered",
    )
    for request in hooks.received:
        verify(sandbox, request)
        assert request.json["data"]["record_type"] == "event"
        assert request.json["meta"] == {"attempt": 1, "delivered_to": f"{hooks.url}/fax"}
    assert len({request.json["data"]["id"] for request in hooks.received}) == 4
    assert sandbox.fax_status(fax["id"])["status"] == "delivered"
    (entry,) = sandbox.entries(number)
    assert (entry.ref, entry.client_state, entry.line) == (fax["id"], STATE, sandbox.ready["line"])


def test_a_signature_does_not_fit_another_body(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    send(sandbox, hooks, number)
    finished(hooks)
    request = hooks.received[0]
    with pytest.raises(InvalidSignature):
        verify(sandbox, Received(request.path, request.headers, request.body + b" "))


def test_the_pages_are_fax_pages(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    fax = send(sandbox, hooks, number)
    finished(hooks)
    folder = sandbox.data / "fax" / fax["id"]
    assert (folder / "original.pdf").read_bytes() == letter_pdf()
    with Image.open(folder / "sent.tiff") as sent:
        assert (sent.n_frames, sent.size, sent.mode) == (2, (1728, 2292), "1")  # type: ignore[attr-defined]
        assert sent.info["compression"] == "group4"
        assert [round(float(dpi)) for dpi in sent.info["dpi"]] == [204, 196]
    with Image.open(folder / "page-2.png") as page:
        assert page.width == 1728
        assert abs(page.height / page.width - 297 / 215) < 0.01, "it looks as it would on paper"
        darkness = sum(page.convert("L").histogram()[:128]) / (page.width * page.height)
    assert 0.005 < darkness < 0.3
    answer = sandbox.http.get(f"/fax/{fax['id']}.tiff")
    assert answer.headers["content-type"] == "image/tiff"
    assert answer.content == (folder / "received.tiff").read_bytes()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"to": ""}, 422, "10004"),
        ({"connection_id": None}, 422, "10004"),
        ({"to": "8227704721"}, 422, "10016"),
        ({"to": "+8227704721"}, 403, "10010"),
        ({"media_url": "https://letters.example.org/1.pdf"}, 422, "10003"),
        ({"webhook_url": "http://169.254.169.254/"}, 422, "10003"),
        ({"client_state": "no base64"}, 422, "10015"),
    ],
)
def test_refusals_look_like_telnyxs(
    sandbox: Sandbox, number: str, change: dict[str, Any], status: int, code: str
) -> None:
    fields = {"to": number, "media_url": "http://127.0.0.1:9/x.pdf", **change}
    answer = sandbox.fax(**fields)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["title"]
    assert error["source"]["pointer"] == f"/{next(iter(change))}"
    assert not sandbox.entries(number)


def test_other_wrong_requests(sandbox: Sandbox) -> None:
    key = {"authorization": f"Bearer {API_KEY}"}
    post = sandbox.http.post
    assert post("/telnyx/v2/faxes", json={}).json()["errors"][0]["code"] == "10009"
    assert post("/telnyx/v2/faxes", json={}, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert post("/telnyx/v2/faxes", files={"contents": b"x"}, headers=key).status_code == 415
    assert (
        post("/telnyx/v2/faxes", content=b"{", headers={**key, "content-type": "application/json"}).status_code == 400
    )
    assert sandbox.http.get("/telnyx/v2/faxes/none", headers=key).json()["errors"][0]["code"] == "10005"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ((404, "text/plain", b"no"), "file_download_failed"),
        ((302, "application/pdf", b""), "file_download_failed"),
        ((200, "text/html", b"<p>login"), "file_format_invalid"),
        ((200, "application/pdf", b"no pdf at all"), "file_format_invalid"),
    ],
)
def test_a_document_that_cannot_be_faxed(
    sandbox: Sandbox, hooks: Hooks, number: str, document: tuple[int, str, bytes], reason: str
) -> None:
    hooks.documents["/bad.pdf"] = document
    fax = send(sandbox, hooks, number, "/bad.pdf")
    assert finished(hooks)["failure_reason"] == reason
    assert hooks.event_types("/fax") == ["fax.queued", "fax.failed"]
    assert sandbox.fax_status(fax["id"])["failure_reason"] == reason


def test_a_document_with_too_many_pages(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    page = b"".join(b"%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n" % n for n in range(3, 354))
    kids = b" ".join(b"%d 0 R" % n for n in range(3, 354))
    catalog = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 351/Kids[" + kids
    hooks.documents["/long.pdf"] = (
        200,
        "application/pdf",
        catalog + b"]>>endobj\n" + page + b"trailer<</Root 1 0 R>>\n",
    )
    send(sandbox, hooks, number, "/long.pdf")
    assert finished(hooks)["failure_reason"] == "page_count_limit_exceeded"


@pytest.mark.parametrize(
    ("step", "reason", "events"),
    [
        ("busy", "user_busy", ["fax.queued", "fax.media.processed", "fax.failed"]),
        ("no_answer", "receiver_no_answer", ["fax.queued", "fax.media.processed", "fax.failed"]),
        ({"failure": "receiver_decline"}, "receiver_decline", ["fax.queued", "fax.media.processed", "fax.failed"]),
        ("call_dropped", "receiver_call_dropped", [*ALL_IS_WELL[:3], "fax.failed"]),
        ("not_a_fax", "fax_initial_communication_timeout", [*ALL_IS_WELL[:3], "fax.failed"]),
    ],
)
def test_calls_that_fail_and_then_succeed(
    sandbox: Sandbox, hooks: Hooks, number: str, step: object, reason: str, events: list[str]
) -> None:
    sandbox.script("fax", number, step)
    fax = send(sandbox, hooks, number)
    payload = finished(hooks)
    assert (payload["status"], payload["failure_reason"]) == ("failed", reason)
    assert hooks.event_types("/fax") == events
    assert sandbox.fax_status(fax["id"])["status"] == "failed"
    hooks.received.clear()
    send(sandbox, hooks, number)
    assert finished(hooks)["status"] == "delivered"
    assert [entry.attempt_seen for entry in sandbox.entries(number)] == [1, 2]


@pytest.mark.parametrize(("status", "code"), [(422, "10015"), (429, "10011"), (500, "10007")])
def test_scripted_http_errors(sandbox: Sandbox, hooks: Hooks, number: str, status: int, code: str) -> None:
    sandbox.script("fax", number, {"http": status, "retry_after": 2}, {"http": status, "code": 10039, "message": "m"})
    first = sandbox.fax(number, f"{hooks.url}/letter.pdf")
    assert (first.status_code, first.json()["errors"][0]["code"]) == (status, code)
    assert first.headers["retry-after"] == "2"
    second = sandbox.fax(number, f"{hooks.url}/letter.pdf").json()["errors"][0]
    assert (second["code"], second["detail"]) == ("10039", "m")
    assert not sandbox.entries(number)


def test_taken_but_no_answer_and_found_by_listing(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("fax", number, "timeout_after_acceptance")
    with httpx.Client(base_url=sandbox.ready["telnyx_url"], timeout=0.5, trust_env=False) as client:
        client.headers["authorization"] = f"Bearer {API_KEY}"
        body = {
            "connection_id": "7",
            "from": "+12025550100",
            "to": number,
            "media_url": f"{hooks.url}/letter.pdf",
            "client_state": STATE,
            "webhook_url": f"{hooks.url}/fax",
        }
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v2/faxes", json=body)
        query = {"filter[to][eq]": number, "filter[created_at][gte]": "2015-11-24T00:00:00Z", "page[size]": "1"}
        listed = client.get("/v2/faxes", params=query, timeout=10).json()
    (entry,) = sandbox.entries(number)
    assert [(fax["id"], fax["client_state"]) for fax in listed["data"]] == [(entry.ref, STATE)]
    assert listed["meta"] == {"page_number": 1, "page_size": 1, "total_pages": 1, "total_results": 1}
    assert finished(hooks)["status"] == "delivered"


def test_doubled_and_out_of_order(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("fax", number, {"doubled": True, "out_of_order": True, "late_ms": 5})
    send(sandbox, hooks, number)
    expected = [event for event in reversed(ALL_IS_WELL) for _ in range(2)]
    eventually(lambda: hooks.event_types("/fax") == expected)
    assert len({request.json["data"]["id"] for request in hooks.received}) == 4, "a repetition is the same event"


def test_webhooks_are_tried_again_and_signed_anew(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    hooks.failures = 1
    send(sandbox, hooks, number)
    finished(hooks)
    assert hooks.event_types("/fax") == ["fax.queued", *ALL_IS_WELL]
    assert [request.json["meta"]["attempt"] for request in hooks.received[:2]] == [1, 2]
    assert hooks.received[0].json["data"] == hooks.received[1].json["data"]
    for request in hooks.received:
        verify(sandbox, request)


def test_a_cancel_in_time_stops_the_call(sandbox: Sandbox, hooks: Hooks, number: str) -> None:
    sandbox.script("fax", number, {"out_of_order": True}, defaults={"fax": {"page_ms": 0}})
    hooks.documents["/big.pdf"] = (200, "application/pdf", letter_pdf(8))
    fax = send(sandbox, hooks, number, "/big.pdf")
    url = f"/telnyx/v2/faxes/{fax['id']}/actions/cancel"
    answer = sandbox.http.post(url, headers={"authorization": f"Bearer {API_KEY}"})
    assert (answer.status_code, answer.json()) == (202, {"data": {"result": "ok"}})
    assert finished(hooks)["failure_reason"] == "sender_canceled"
    assert sandbox.http.post(url, headers={"authorization": f"Bearer {API_KEY}"}).status_code == 202, "proves nothing"


def test_a_fax_interrupted_by_the_end_of_the_program_is_sent_after_it(tmp_path: Path, hooks: Hooks) -> None:
    with running(tmp_path / "data") as sandbox:
        sandbox.script("fax", "*", "ok", defaults={"fax": {"page_ms": 60_000}})
        fax = send(sandbox, hooks, "+12025550101")
        eventually(lambda: "fax.sending.started" in hooks.event_types("/fax"))
    assert "fax.delivered" not in hooks.event_types("/fax")
    with running(tmp_path / "data") as sandbox:
        assert finished(hooks)["status"] == "delivered"
        assert sandbox.fax_status(fax["id"])["status"] == "delivered"
        assert len(sandbox.entries("+12025550101")) == 1, "accepted once, whatever came between"
