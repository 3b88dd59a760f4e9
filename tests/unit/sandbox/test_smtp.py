"""The SMTP server as a client sees it: on a raw socket where the order of bytes counts, else through smtplib."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.unit.sandbox.running import Sandbox, mail, running

BODY = b"Message-ID: <raw@mail.test>\r\nSubject: raw\r\n\r\nhello\r\n..two dots\r\n"


class Wire:
    """A connection on which we say exactly what we mean."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._socket = socket.create_connection((sandbox.ready["smtp_host"], sandbox.ready["smtp_port"]), timeout=10)
        self._file = self._socket.makefile("rb")
        assert self.reply().startswith("220 ")

    def say(self, *lines: str | bytes) -> None:
        """All lines in one write."""
        self._socket.sendall(b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines))

    def reply(self) -> str:
        """One reply, its lines joined; nothing when the server has hung up."""
        lines = []
        while line := self._file.readline().decode().rstrip("\r\n"):
            lines.append(line)
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def replies(self, number: int) -> list[str]:
        return [self.reply() for _ in range(number)]

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[Wire]:
    wire = Wire(sandbox)
    try:
        wire.say("EHLO client.test")
        wire.reply()
        yield wire
    finally:
        wire.close()


def test_what_ehlo_offers(sandbox: Sandbox) -> None:
    with sandbox.smtp() as client:
        client.ehlo()
        offered = client.esmtp_features
    assert {"pipelining", "enhancedstatuscodes", "8bitmime", "smtputf8", "auth"} <= offered.keys()
    assert offered["size"] == "26214400"
    assert {"PLAIN", "LOGIN"} == set(offered["auth"].split())
    assert "starttls" not in offered


def test_a_mail_is_kept_as_it_came(sandbox: Sandbox) -> None:
    with connected(sandbox) as wire:
        wire.say("MAIL FROM:<b-1@mail.test> BODY=8BITMIME", "RCPT TO:<raw@kept.invalid>", "DATA")
        assert [reply[:9] for reply in wire.replies(3)] == ["250 2.1.0", "250 2.1.5", "354 End d"]
        wire.say(BODY + b".")
        reply = wire.reply()
    (entry,) = sandbox.entries("raw@kept.invalid")
    stored = (sandbox.data / entry.file).read_bytes()
    assert reply == f"250 2.0.0 Ok: queued as {entry.ref}"
    assert stored == BODY.replace(b"..two", b".two")
    assert entry.sha256 == sha256(stored).hexdigest()
    assert entry.message_id == entry.reference == "<raw@mail.test>"
    assert sandbox.events("accepted", entry.ref)[0]["sender"] == "b-1@mail.test"


def test_envelopes_in_one_write_are_answered_in_order(sandbox: Sandbox) -> None:
    """RFC 2920: the next envelope may ride behind the final dot."""
    sandbox.script("email", "b@pipe.test", {"smtp": "550 5.1.1 no such user"})
    with connected(sandbox) as wire:
        wire.say("MAIL FROM:<s@mail.test>", "RCPT TO:<a@pipe.test>", "DATA")
        wire.replies(3)
        wire.say(BODY + b".", "MAIL FROM:<s@mail.test>", "RCPT TO:<b@pipe.test>", "DATA")
        answers = [reply[:9] for reply in wire.replies(4)]
        assert answers == ["250 2.0.0", "250 2.1.0", "550 5.1.1", "503 5.5.1"]
        wire.say("RSET", "MAIL FROM:<s@mail.test>", "RCPT TO:<c@pipe.test>", "DATA")
        assert [reply[:3] for reply in wire.replies(4)] == ["250", "250", "250", "354"]
    assert len(sandbox.entries("a@pipe.test")) == 1
    assert not sandbox.entries("b@pipe.test")
    assert not sandbox.entries("c@pipe.test"), "its data never came"


def test_a_354_to_nobody_ends_with_a_lone_dot(sandbox: Sandbox) -> None:
    sandbox.script("email", "x@pipe.test", {"smtp": "550 5.1.1 no such user", "then_354": True})
    with connected(sandbox) as wire:
        wire.say("MAIL FROM:<s@mail.test>", "RCPT TO:<x@pipe.test>", "DATA")
        assert [reply[:3] for reply in wire.replies(3)] == ["250", "550", "354"]
        wire.say(".", "MAIL FROM:<s@mail.test>", "RCPT TO:<x@pipe.test>")
        assert [reply[:9] for reply in wire.replies(3)] == ["554 5.5.1", "250 2.1.0", "250 2.1.5"]


def test_every_refusal_of_its_own_carries_an_enhanced_code(sandbox: Sandbox) -> None:
    with connected(sandbox) as wire:
        wire.say("DATA", "MAIL", "MAIL FROM:<s@mail.test> SIZE=99999999", "NONSENSE", "NOOP", "VRFY a@b.test", "QUIT")
        codes = [reply.split()[1] for reply in wire.replies(7)]
    assert codes == ["5.5.1", "5.5.4", "5.3.4", "5.5.2", "2.0.0", "2.5.0", "2.0.0"]


def test_an_empty_return_path_is_taken(sandbox: Sandbox) -> None:
    with sandbox.smtp() as client:
        client.sendmail("<>", ["empty@kept.test"], BODY)
    (entry,) = sandbox.entries("empty@kept.test")
    assert sandbox.events("accepted", entry.ref)[0]["sender"] == ""


def test_letters_beyond_ascii_in_the_address(sandbox: Sandbox) -> None:
    with sandbox.smtp() as client:
        client.ehlo()
        client.sendmail("s@mail.test", ["대통령@kept.test"], BODY, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert len(sandbox.entries("대통령@kept.test")) == 1


def test_the_second_copy_of_a_mail_is_seen(sandbox: Sandbox) -> None:
    for _ in range(2):
        with sandbox.smtp() as client:
            client.send_message(mail("twice@kept.test", message_id="<same@mail.test>"), "s@mail.test")
    assert [entry.attempt_seen for entry in sandbox.entries("twice@kept.test")] == [1, 2]


def test_a_real_address_is_refused_whatever_the_script_says(sandbox: Sandbox) -> None:
    sandbox.script("email", "*", "ok", then="repeat")
    with sandbox.smtp() as client, pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        client.send_message(mail("president@president.go.kr"), "s@mail.test", ["president@president.go.kr"])
    code, text = caught.value.recipients["president@president.go.kr"]
    assert code == 550
    assert b"5.7.1 This is a sandbox" in text


@pytest.mark.parametrize("at", ["rcpt", "data", "final"])
def test_a_scripted_refusal_and_then_all_is_well(sandbox: Sandbox, at: str) -> None:
    address = f"{at}@later.test"
    sandbox.script("email", address, {"smtp": "451 4.7.1 greylisted, come back", "at": at})
    with sandbox.smtp() as client:
        with pytest.raises(smtplib.SMTPException, match="greylisted"):
            client.send_message(mail(address), "s@mail.test")
        assert not sandbox.entries(address)
        client.send_message(mail(address), "s@mail.test")
    assert [entry.attempt_seen for entry in sandbox.entries(address)] == [1]


def test_a_refusal_at_mail_goes_by_the_sender(sandbox: Sandbox) -> None:
    sandbox.script("email", "blocked@mail.test", {"smtp": "550 5.7.1 your reputation", "at": "mail"}, then="repeat")
    with sandbox.smtp() as client, pytest.raises(smtplib.SMTPSenderRefused, match=r"5\.7\.1 your reputation"):
        client.send_message(mail("a@kept.test"), "blocked@mail.test")


def test_421_in_the_middle_ends_the_connection(sandbox: Sandbox) -> None:
    sandbox.script("email", "middle@later.test", {"smtp": "421 4.3.2 shutting down"})
    with connected(sandbox) as wire:
        wire.say("MAIL FROM:<s@mail.test>", "RCPT TO:<middle@later.test>", "DATA")
        assert [reply[:3] for reply in wire.replies(3)] == ["250", "421", ""]


def test_taken_but_the_250_never_comes(sandbox: Sandbox) -> None:
    sandbox.script("email", "lost@reply.test", "drop_before_reply")
    with connected(sandbox) as wire:
        wire.say("MAIL FROM:<s@mail.test>", "RCPT TO:<lost@reply.test>", "DATA")
        wire.replies(3)
        wire.say(BODY + b".")
        assert wire.reply() == ""
    (entry,) = sandbox.entries("lost@reply.test")
    assert sandbox.events("fault", entry.ref)[0]["step"] == "drop_before_reply"


def test_dropped_before_it_was_taken(sandbox: Sandbox) -> None:
    sandbox.script("email", "gone@reply.test", "drop_before_accept")
    with sandbox.smtp() as client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail("gone@reply.test"), "s@mail.test")
    assert not sandbox.entries("gone@reply.test")


def test_taken_but_no_answer_at_all(sandbox: Sandbox) -> None:
    sandbox.script("email", "silent@reply.test", "timeout_after_acceptance")
    client = smtplib.SMTP(sandbox.ready["smtp_host"], sandbox.ready["smtp_port"], local_hostname="c.test", timeout=1)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        client.send_message(mail("silent@reply.test"), "s@mail.test")
    client.close()
    assert len(sandbox.entries("silent@reply.test")) == 1


def test_a_delay_comes_after_the_ledger(sandbox: Sandbox) -> None:
    sandbox.script("email", "slow@reply.test", {"delay_ms": 60_000})
    client = smtplib.SMTP(sandbox.ready["smtp_host"], sandbox.ready["smtp_port"], local_hostname="c.test", timeout=1)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        client.send_message(mail("slow@reply.test"), "s@mail.test")
    client.close()
    assert len(sandbox.entries("slow@reply.test")) == 1


def test_starttls_and_auth(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--smtp-tls", "--smtp-auth") as sandbox:
        context = ssl.create_default_context(cafile=sandbox.ready["smtp_certificate"])
        with sandbox.smtp() as client:
            with pytest.raises(smtplib.SMTPSenderRefused, match=r"5\.7\.0 Authentication required"):
                client.sendmail("s@mail.test", ["a@b.test"], BODY)
            assert "auth" not in client.esmtp_features
            client.starttls(context=context)
            client.ehlo()
            with pytest.raises(smtplib.SMTPAuthenticationError, match=r"5\.7\.8"):
                client.login("sandbox", "wrong")
            client.login("sandbox", "sandbox")
            client.sendmail("s@mail.test", ["a@b.test"], BODY)
        assert len(sandbox.entries("a@b.test")) == 1
