"""The sink that every contender of the fan-out sends to: it counts right, whatever pieces the bytes come in."""

from __future__ import annotations

import itertools
import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sink import Books, Connection
from benchmarks.sink_program import SinkProgram


@pytest.fixture
def sink() -> Iterator[SinkProgram]:
    with SinkProgram() as program:
        yield program


def connection(books: Books) -> Connection:
    end, _other = socket.socketpair()
    end.close()
    _other.close()
    made = Connection(end, books, itertools.count(1))
    made.outgoing = b""
    return made


def mail(message: bytes, *, to: bytes = b"ada@domain.invalid") -> bytes:
    """An envelope, and the message with its dots doubled, as a client writes it (RFC 5321, section 4.5.2)."""
    stuffed = b"".join(b"." + line if line.startswith(b".") else line for line in message.splitlines(keepends=True))
    return b"MAIL FROM:<b@bounces.invalid> SIZE=5\r\nRCPT TO:<" + to + b">\r\nDATA\r\n" + stuffed + b".\r\n"


MESSAGES = st.lists(
    st.lists(st.sampled_from([b"", b".", b"..", b"x", b"Subject: y", b"\r", b".\r.", b"z" * 90]), max_size=6).map(
        lambda lines: b"".join(line + b"\r\n" for line in lines)
    ),
    max_size=4,
)


@given(messages=MESSAGES, cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=12), is_looking=st.booleans())
def test_every_cut_of_a_conversation_counts_the_same(
    *, messages: list[bytes], cuts: list[int], is_looking: bool
) -> None:
    wire = b"EHLO x\r\n" + b"".join(map(mail, messages)) + b"QUIT\r\n"
    places = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    books = Books()
    books.is_looking = is_looking
    one = connection(books)
    for start, end in itertools.pairwise(places):
        one.take(wire[start:end])
    count = len(messages)
    stuffed = [len(mail(message)) - len(mail(b"")) for message in messages]
    assert {name: books.counts[name] for name in ("mail", "rcpt", "data", "messages", "bytes")} == {
        "mail": count,
        "rcpt": count,
        "data": count,
        "messages": count,
        "bytes": sum(stuffed),
    }
    assert one.done
    codes = [line[:3] for line in one.outgoing.splitlines() if line[3:4] == b" "]
    assert codes == [b"250", *([b"250", b"250", b"354", b"250"] * count), b"221"]


def test_it_takes_mail_from_the_standard_library(sink: SinkProgram) -> None:
    message = EmailMessage()
    message["Message-ID"] = "<one@bounces.invalid>"
    message["Subject"] = "A line"
    message.set_content("First\n.\n..\nlast\n")
    with smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test.invalid") as server:
        server.ehlo()
        assert {"pipelining", "8bitmime", "size"} <= server.esmtp_features.keys()
        sink.look(is_on=True)
        server.send_message(message, "b@bounces.invalid", ["ada@domain.invalid"])
        server.send_message(message, "b@bounces.invalid", ["ada@domain.invalid"])
        server.send_message(message, "b@bounces.invalid", ["bob@domain.invalid"])
    counts = sink.counts()
    assert (counts["connections"], counts["mail"], counts["rcpt"], counts["messages"]) == (1, 3, 3, 3)
    looked = sink.looked()
    assert looked == {
        "messages": 3,
        "message_ids": 1,
        "recipients": 2,
        "repeats": {"<one@bounces.invalid>": 3},
        "different": [],
    }
    assert sink.sample().startswith(b"Message-ID: <one@bounces.invalid>\r\n")


def test_it_answers_to_a_pipelined_batch_in_order(sink: SinkProgram) -> None:
    with socket.create_connection(("127.0.0.1", sink.port), timeout=10) as wire, wire.makefile("rb") as answers:
        assert answers.readline().startswith(b"220 ")
        wire.sendall(mail(b"Subject: 1\r\n\r\nx\r\n") * 3 + b"DATA\r\nRSET\r\nNONSENSE\r\n")
        codes = [answers.readline()[:3] for _ in range(3 * 4 + 3)]
    assert codes == [b"250", b"250", b"354", b"250"] * 3 + [b"503", b"250", b"502"]
    assert sink.counts()["messages"] == 3


def test_a_client_that_reads_late_gets_every_answer(sink: SinkProgram) -> None:
    count = 200_000
    with socket.create_connection(("127.0.0.1", sink.port), timeout=30) as wire:
        wire.settimeout(30)
        sent = memoryview(b"NOOP\r\n" * count)
        answers = b""
        wire.setblocking(False)
        while answers.count(b"\r\n", -200) == 0 or len(answers) < count * len(b"250 2.0.0 Ok\r\n"):
            with_room = sent[: 1 << 16]
            try:
                sent = sent[wire.send(with_room) :] if with_room else sent
            except BlockingIOError:
                wire.setblocking(True)
                answers += wire.recv(1 << 20)
                wire.setblocking(False)
            if not sent:
                wire.setblocking(True)
                answers += wire.recv(1 << 20)
    assert answers.count(b"250 2.0.0 Ok\r\n") == count


def test_counts_begin_again(sink: SinkProgram) -> None:
    with smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test.invalid") as server:
        server.sendmail("b@bounces.invalid", ["ada@domain.invalid"], "Subject: x\r\n\r\ny\r\n")
    sink.reset()
    assert sink.counts()["messages"] == 0
    assert sink.looked()["recipients"] == 0


def test_it_ends_with_its_parent() -> None:
    sink = SinkProgram()
    sink.stop()
    assert sink.process.returncode == 0
    sink.stop()
