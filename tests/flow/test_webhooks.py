"""Callbacks of gateways: signed ones are stored once, everything else leaves no trace."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from twilio.request_validator import RequestValidator

from urgentaction.core import clock
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.supporters.models import Suppression

pytestmark = pytest.mark.django_db

PUBLIC = "https://alerts.example.org/under/a/path"
TWILIO_TOKEN = "twilio-token"
KEY = Ed25519PrivateKey.generate()
STOP = {"MessageSid": "SM1", "From": "+442079460999", "To": "+442079460102", "Body": "STOP"}


@pytest.fixture(autouse=True)
def gateways(settings: Any) -> Iterator[None]:
    public_key = base64.b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    settings.PUBLIC_URL = PUBLIC
    settings.GATEWAYS = {
        "smtp": {"host": "127.0.0.1", "port": "1", "tls": "none"},
        "telnyx": {
            "base_url": "http://127.0.0.1:1",
            "api_key": "KEY",
            "connection_id": "c",
            "public_key": public_key,
            "sender": "+442079460101",
        },
        "twilio": {
            "base_url": "http://127.0.0.1:1",
            "account_sid": "AC00000000000000000000000000000001",
            "auth_token": TWILIO_TOKEN,
            "sender": "+442079460102",
        },
    }
    close_gateways()
    yield
    close_gateways()


def twilio(form: dict[str, str], *, path: str = "/hooks/twilio/", token: str = TWILIO_TOKEN, url: str = "") -> Any:
    """As Twilio posts: signed over the public URL, which is not the one that reaches us behind a proxy."""
    signature = RequestValidator(token).compute_signature(url or PUBLIC + path, form)
    return Client().post(
        path,
        urlencode(form),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )


def telnyx(event: dict[str, Any], *, age: timedelta = timedelta(0), key: Ed25519PrivateKey = KEY) -> Any:
    body = json.dumps(event).encode()
    timestamp = str(int((clock.now() - age).timestamp()))
    signature = base64.b64encode(key.sign(timestamp.encode() + b"|" + body)).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": timestamp}
    return Client().post("/hooks/telnyx/", body, content_type="application/json", headers=headers)


def fax_event(event_id: str = "e1", kind: str = "fax.delivered") -> dict[str, Any]:
    status = kind.partition(".")[2]
    return {"data": {"id": event_id, "event_type": kind, "payload": {"fax_id": "f1", "status": status}}}


def test_a_signed_status_is_stored_and_thanked_for() -> None:
    form = {"MessageSid": "SM9", "MessageStatus": "delivered"}
    answer = twilio(form, path="/hooks/twilio/?ref=d1-abc")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml"
    assert answer.content.endswith(b"<Response/>")
    row = Receipt.objects.get()
    assert (row.gateway, row.kind, row.ref, row.reference) == ("twilio", "delivered", "SM9", "d1-abc")
    assert "SM9" in row.raw


def test_a_stop_reply_suppresses_the_number_once_applied() -> None:
    assert twilio(STOP).status_code == 200
    assert not Suppression.objects.exists()
    assert apply_pending() == 1
    assert Suppression.objects.get().reason == "stop"


def test_a_fax_event_is_stored() -> None:
    answer = telnyx(fax_event())
    assert (answer.status_code, answer.content) == (204, b"")
    assert Receipt.objects.get().kind == "delivered"


def test_a_replayed_callback_changes_nothing() -> None:
    for _ in range(3):
        assert twilio(STOP).status_code == 200
        assert telnyx(fax_event()).status_code == 204
    assert Receipt.objects.count() == 2
    assert apply_pending() == 2
    assert twilio(STOP).status_code == 200
    assert apply_pending() == 0


@pytest.mark.parametrize(
    "forge",
    [
        lambda: twilio(STOP, token="another token"),
        lambda: twilio(STOP, url="http://127.0.0.1:8000/hooks/twilio/"),
        lambda: twilio(STOP, url=f"{PUBLIC}/hooks/twilio/?ref=other"),
        lambda: Client().post("/hooks/twilio/", urlencode(STOP), content_type="application/x-www-form-urlencoded"),
        lambda: telnyx(fax_event(), key=Ed25519PrivateKey.generate()),
        lambda: telnyx(fax_event(), age=timedelta(minutes=6)),
        lambda: Client().post("/hooks/telnyx/", fax_event(), content_type="application/json"),
        lambda: Client().post("/hooks/smtp/", b"Subject: x", content_type="message/rfc822"),
    ],
    ids=["token", "url", "query", "unsigned sms", "key", "old", "unsigned fax", "mail"],
)
def test_a_forged_callback_is_403_and_leaves_no_trace(forge: Any) -> None:
    answer = forge()
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:urgentaction:problem:forged-callback"
    assert not Receipt.objects.exists()


def test_an_altered_body_is_forged() -> None:
    signature = RequestValidator(TWILIO_TOKEN).compute_signature(f"{PUBLIC}/hooks/twilio/", STOP)
    answer = Client().post(
        "/hooks/twilio/",
        urlencode(STOP | {"From": "+442079460111"}),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )
    assert answer.status_code == 403
    assert not Receipt.objects.exists()


def test_other_refusals_are_problems_too() -> None:
    answer = Client().post("/hooks/nobody/", b"{}", content_type="application/json")
    assert answer.status_code == 404
    assert "twilio" not in answer.text  # who carries what is not for strangers
    assert Client().get("/hooks/twilio/").status_code == 405
    large = Client().post("/hooks/twilio/", b"x" * (256 * 1024 + 1), content_type="text/plain")
    assert large.status_code == 413
    assert large.headers["Content-Type"] == "application/problem+json"


def test_a_gateway_that_is_not_set_up_is_503(settings: Any) -> None:
    settings.GATEWAYS = settings.GATEWAYS | {"twilio": {"base_url": "http://127.0.0.1:1"}}
    close_gateways()
    answer = twilio(STOP)
    assert answer.status_code == 503
    assert "URGENTACTION" not in answer.content.decode()
    assert not Receipt.objects.exists()
