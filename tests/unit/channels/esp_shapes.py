"""What mail providers are sent, answer and report, by provider, as their documents and recordings have it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.channels.hostile import http_answer
from tests.unit.channels.samples import COPY, MAIL, config
from urgentaction.channels.contract import (
    Callback,
)
from urgentaction.channels.email.esp.gateway import EspGateway
from urgentaction.channels.email.esp.providers import Provider
from urgentaction.channels.mailing import Copy
from urgentaction.channels.options import Options
from urgentaction.channels.registry import KINDS

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SIGNING = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(SIGNING.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
SECRETS = {
    Provider.POSTMARK: "hook:s3cret-word",
    Provider.BREVO: "hook:s3cret-word",
    Provider.MAILGUN: "s3cret-signing",
    Provider.SENDGRID: PUBLIC,
}
TAKEN: dict[Provider, Any] = {
    Provider.POSTMARK: {"ErrorCode": 0, "Message": "OK", "MessageID": "m-1", "To": MAIL.to},
    Provider.MAILGUN: {"id": "<m-1@mg.invalid>", "message": "Queued. Thank you."},
    Provider.BREVO: {"messageId": "<m-1@brevo.invalid>"},
    Provider.SENDGRID: None,
}


def gateway(provider: Provider, port: int = 1, **more: str) -> EspGateway:
    options = {
        "provider": provider.value,
        "base_url": f"http://127.0.0.1:{port}",
        "api_key": "s3cret-key",
        "webhook_secret": SECRETS[provider],
        "sender_domain": "urgentaction.invalid",
        **more,
    }
    return EspGateway(Options(config("esp", options), KINDS["esp"].options))


def answered(status: int, body: object, headers: str = "") -> bytes:
    return http_answer(status, b"" if body is None else json.dumps(body).encode(), headers)


def copies(count: int) -> list[Copy]:
    return [
        dataclasses.replace(
            COPY,
            reference=f"d-{number}",
            to=f"person{number}@mail.invalid",
            message_id=f"<d-{number}@urgentaction.invalid>",
            values=(f"<Person> & {number}", f"https://urgentaction.invalid/u/{number}/", "other"),
        )
        for number in range(count)
    ]


def batch_answer(provider: Provider, some: Sequence[Copy]) -> bytes:
    match provider:
        case Provider.POSTMARK:
            return answered(200, [TAKEN[provider] | {"To": copy.to, "MessageID": f"m-{copy.to}"} for copy in some])
        case Provider.BREVO:
            return answered(201, {"messageIds": [f"m-{copy.to}" for copy in some]})
        case Provider.MAILGUN:
            return answered(200, TAKEN[provider])
        case Provider.SENDGRID:
            return answered(202, None)


# What each recipient reads, as the provider would make it of the request.


def body_of(request: bytes) -> str:
    return request.partition(b"\r\n\r\n")[2].decode()


def read_postmark(body: str) -> dict[str, dict[str, Any]]:
    return {
        one["To"]: {
            "text": one["TextBody"],
            "html": one["HtmlBody"],
            "headers": {header["Name"]: header["Value"] for header in one["Headers"]},
            "reference": one["Metadata"]["reference"],
            "subject": one["Subject"],
        }
        for one in json.loads(body)
    }


def read_mailgun(body: str) -> dict[str, dict[str, Any]]:
    form = {name: values[0] for name, values in parse_qs(body).items()}
    found = {}
    for to, values in json.loads(form["recipient-variables"]).items():

        def filled(text: str, values: dict[str, str] = values) -> str:
            return re.sub(r"%recipient\.([^%]+)%", lambda field: values[field[1]], text)

        found[to] = {
            "text": filled(form["text"]),
            "html": filled(form["html"]),
            "headers": {name[2:]: filled(value) for name, value in form.items() if name.startswith("h:")},
            "reference": filled(form["v:reference"]),
            "subject": form["subject"],
        }
    assert sorted(found) == sorted(parse_qs(body)["to"])
    return found


def read_brevo(body: str) -> dict[str, dict[str, Any]]:
    sent = json.loads(body)
    return {
        one["to"][0]["email"]: {
            "text": one["textContent"],
            "html": one["htmlContent"],
            "headers": sent["headers"] | one["headers"],
            "reference": json.loads(one["headers"]["X-Mailin-custom"])["reference"],
            "subject": sent["subject"],
        }
        for one in sent["messageVersions"]
    }


def read_sendgrid(body: str) -> dict[str, dict[str, Any]]:
    sent = json.loads(body)
    text, markup = (content["value"] for content in sent["content"])
    found = {}
    for one in sent["personalizations"]:

        def filled(template: str, values: dict[str, str] = one["substitutions"]) -> str:
            return re.sub("|".join(map(re.escape, values)), lambda token: values[token[0]], template)

        found[one["to"][0]["email"]] = {
            "text": filled(text),
            "html": filled(markup),
            "headers": sent["headers"] | one["headers"],
            "reference": one["custom_args"]["reference"],
            "subject": sent["subject"],
        }
    return found


READERS = {
    Provider.POSTMARK: read_postmark,
    Provider.MAILGUN: read_mailgun,
    Provider.BREVO: read_brevo,
    Provider.SENDGRID: read_sendgrid,
}


# Webhooks.


def postmark(event: dict[str, Any], *, login: str = "hook:s3cret-word") -> Callback:
    common = {"MessageID": "m-1", "Metadata": {"reference": "d-1"}, "Email": "friend@mail.invalid"}
    basic = base64.b64encode(login.encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {basic}"}
    return Callback(url="", headers=headers, body=json.dumps(common | event).encode(), received_at=NOW)


def mailgun(event: dict[str, Any], *, key: str = "s3cret-signing", token: str = "t0ken") -> Callback:
    common = {
        "id": "e-1",
        "timestamp": 1795510800.5,
        "recipient": "friend@mail.invalid",
        "user-variables": {"reference": "d-1"},
        "message": {"headers": {"message-id": "m-1@mg.invalid"}},
    }
    signature = hmac.new(key.encode(), f"1795510800{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": "1795510800", "token": token, "signature": signature}
    body = json.dumps({"signature": signed, "event-data": common | event}).encode()
    return Callback(url="", headers={"content-type": "application/json"}, body=body, received_at=NOW)


def brevo(event: dict[str, Any], *, login: str = "hook:s3cret-word") -> Callback:
    common = {
        "email": "friend@mail.invalid",
        "message-id": "<m-1@brevo.invalid>",
        "ts_epoch": 1795510800500,
        "X-Mailin-custom": '{"reference": "d-1"}',
    }
    basic = base64.b64encode(login.encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {basic}"}
    return Callback(url="", headers=headers, body=json.dumps(common | event).encode(), received_at=NOW)


def sendgrid(event: dict[str, Any], *, key: ec.EllipticCurvePrivateKey = SIGNING) -> Callback:
    common = {"email": "friend@mail.invalid", "timestamp": 1795510800, "reference": "d-1", "anymail_id": "m-1"}
    body = json.dumps([common | {"sg_event_id": "e-1", "sg_message_id": "m.1"} | event]).encode()
    signature = key.sign(b"1795510800" + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "content-type": "application/json",
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": "1795510800",
    }
    return Callback(url="", headers=headers, body=body, received_at=NOW)
