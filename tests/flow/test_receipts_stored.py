"""What is kept of a callback: nothing that a person wrote in clear, and nothing that harms who reads it."""

from __future__ import annotations

import unicodedata

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import Callback, Capabilities, Channel, ReceiptKind
from urgentaction.channels.contract import Receipt as Event
from urgentaction.channels.wording import printable
from urgentaction.core import clock
from urgentaction.receipts import storing
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.receipts.storing import printable_body, store_callback


class Reporting:
    """A gateway whose callbacks hold just this event."""

    name, channel, capabilities = "twilio", Channel.SMS, Capabilities(has_callbacks=True)

    def __init__(self, event: Event) -> None:
        self.event = event

    def parse(self, _callback: Callback) -> list[Event]:
        return [self.event]


def store(monkeypatch: pytest.MonkeyPatch, event: Event, *, body: bytes = b"") -> Receipt:
    """As if a gateway had signed it."""
    monkeypatch.setattr(storing, "gateway_named", lambda _name: Reporting(event))
    callback = Callback(url="https://x.example/", headers={}, body=body, received_at=clock.now())
    assert store_callback("twilio", callback) == 1
    return Receipt.objects.latest("received_at")


@pytest.mark.django_db
def test_what_a_person_wrote_stands_nowhere_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "my brother is held at Tumen"
    event = Event(event_id="i", kind=ReceiptKind.INBOUND, address="+442079460900", text=words)
    row = store(monkeypatch, event, body=words.encode())
    assert row.text == ""
    assert row.raw == words
    with connection.cursor() as cursor:
        cursor.execute("SELECT receipts_receipt::text FROM receipts_receipt")
        (stored,) = cursor.fetchone()
    assert "Tumen" not in stored
    assert words.encode().hex() not in stored


@pytest.mark.django_db
def test_control_characters_in_a_signed_callback_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    nasty = "a\x00b\x1b[2J\ud800\n"
    event = Event(
        event_id=nasty, kind=ReceiptKind.FAILED, ref=nasty, reference=nasty, code=nasty, text=nasty, address=nasty
    )
    row = store(monkeypatch, event, body=b"a\x00b\x1b\xff\r\n\tc")
    row.refresh_from_db()
    for kept in (row.event_id, row.ref, row.reference, row.code, row.text, row.address):
        assert kept == "a\ufffdb\ufffd[2J\ufffd\ufffd"
    assert row.raw == "a\ufffdb\ufffd\ufffd\r\n\tc"
    apply_pending()
    row.refresh_from_db()
    assert row.applied_at is not None


def test_ordinary_text_is_left_as_it_is() -> None:
    text = "Arrêt! 그만 — 退订 👩‍👩‍👧"
    assert printable(text) == printable_body(text) == text


@given(st.text(st.one_of(st.characters(categories=["Cc", "Cs"]), st.characters(codec="utf-8"))))
def test_of_any_text_only_what_can_not_be_kept_is_replaced(text: str) -> None:
    bad = {character for character in text if unicodedata.category(character) in ("Cc", "Cs")}
    assert printable(text) == "".join("\ufffd" if one in bad else one for one in text)
    bad -= set("\t\n\r")
    assert printable_body(text) == "".join("\ufffd" if one in bad else one for one in text)
