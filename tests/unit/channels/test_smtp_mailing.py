"""Mailings over SMTP: what arrives, over which connections, and what stays here."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Callable

import pytest

from tests.unit.channels.hostile import HANG_UP, Server, SmtpScript
from tests.unit.channels.notices import (
    GOES_ON,
    IN_TURN,
    NOTICE,
    PIPELINING,
    copies,
    everybody,
    kinds,
    read,
    sent,
    text_of,
)
from tests.unit.channels.samples import MAIL
from urgentaction.channels.contract import Accepted, Refused, RetryClass
from urgentaction.channels.email.smtp import lane, pool
from urgentaction.channels.email.smtp.gateway import SmtpGateway
from urgentaction.channels.mailing import written_out
from urgentaction.core.errors import ConfigurationError

Start = Callable[[SmtpScript], Server]
Serve = Callable[[Callable[[socket.socket], None]], Server]
Mailer = Callable[..., SmtpGateway]

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture(params=[PIPELINING, IN_TURN], ids=["pipelined", "in turn"])
def features(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


@pytest.mark.parametrize("is_dribbling", [False, True])
def test_everybody_gets_their_own_copy(
    start: Start,
    features: tuple[str, ...],
    is_dribbling: bool,  # noqa: FBT001
    mailer: Mailer,
) -> None:
    script, window = SmtpScript(features, is_dribbling=is_dribbling), copies(6)
    server = start(script)
    assert sent(mailer(server.port), window) == everybody(window)
    for copy, content in zip(window, script.messages, strict=True):
        assert read(content)["To"] == copy.to
        assert read(content)["Message-ID"] == copy.message_id
        assert text_of(content) == written_out(NOTICE, copy).text
        place = script.commands.index(f"RCPT TO:<{copy.to}>")
        envelope = f"MAIL FROM:<{copy.return_path}> SIZE={len(content) + 1} BODY=8BITMIME"
        assert script.commands[place - 1 : place + 2 : 2] == [envelope, "DATA"], "one dot of it was stuffed"
    assert server.connections == 1


def test_without_8bitmime_everything_has_seven_bits(start: Start, mailer: Mailer) -> None:
    script, window = SmtpScript(("PIPELINING",)), copies(3)
    assert sent(mailer(start(script).port), window) == everybody(window)
    assert all(content.isascii() for content in script.messages)
    assert script.commands[1] == f"MAIL FROM:<{window[0].return_path}>"
    assert [text_of(content) for content in script.messages] == [written_out(NOTICE, copy).text for copy in window]


@pytest.mark.parametrize(
    ("reply", "ref"),
    [
        (b"250 2.0.0 Ok: queued as 4F1c2-X\r\n", "4F1c2-X"),
        (b"250 OK id=1qXyz-0001-AB\r\n", "1qXyz-0001-AB"),
        (b"250-2.0.0 Ok\r\n250 queued as ABCDEF\r\n", "ABCDEF"),
        (b"250\r\n", ""),
        (b"250 \xff\xfe\r\n", ""),
    ],
)
def test_the_queue_id_is_the_reference(
    start: Start, features: tuple[str, ...], reply: bytes, ref: str, mailer: Mailer
) -> None:
    window = copies(3)
    outcomes = sent(mailer(start(SmtpScript(features, {"DOT": [reply] * 3})).port), window)
    assert outcomes == [Accepted(ref or copy.message_id) for copy in window]


def test_the_next_envelope_travels_with_the_message_before_it(mailer: Mailer, serve: Serve) -> None:
    """The server answers to a message only when it has read the next envelope, so whoever waits for it would fail."""
    seen: list[bytes] = []

    def dialogue(connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        connection.sendall(b"220 hi\r\n")
        stream.readline()
        connection.sendall(b"250-hi\r\n250 PIPELINING\r\n")
        for _ in range(3):
            stream.readline()
        connection.sendall(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        for number in range(4):
            while stream.readline() != b".\r\n":
                pass
            if number < 3:
                seen.append(b"".join(stream.readline() for _ in range(3)))
                connection.sendall(b"250 taken\r\n250 ok\r\n250 ok\r\n354 go on\r\n")
        connection.sendall(b"250 taken\r\n")
        stream.readline()

    window = copies(4)
    assert sent(mailer(serve(dialogue).port), window) == everybody(window)
    assert [f"<{copy.to}>".encode() in envelope for copy, envelope in zip(window[1:], seen, strict=True)] == [True] * 3


def test_without_pipelining_nothing_is_said_before_the_answer(mailer: Mailer, serve: Serve) -> None:
    ahead: list[bytes] = []

    def dialogue(connection: socket.socket) -> None:
        def say(words: bytes) -> None:
            threading.Event().wait(0.005)  # whatever is said too early has arrived by now
            connection.setblocking(False)
            try:
                ahead.append(connection.recv(1))
            except BlockingIOError:
                pass
            finally:
                connection.setblocking(True)
            connection.sendall(words)

        connection.sendall(b"220 hi\r\n")
        received = b""
        while data := connection.recv(65_536):
            received += data
            if not received.endswith(b"\r\n") or (b"\r\n\r\n" in received and not received.endswith(b"\r\n.\r\n")):
                continue
            say(GOES_ON if received == b"DATA\r\n" else b"250 ok\r\n")
            received = b""

    window = copies(3)
    assert sent(mailer(serve(dialogue).port), window) == everybody(window)
    assert ahead == []


@pytest.mark.parametrize("piece", [1, 97, 1000])
def test_what_the_kernel_takes_in_pieces_arrives_whole(
    start: Start, features: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, piece: int, mailer: Mailer
) -> None:
    monkeypatch.setattr(lane, "PIECE", piece)
    script, window = SmtpScript(features), copies(12)
    assert sent(mailer(start(script).port, connections="2"), window) == everybody(window)
    assert {str(read(content)["To"]) for content in script.messages} == {copy.to for copy in window}


def test_idle_connections_stay_open_between_windows(start: Start, features: tuple[str, ...], mailer: Mailer) -> None:
    server = start(SmtpScript(features))
    mail = mailer(server.port, connections="3")
    for number in range(3):
        assert kinds(sent(mail, copies(24, first=24 * number))) == [Accepted] * 24
    assert isinstance(mail.submit(MAIL), Accepted), "letters go over the same connections"
    assert server.connections == 3


def test_a_connection_idle_for_long_is_not_used_again(
    start: Start, monkeypatch: pytest.MonkeyPatch, mailer: Mailer
) -> None:
    server = start(SmtpScript(PIPELINING))
    mail = mailer(server.port)
    sent(mail, copies(2))
    monkeypatch.setattr(pool, "IDLE_SECONDS", -1.0)
    sent(mail, copies(2, first=2))
    assert server.connections == 2


def test_only_as_many_connections_as_a_window_needs(start: Start, mailer: Mailer) -> None:
    server = start(SmtpScript(PIPELINING))
    mail = mailer(server.port, connections="8")
    sent(mail, copies(2))
    assert server.connections == 1
    sent(mail, copies(60, first=2))
    assert server.connections == 8


def test_where_one_connection_works_that_one_is_used(start: Start, mailer: Mailer) -> None:
    full = b"421 4.7.0 too many connections\r\n+" + HANG_UP
    server = start(SmtpScript(PIPELINING, {"GREETING": [b"220 hi\r\n", full]}))
    mail = mailer(server.port, connections="8")
    for number in range(3):
        assert kinds(sent(mail, copies(40, first=40 * number))) == [Accepted] * 40
    assert server.connections == 2, "nor asked again soon"


@pytest.mark.parametrize("connections", ["1", "4"])
def test_what_may_not_be_begun_is_not_sent(
    start: Start, features: tuple[str, ...], connections: str, mailer: Mailer
) -> None:
    script, window = SmtpScript(features), copies(20)
    begun: list[int] = []

    def begin(place: int) -> bool:
        if len(begun) < 7:
            begun.append(place)
            return True
        return False

    told = dict(mailer(start(script).port, connections=connections).submit_mailing(NOTICE, window, begin))
    assert sorted(told) == sorted(begun) == list(range(7))
    assert kinds(list(told.values())) == [Accepted] * 7
    assert {str(read(content)["To"]) for content in script.messages} == {copy.to for copy in window[:7]}
    assert len([command for command in script.commands if command.startswith("MAIL")]) == 7


def test_an_envelope_is_begun_before_its_first_byte_leaves(
    start: Start, features: tuple[str, ...], mailer: Mailer
) -> None:
    script = SmtpScript(features)
    told_of: list[int] = []

    def begin(place: int) -> bool:
        assert f"RCPT TO:<person{place}@office.invalid>" not in script.commands
        told_of.append(place)
        return True

    sent(mailer(start(script).port), copies(6), begin=begin)
    assert told_of == list(range(6))


def test_a_copy_beyond_the_servers_limit_is_not_offered_to_it(start: Start, mailer: Mailer) -> None:
    window = copies(3)
    window[1] = dataclasses.replace(window[1], values=("x" * 900, window[1].values[1]))
    script = SmtpScript(("PIPELINING", "SIZE 2000"))
    outcomes = sent(mailer(start(script).port), window)
    assert kinds(outcomes) == [Accepted, Refused, Accepted]
    refused = outcomes[1]
    assert isinstance(refused, Refused)
    assert (refused.retry_class, refused.code) == (RetryClass.FIX_FIRST, "5.3.4")
    assert f"RCPT TO:<{window[1].to}>" not in script.commands


def test_addresses_beyond_ascii_go_by_themselves(start: Start, features: tuple[str, ...], mailer: Mailer) -> None:
    window = copies(5)
    window[1] = dataclasses.replace(window[1], to="사람@office.invalid")
    window[2] = dataclasses.replace(window[2], to="person2@예시.invalid")
    script = SmtpScript((*features, "SMTPUTF8"))
    assert sent(mailer(start(script).port), window) == everybody(window)
    assert script.commands[-2] == "RCPT TO:<사람@office.invalid>"
    assert "RCPT TO:<person2@xn--vv4b11d.invalid>" in script.commands
    without = sent(mailer(start(SmtpScript(features)).port), window)
    assert kinds(without) == [Accepted, Refused, Accepted, Accepted, Accepted]


@pytest.mark.parametrize(
    "change", [{"to": "a@office.invalid>\r\nRCPT TO:<b@office.invalid"}, {"return_path": "b c@office.invalid"}]
)
def test_a_copy_that_would_break_out_stays_here(start: Start, change: dict[str, str], mailer: Mailer) -> None:
    window = copies(3)
    window[1] = dataclasses.replace(window[1], **change)  # type: ignore[arg-type]
    script = SmtpScript(PIPELINING)
    outcomes = sent(mailer(start(script).port), window)
    assert kinds(outcomes) == [Accepted, Refused, Accepted]
    refused = outcomes[1]
    assert isinstance(refused, Refused)
    assert (refused.retry_class, refused.code) == (RetryClass.FIX_FIRST, "invalid-message")
    assert len([command for command in script.commands if command.startswith("RCPT")]) == 2


def test_a_mailing_that_can_not_be_compiled_says_so_for_everybody(start: Start, mailer: Mailer) -> None:
    broken = dataclasses.replace(NOTICE, key="broken", subject="Hello\r\nBcc: x@office.invalid")
    outcomes = sent(mailer(start(SmtpScript(PIPELINING)).port), copies(3), mailing=broken)
    assert {outcome.code for outcome in outcomes if isinstance(outcome, Refused)} == {"invalid-message"}
    assert kinds(outcomes) == [Refused] * 3


def test_nobody_to_write_to(start: Start, mailer: Mailer) -> None:
    server = start(SmtpScript(PIPELINING))
    assert sent(mailer(server.port), []) == []
    assert server.connections == 0


def test_the_number_of_connections_is_an_option(mailer: Mailer) -> None:
    assert mailer(25, connections="3").capabilities.at_once == 6
    with pytest.raises(ConfigurationError, match=r"URGENTACTION_SMTP_CONNECTIONS: '0' is not a number from 1 to 64"):
        mailer(25, connections="0")


def test_the_configured_patience_holds_for_mail(start: Start, monkeypatch: pytest.MonkeyPatch, mailer: Mailer) -> None:
    from urgentaction.channels.email.smtp import gateway as module

    monkeypatch.setattr(module, "DOT_SECONDS", 60.0)
    endpoint = mailer(25, gateway_timeout_seconds="7")._endpoint
    assert (endpoint.reply_seconds, endpoint.dot_seconds) == (7.0, 21.0)
    assert mailer(25, gateway_timeout_seconds="120")._endpoint.dot_seconds == 60.0
