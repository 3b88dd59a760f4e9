"""What a mail looks like on the wire, and what may not get into it."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.channels.samples import MAIL
from urgentaction.channels.contract import Attachment, OutgoingEmail
from urgentaction.channels.email.message import compose, dot_stuff
from urgentaction.core.errors import InvalidInput

UNSUBSCRIBE = (
    ("List-Id", "Urgent Action <alerts.urgentaction.invalid>"),
    ("List-Unsubscribe", f"<https://urgentaction.invalid/u/{'t' * 180}>, <mailto:u@urgentaction.invalid>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
)


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def composed(outgoing: OutgoingEmail) -> EmailMessage:
    return read(compose(outgoing, is_8bit=True, is_utf8=False))


def test_headers() -> None:
    message = composed(dataclasses.replace(MAIL, language="ko", headers=UNSUBSCRIBE, sender_name="긴급행동, 서울"))
    assert message["From"].addresses[0].display_name == "긴급행동, 서울"
    assert message["From"].addresses[0].addr_spec == MAIL.sender
    assert [address.addr_spec for address in message["To"].addresses] == [MAIL.to]
    assert message["Reply-To"] == MAIL.reply_to
    assert message["Date"].datetime == MAIL.date
    assert message["Message-ID"] == MAIL.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "ko"
    assert message["Return-Path"] is None


def test_a_long_unsubscribe_link_stays_readable_for_mail_programs() -> None:
    content = compose(dataclasses.replace(MAIL, headers=UNSUBSCRIBE), is_8bit=False, is_utf8=False)
    head = content.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ")
    for name, value in UNSUBSCRIBE:
        assert f"{name}: {value}" in head.splitlines()


def test_bodies_and_attachment() -> None:
    letter = Attachment("편지.pdf", "application/pdf", b"%PDF-1.7 \x00\xff")
    message = composed(dataclasses.replace(MAIL, text="안녕\n", html="<p>안녕</p>", attachments=(letter,)))
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["안녕"]
    assert html.get_content().strip() == "<p>안녕</p>"
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content_type()) == ("편지.pdf", "application/pdf")
    assert attachment.get_content() == letter.content


def test_without_8bitmime_everything_is_ascii() -> None:
    mail = dataclasses.replace(MAIL, text="안녕하십니까\n", html="<p>안녕</p>", subject="긴급")
    assert compose(mail, is_8bit=False, is_utf8=False).isascii()
    assert "안녕하십니까".encode() in compose(mail, is_8bit=True, is_utf8=False)


@given(
    text=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300),
    subject=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=120),
    is_8bit=st.booleans(),
)
def test_any_text_arrives_as_written(text: str, subject: str, is_8bit: bool) -> None:  # noqa: FBT001
    content = compose(dataclasses.replace(MAIL, text=f"{text}\n", subject=subject), is_8bit=is_8bit, is_utf8=False)
    assert read(content).get_content().replace("\r\n", "\n") == f"{text}\n"
    assert read(content)["To"] == MAIL.to
    head = content.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize(
    "field", ["to", "sender", "sender_name", "reply_to", "return_path", "message_id", "subject", "language"]
)
def test_nothing_breaks_out_of_its_header(field: str, break_: str) -> None:
    original = str(getattr(MAIL, field))
    change: dict[str, Any] = {field: f"{original}{break_}Bcc: everybody@office.invalid"}
    mail = dataclasses.replace(MAIL, **change)
    with pytest.raises(InvalidInput) as caught:
        compose(mail, is_8bit=True, is_utf8=False)
    assert caught.value.problems[0].field == field
    assert "everybody" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"headers": (("X-Note", "a\r\nBcc: b@x.invalid"),)},
        {"headers": (("X Note", "a"),)},
        {"headers": (("Bcc:", "a"),)},
        {"headers": (("BCC", "b@x.invalid"),)},
        {"headers": (("Content-Type", "text/html"),)},
        {"headers": (("X-Long", "x" * 2000),)},
        {"attachments": (Attachment("a\r\nb.pdf", "application/pdf", b""),)},
        {"attachments": (Attachment("a.pdf", "application/pdf\r\nX: y", b""),)},
        {"attachments": (Attachment("a.pdf", "multipart/mixed", b""),)},
        {"attachments": (Attachment("a.pdf", "pdf", b""),)},
        {"to": "a@x.invalid> SIZE=1 <b@x.invalid"},
        {"to": ""},
        {"date": MAIL.date.replace(tzinfo=None)},
    ],
)
def test_a_malformed_message_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        compose(dataclasses.replace(MAIL, **change), is_8bit=True, is_utf8=False)


def unstuffed(stuffed: bytes) -> bytes:
    lines = stuffed.split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


PIECES = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"..", b"a", "안".encode(), b"\r\n.\r\n"]), max_size=30)


@given(pieces=PIECES)
def test_dot_stuffing_round_trip(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    stuffed = dot_stuff(content)
    assert stuffed.endswith(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + stuffed, "no final dot before the end"
    assert b"\n" not in stuffed.replace(b"\r\n", b"")
    assert b"\r" not in stuffed.replace(b"\r\n", b"")
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    expected = lines if lines.endswith(b"\n") else lines + b"\n"
    assert unstuffed(stuffed) == expected.replace(b"\n", b"\r\n")
