"""What mail providers report, and how they prove that it was they."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.channels.esp_shapes import brevo, gateway, mailgun, postmark, sendgrid
from urgentaction.channels.contract import (
    Callback,
    ForgedCallback,
    Receipt,
    ReceiptKind,
    RetryClass,
)
from urgentaction.channels.email.esp.codes import Event, meaning_of
from urgentaction.channels.email.esp.providers import Provider


def receipts_of(provider: Provider, callback: Callback) -> list[Receipt]:
    esp = gateway(provider)
    found = list(esp.parse(callback))
    esp.close()
    return found


FULL = "smtp;452 4.2.2 Mailbox full"
NO_USER = "smtp;550 5.1.1 The email account that you tried to reach does not exist"
BAD_NAME = "smtp;550 5.7.1 Message rejected due to our reputation policy"
P, M, B, S = Provider.POSTMARK, Provider.MAILGUN, Provider.BREVO, Provider.SENDGRID
DELIVERED, PROGRESS, FAILED, OPTED_OUT = (
    ReceiptKind.DELIVERED,
    ReceiptKind.PROGRESS,
    ReceiptKind.FAILED,
    ReceiptKind.OPTED_OUT,
)
MAILGUN_FAILED = {"event": "failed", "severity": "permanent", "reason": "bounce"}
TOLD: list[tuple[Provider, Callback, ReceiptKind, RetryClass | None, str]] = [
    (P, postmark({"RecordType": "Delivery", "Recipient": "friend@mail.invalid"}), DELIVERED, None, "delivered"),
    (
        P,
        postmark({"RecordType": "Bounce", "Type": "HardBounce", "Details": NO_USER}),
        FAILED,
        RetryClass.NEVER,
        "5.1.1",
    ),
    (P, postmark({"RecordType": "Bounce", "Type": "HardBounce"}), FAILED, RetryClass.NEVER, "5.1.1"),
    (P, postmark({"RecordType": "Bounce", "Type": "SoftBounce", "Details": FULL}), FAILED, RetryClass.LATER, "4.2.2"),
    (P, postmark({"RecordType": "Bounce", "Type": "SoftBounce"}), FAILED, RetryClass.LATER, "soft-bounce"),
    (
        P,
        postmark({"RecordType": "Bounce", "Type": "Blocked", "Details": BAD_NAME}),
        FAILED,
        RetryClass.FIX_FIRST,
        "5.7.1",
    ),
    (P, postmark({"RecordType": "Bounce", "Type": "Transient", "Details": FULL}), PROGRESS, None, "deferred"),
    (P, postmark({"RecordType": "SpamComplaint", "Type": "SpamComplaint"}), OPTED_OUT, None, "complaint"),
    (
        P,
        postmark({"RecordType": "SubscriptionChange", "SuppressionReason": "ManualSuppression"}),
        OPTED_OUT,
        None,
        "unsubscribed",
    ),
    (M, mailgun({"event": "delivered"}), DELIVERED, None, "delivered"),
    (
        M,
        mailgun(MAILGUN_FAILED | {"delivery-status": {"code": 550, "message": "5.1.1 no such user"}}),
        FAILED,
        RetryClass.NEVER,
        "5.1.1",
    ),
    (
        M,
        mailgun(MAILGUN_FAILED | {"delivery-status": {"code": 552, "message": "5.2.2 quota"}}),
        FAILED,
        RetryClass.LATER,
        "5.2.2",
    ),
    (M, mailgun(MAILGUN_FAILED | {"reason": "suppress-bounce"}), FAILED, RetryClass.NEVER, "5.1.1"),
    (M, mailgun({"event": "failed", "severity": "temporary"}), PROGRESS, None, "deferred"),
    (M, mailgun({"event": "complained"}), OPTED_OUT, None, "complaint"),
    (M, mailgun({"event": "rejected", "reject": {"reason": "Sandbox"}}), FAILED, RetryClass.LATER, "other"),
    (B, brevo({"event": "delivered"}), DELIVERED, None, "delivered"),
    (B, brevo({"event": "hard_bounce", "reason": "550 5.1.1 unknown"}), FAILED, RetryClass.NEVER, "5.1.1"),
    (B, brevo({"event": "soft_bounce", "reason": "mailbox busy"}), FAILED, RetryClass.LATER, "soft-bounce"),
    (B, brevo({"event": "invalid_email"}), FAILED, RetryClass.NEVER, "5.1.3"),
    (B, brevo({"event": "blocked"}), FAILED, RetryClass.NEVER, "blocked"),
    (B, brevo({"event": "spam"}), OPTED_OUT, None, "complaint"),
    (B, brevo({"event": "request"}), PROGRESS, None, "queued"),
    (S, sendgrid({"event": "processed"}), PROGRESS, None, "queued"),
    (S, sendgrid({"event": "delivered"}), DELIVERED, None, "delivered"),
    (S, sendgrid({"event": "bounce", "reason": "550 5.1.1 no such user"}), FAILED, RetryClass.NEVER, "5.1.1"),
    (S, sendgrid({"event": "dropped", "reason": "Bounced Address"}), FAILED, RetryClass.NEVER, "5.1.1"),
    (S, sendgrid({"event": "dropped", "reason": "Unsubscribed Address"}), FAILED, RetryClass.OPT_OUT, "unsubscribed"),
    (S, sendgrid({"event": "spamreport"}), OPTED_OUT, None, "complaint"),
]


@pytest.mark.parametrize(("provider", "callback", "kind", "retry_class", "code"), TOLD)
def test_what_a_provider_reports(
    provider: Provider, callback: Callback, kind: ReceiptKind, retry_class: RetryClass | None, code: str
) -> None:
    (receipt,) = receipts_of(provider, callback)
    assert (receipt.kind, receipt.retry_class, receipt.code) == (kind, retry_class, code)
    assert receipt.reference == "d-1"
    assert "m-1" in receipt.ref
    assert receipt.address == ("friend@mail.invalid" if kind is OPTED_OUT else "")
    assert "@" not in receipt.text


@pytest.mark.parametrize("kind", ["Open", "Click"])
def test_nothing_follows_from_reading(kind: str) -> None:
    assert receipts_of(P, postmark({"RecordType": kind})) == []
    assert receipts_of(P, postmark({"RecordType": "SubscriptionChange", "SuppressSending": False})) == []


def test_an_event_that_is_told_again_is_the_same() -> None:
    (first,), (second,) = (receipts_of(M, mailgun({"event": "delivered"}, token=token)) for token in ("one", "two"))
    assert first.event_id == second.event_id
    (other,) = receipts_of(M, mailgun({"event": "complained"}))
    assert other.event_id != first.event_id


def test_a_report_that_names_only_mailguns_request_is_about_nobody() -> None:
    (receipt,) = receipts_of(M, mailgun({"event": "delivered", "user-variables": {}}))
    assert (receipt.ref, receipt.reference) == ("", "")


@pytest.mark.parametrize(
    ("provider", "forged"),
    [
        (P, postmark({"RecordType": "Delivery"}, login="hook:wrong")),
        (P, dataclasses.replace(postmark({"RecordType": "Delivery"}), headers={})),
        (B, brevo({"event": "delivered"}, login="other:s3cret-word")),
        (M, mailgun({"event": "delivered"}, key="wrong")),
        (M, dataclasses.replace(mailgun({}), body=b"[]")),
        (M, dataclasses.replace(mailgun({}), body=b"\xff")),
        (M, dataclasses.replace(mailgun({}), headers={})),
        (S, sendgrid({"event": "delivered"}, key=ec.generate_private_key(ec.SECP256R1()))),
        (S, dataclasses.replace(sendgrid({"event": "delivered"}), body=b"[]")),
        (S, dataclasses.replace(sendgrid({"event": "delivered"}), headers={"content-type": "application/json"})),
    ],
)
def test_a_webhook_that_is_not_the_providers_is_refused(provider: Provider, forged: Callback) -> None:
    with pytest.raises(ForgedCallback) as refused:
        receipts_of(provider, forged)
    assert "s3cret" not in str(refused.value)


READING = gateway(P)  # opens no connection


@given(st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b'{"RecordType": 7}', b'{"Metadata": 7}']))
def test_a_webhook_that_can_not_be_read_gives_nothing(body: bytes) -> None:
    assert list(READING.parse(dataclasses.replace(postmark({}), body=body))) == []


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=60), st.booleans())
def test_every_event_has_a_meaning_or_none(kind: str, reason: str, said: str, is_soft: bool) -> None:  # noqa: FBT001
    for one in (kind, "bounced", "rejected", "failed"):
        meaning = meaning_of(Event(kind=one, reason=reason, said=said, is_soft=is_soft))
        assert meaning is None or (meaning.kind is FAILED) is (meaning.retry_class is not None)
