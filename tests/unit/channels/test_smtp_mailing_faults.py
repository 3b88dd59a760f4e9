"""Mailings over SMTP against servers that misbehave: every copy ends on the right side of the point of no return."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from tests.unit.channels.hostile import HANG_UP, SILENCE, Server, SmtpScript, smtp_dialogue
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
)
from tests.unit.channels.samples import MAIL
from urgentaction.channels.contract import Accepted, Refused, RetryClass, Unknown
from urgentaction.channels.email.smtp.gateway import SmtpGateway

Start = Callable[[SmtpScript], Server]
Serve = Callable[[Callable[[socket.socket], None]], Server]
Mailer = Callable[..., SmtpGateway]

pytestmark = pytest.mark.usefixtures("patient")

#: More than the kernel keeps for a server that does not read.
LONG = dataclasses.replace(NOTICE, key="long", text=NOTICE.text + ("x" * 900 + "\n") * 9_000)


@pytest.fixture(params=[PIPELINING, IN_TURN], ids=["pipelined", "in turn"])
def features(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


@pytest.mark.parametrize(
    ("step", "reply", "code", "retry_class"),
    [
        ("MAIL", b"550 5.7.1 sender not allowed\r\n", "5.7.1", RetryClass.FIX_FIRST),
        ("MAIL", b"452 4.3.1 disk full\r\n", "4.3.1", RetryClass.SOON),
        ("RCPT", b"550 5.1.1 no such user\r\n", "5.1.1", RetryClass.NEVER),
        ("RCPT", b"452-4.2.2 full\r\n452 4.2.2 really\r\n", "4.2.2", RetryClass.LATER),
        ("RCPT", b"450 4.7.28 unusual rate\r\n", "4.7.28", RetryClass.THROTTLE),
        ("DATA", b"554 5.5.1 no valid recipients\r\n", "5.5.1", RetryClass.FIX_FIRST),
        ("DATA", b"451 4.3.0 queue file\r\n", "4.3.0", RetryClass.SOON),
        ("DOT", b"554 5.7.1 spam\r\n", "5.7.1", RetryClass.FIX_FIRST),
        ("DOT", b"451 4.3.0 disk\r\n", "4.3.0", RetryClass.SOON),
    ],
)
def test_a_refusal_costs_one(
    start: Start, features: tuple[str, ...], step: str, reply: bytes, code: str, retry_class: RetryClass, mailer: Mailer
) -> None:
    polite = GOES_ON if step == "DATA" else b"250 2.0.0 Ok\r\n"
    window = copies(5)
    server = start(script := SmtpScript(features, {step: [polite, polite, reply]}))
    outcomes = sent(mailer(server.port), window)
    refused = outcomes.pop(2)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.retry_class) == (code, retry_class)
    assert outcomes == everybody([*window[:2], *window[3:]])
    assert server.connections == 1
    arrived = [read(content)["To"] for content in script.messages if content]
    assert arrived == [copy.to for copy in window if step == "DOT" or copy is not window[2]]


@pytest.mark.parametrize("answer", [b"554 5.5.1 no valid recipients\r\n", b"250 2.0.0 Ok\r\n"])
def test_a_refused_recipient_is_not_mailed_although_data_is_granted(
    start: Start, answer: bytes, mailer: Mailer
) -> None:
    replies = {"RCPT": [b"250 ok\r\n", b"550 5.1.1 no\r\n"], "DOT": [b"250 ok\r\n", answer]}
    server = start(script := SmtpScript(PIPELINING, replies))
    outcomes = sent(mailer(server.port), copies(4))
    assert kinds(outcomes) == [Accepted, Refused, Accepted, Accepted]
    assert script.messages[1] == b"", "a lone dot"
    assert script.commands.count("RSET") == 1
    assert server.connections == 1


def test_all_recipients_refused_in_a_row(start: Start, features: tuple[str, ...], mailer: Mailer) -> None:
    server = start(script := SmtpScript(features, {"RCPT": [b"550 5.1.1 no\r\n"] * 6}))
    mail = mailer(server.port)
    assert kinds(sent(mail, copies(6))) == [Refused] * 6
    assert not any(script.messages)
    assert kinds(sent(mail, copies(2, first=6))) == [Accepted] * 2
    assert server.connections == 1


@pytest.mark.parametrize("connections", ["1", "3"])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
def test_421_in_the_middle_costs_one_at_most(
    start: Start, features: tuple[str, ...], step: str, connections: str, mailer: Mailer
) -> None:
    polite = GOES_ON if step == "DATA" else b"250 2.0.0 Ok\r\n"
    goodbye = b"421 4.3.2 shutting down\r\n+" + HANG_UP
    script, window = SmtpScript(features, {step: [polite] * 4 + [goodbye]}), copies(12)
    server = start(script)
    outcomes = Counter(kinds(sent(mailer(server.port, connections=connections), window)))
    assert outcomes == ({Accepted: 12} if step == "MAIL" else {Accepted: 11, Refused: 1})
    arrived = Counter(str(read(content)["To"]) for content in script.messages)
    assert set(arrived.values()) == {1}
    assert len(arrived) == (11 if step in {"RCPT", "DATA"} else 12)
    assert server.connections <= int(connections) + 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("end", [HANG_UP, SILENCE, b"what?\r\n+" + HANG_UP, b"what?\r\n"])
def test_what_breaks_costs_one_at_most(
    start: Start, features: tuple[str, ...], step: str, end: bytes, mailer: Mailer
) -> None:
    polite = GOES_ON if step == "DATA" else b"250 2.0.0 Ok\r\n"
    script, window = SmtpScript(features, {step: [polite, polite, end]}), copies(6)
    outcomes = sent(mailer(start(script).port), window)
    assert kinds(outcomes[:2] + outcomes[4:]) == [Accepted] * 4
    third, fourth = outcomes[2:4]
    if step == "DOT":
        assert isinstance(third, Unknown)
        # It was waiting behind the third; where the server is silent it has not got over its own envelope either.
        assert isinstance(fourth, Refused if end == SILENCE and features == PIPELINING else Accepted)
    else:
        assert isinstance(fourth, Accepted)
        assert isinstance(third, Accepted if step == "MAIL" and end == HANG_UP else Refused)
    arrived = Counter(str(read(content)["To"]) for content in script.messages)
    assert set(arrived.values()) == {1}, "never twice"
    for copy, outcome in zip(window, outcomes, strict=True):
        assert not (isinstance(outcome, Refused) and copy.to in arrived)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("goodbye", [HANG_UP, b"421 4.4.2 enough for one connection\r\n+" + HANG_UP])
def test_a_server_that_takes_so_many_a_connection_loses_nothing(
    start: Start, features: tuple[str, ...], goodbye: bytes, count: int, mailer: Mailer
) -> None:
    window = copies(9)
    script = SmtpScript(features, {"MAIL": [*([b"250 ok\r\n"] * count), goodbye] * 9})
    server = start(script)
    assert sent(mailer(server.port), window) == everybody(window)
    assert len(script.messages) == 9
    assert server.connections >= 9 // count


def test_a_server_that_hangs_up_after_the_answer_to_each_message(
    start: Start, features: tuple[str, ...], mailer: Mailer
) -> None:
    window = copies(5)
    server = start(script := SmtpScript(features, {"DOT": [b"250 2.0.0 Ok\r\n+" + HANG_UP] * 5}))
    outcomes = sent(mailer(server.port), window)
    # What the server had not read when it closed makes the end a reset, which may overtake the answer.
    assert set(kinds(outcomes)) <= {Accepted, Unknown}
    assert len(script.messages) == 5
    assert server.connections == 5


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_server_that_dribbles_an_answer_without_end_is_not_waited_for(
    step: str, mailer: Mailer, serve: Serve
) -> None:
    """Each byte comes well within the time for a reply; the reply never does."""
    polite = {"EHLO": b"250-hi\r\n250 PIPELINING\r\n", "DATA": GOES_ON}

    def dialogue(connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        connection.sendall(b"220 hi\r\n")
        for line in stream:
            verb = line[:4].decode().strip()
            if verb != step:
                connection.sendall(polite.get(verb, b"250 ok\r\n"))
            if verb == "DATA":
                while step == "DOT" and stream.readline() != b".\r\n":
                    pass
            if verb == step or (verb == "DATA" and step == "DOT"):
                while True:
                    connection.sendall(b"2")
                    threading.Event().wait(0.02)

    assert kinds(sent(mailer(serve(dialogue).port), copies(1))) == [Unknown if step == "DOT" else Refused]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("what", ["pipelined", "alone"])
def test_a_server_that_stops_reading_within_a_message_got_nothing(what: str, mailer: Mailer, serve: Serve) -> None:
    def dialogue(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream = connection.makefile("rb", buffering=0)
        connection.sendall(b"220 hi\r\n")
        for line in stream:
            verb = line[:4]
            connection.sendall(b"250-hi\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 ok\r\n")
            if verb == b"RCPT":
                stream.readline()
                connection.sendall(GOES_ON)
                threading.Event().wait(0.9)  # longer than anybody waits here
                return

    outcomes = sent(mailer(serve(dialogue).port), copies(2 if what == "pipelined" else 1), mailing=LONG)
    assert set(kinds(outcomes)) == {Refused}
    assert {outcome.code for outcome in outcomes if isinstance(outcome, Refused)} <= {"timeout"}
    assert all("Nothing was handed over" in outcome.text for outcome in outcomes if isinstance(outcome, Refused))


@pytest.mark.parametrize("words", [b"552 5.3.4 too big, stop\r\n", b"250 2.0.0 taken\r\n"])
def test_an_answer_in_the_middle_of_a_message(words: bytes, mailer: Mailer, serve: Serve) -> None:
    def dialogue(connection: socket.socket) -> None:
        stream = connection.makefile("rb", buffering=0)
        connection.sendall(b"220 hi\r\n")
        for line in stream:
            verb = line[:4]
            connection.sendall(b"250 PIPELINING\r\n" if verb == b"EHLO" else b"250 ok\r\n")
            if verb == b"RCPT":
                stream.readline()
                connection.sendall(GOES_ON)
                stream.read(10)
                connection.sendall(words)
                threading.Event().wait(0.2)
                return

    (outcome,) = sent(mailer(serve(dialogue).port), copies(1), mailing=LONG)
    assert isinstance(outcome, Refused)
    assert outcome.code == ("5.3.4" if words.startswith(b"552") else "garbled")


@pytest.mark.parametrize("features", [PIPELINING])
def test_what_is_said_behind_a_354_stops_the_message(start: Start, features: tuple[str, ...], mailer: Mailer) -> None:
    script = SmtpScript(features, {"DATA": [GOES_ON, GOES_ON + b"250 taken already\r\n"]})
    outcomes = sent(mailer(start(script).port), copies(4))
    assert kinds(outcomes) == [Accepted, Refused, Accepted, Accepted]
    refused = outcomes[1]
    assert isinstance(refused, Refused)
    assert refused.code == "garbled"


@pytest.mark.parametrize(
    "words", [b"250 2.0.0 taken\r\n", b"421 4.4.2 idle too long\r\n", b"421 bye\r\n+" + HANG_UP, HANG_UP]
)
def test_what_is_said_between_two_windows_ends_that_connection_and_nothing_else(
    start: Start, features: tuple[str, ...], words: bytes, mailer: Mailer
) -> None:
    script = SmtpScript(features, {"DOT": [b"250 ok\r\n", b"250 ok\r\n+" + HANG_UP if words == HANG_UP else b""]})
    if words != HANG_UP:
        script.replies["DOT"] = [b"250 ok\r\n", b"250 ok\r\n" + words]
    server = start(script)
    mail = mailer(server.port)
    first, second = copies(2), copies(3, first=2)
    assert kinds(sent(mail, first)) == [Accepted] * 2
    assert sent(mail, second) == everybody(second)
    assert server.connections == 2
    assert len(script.messages) == 5


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("greeting", [SILENCE, b"554 5.7.1 go away\r\n"])
def test_an_unreachable_server_is_asked_once_a_window(start: Start, greeting: bytes, mailer: Mailer) -> None:
    server = start(SmtpScript(PIPELINING, {"GREETING": [greeting]}))
    begun: list[int] = []

    def begin(place: int) -> bool:
        begun.append(place)
        return True

    korean = dataclasses.replace(copies(1)[0], to="사람@office.invalid")
    outcomes = sent(mailer(server.port), [*copies(30, first=1), korean], begin=begin)
    assert len({(o.retry_class, o.code) for o in outcomes if isinstance(o, Refused)}) == 1
    assert kinds(outcomes) == [Refused] * 31
    assert begun == list(range(31))
    assert server.connections == 1


def test_a_server_that_goes_away_in_the_middle_is_asked_once_more(
    start: Start, features: tuple[str, ...], mailer: Mailer
) -> None:
    replies = {"MAIL": [b"250 ok\r\n"] * 3 + [HANG_UP], "GREETING": [b"220 hi\r\n", HANG_UP]}
    server = start(SmtpScript(features, replies))
    outcomes = sent(mailer(server.port), copies(10))
    assert kinds(outcomes) == [Accepted] * 3 + [Refused] * 7
    assert server.connections == 2


def test_what_is_broken_off_leaves_no_half_used_connection(
    start: Start, features: tuple[str, ...], mailer: Mailer
) -> None:
    server = start(script := SmtpScript(features))
    mail = mailer(server.port, connections="2")

    def begin(place: int) -> bool:
        if place == 9:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        list(mail.submit_mailing(NOTICE, copies(20), begin))
    before = server.connections
    rest = mail.submit_mailing(NOTICE, copies(20, first=20), lambda _: True)
    next(rest)
    rest.close()  # type: ignore[attr-defined]  # a generator, which the contract does not promise
    assert kinds(sent(mail, copies(4, first=40))) == [Accepted] * 4
    assert server.connections > before + 1
    assert set(Counter(str(read(content)["To"]) for content in script.messages).values()) == {1}


@pytest.mark.parametrize("words", [b"250 2.0.0 taken\r\n", b"421 4.4.2 idle too long\r\n", b""])
def test_what_is_said_while_a_connection_is_idle_answers_nothing(words: bytes, mailer: Mailer, serve: Serve) -> None:
    """Taken for the answer to the next envelope, it would make every later answer speak of the wrong message."""
    may_speak, has_spoken = threading.Event(), threading.Event()
    script = SmtpScript(PIPELINING)
    polite = smtp_dialogue(script)

    def dialogue(connection: socket.socket) -> None:
        if may_speak.is_set():
            polite(connection)
            return
        speaking = threading.Thread(target=speak, args=(connection,))
        speaking.start()
        polite(connection)
        speaking.join()

    def speak(connection: socket.socket) -> None:
        may_speak.wait(20)
        connection.sendall(words)
        if not words:
            connection.shutdown(socket.SHUT_WR)
        has_spoken.set()

    server = serve(dialogue)
    mail = mailer(server.port)
    assert kinds(sent(mail, copies(2))) == [Accepted] * 2
    may_speak.set()
    assert has_spoken.wait(20)
    assert kinds(sent(mail, copies(3, first=2))) == [Accepted] * 3
    assert server.connections == 2
    assert isinstance(mail.submit(MAIL), Accepted)
