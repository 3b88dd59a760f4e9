"""The fault proxy itself: what each side of a broken connection sees, to the byte."""

from __future__ import annotations

import itertools
import queue
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos.proxy import Fault, FaultProxy, HttpWatch, SmtpWatch, Way
from tests.unit.channels.hostile import Server, http_answer

SECONDS = 5.0
FIN, RST, SILENCE = "fin", "rst", "silence"
ANSWER = b"answer: yes\r\n"
MESSAGE = b"Subject: x\r\n\r\n..dots\r\nend\r\n"
Heard = tuple[bytes, str]


def heard_until_the_end(connection: socket.socket, *, seconds: float = SECONDS) -> Heard:
    """Everything the other side said, and how it ended."""
    heard = b""
    connection.settimeout(seconds)
    try:
        while data := connection.recv(65_536):
            heard += data
    except TimeoutError:
        return heard, SILENCE
    except ConnectionError:
        return heard, RST
    return heard, FIN


class Peer:
    """The server behind the proxy: `greeting` first, then `replies` to what it heard; keeps what it heard."""

    def __init__(self, greeting: bytes, replies: dict[bytes, bytes]) -> None:
        self.ended: queue.Queue[Heard] = queue.Queue()
        self._greeting, self._replies = greeting, replies
        self.server = Server(self._serve)

    def _serve(self, connection: socket.socket) -> None:
        heard, ending = b"", FIN
        waiting = dict(self._replies)
        try:
            if self._greeting:
                connection.sendall(self._greeting)
            while data := connection.recv(65_536):
                heard += data
                while ready := next((end for end in waiting if end in heard), None):
                    connection.sendall(waiting.pop(ready))
        except ConnectionError:
            ending = RST
        self.ended.put((heard, ending))

    def saw(self) -> Heard:
        return self.ended.get(timeout=SECONDS)


@contextmanager
def rig(*, greeting: bytes = b"", replies: dict[bytes, bytes] | None = None) -> Iterator[tuple[FaultProxy, Peer]]:
    peer = Peer(greeting, replies or {})
    try:
        with FaultProxy("127.0.0.1", peer.server.port) as proxy:
            yield proxy, peer
    finally:
        peer.server.close()


def client(proxy: FaultProxy) -> socket.socket:
    connection = socket.create_connection((proxy.host, proxy.port), timeout=SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def split(data: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(borders) if a < b]


def test_without_a_fault_everything_passes_and_each_side_ends_for_itself() -> None:
    with rig(greeting=b"hello\r\n", replies={b"?": ANSWER}) as (proxy, peer), client(proxy) as ours:
        ours.sendall(b"question?")
        ours.shutdown(socket.SHUT_WR)
        assert heard_until_the_end(ours) == (b"hello\r\n" + ANSWER, FIN)
        assert peer.saw() == (b"question?", FIN)
        assert proxy.played == {}
        assert proxy.accepted == 1


def test_delay_holds_bytes_back_and_loses_none() -> None:
    with rig(replies={b"?": ANSWER}) as (proxy, _peer), client(proxy) as ours:
        proxy.arm(Fault.DELAY, seconds=0.05)
        began = time.monotonic()
        ours.sendall(b"question?")
        assert ours.recv(100) == ANSWER
        assert time.monotonic() - began >= 0.1, "once each way"
        assert proxy.played == {"delay": 1}, "counted once a connection"


def test_throttle_cuts_a_reply_into_reads() -> None:
    with rig(greeting=ANSWER) as (proxy, _peer):
        proxy.arm("throttle", way="down", size=3, seconds=0.03)
        with client(proxy) as ours:
            pieces = [ours.recv(100)]
            while sum(map(len, pieces)) < len(ANSWER):
                pieces.append(ours.recv(100))
            assert b"".join(pieces) == ANSWER
            assert len(pieces) > 1
            assert proxy.played["throttle"] == 1


@pytest.mark.parametrize(
    ("way", "server_hears", "client_hears"), [(Way.UP, b"qu", b""), (Way.DOWN, b"question?", ANSWER[:2])]
)
def test_drop_swallows_one_way_and_keeps_the_connection(way: Way, server_hears: bytes, client_hears: bytes) -> None:
    with rig(replies={b"?": ANSWER}) as (proxy, peer), client(proxy) as ours:
        proxy.arm(Fault.DROP, way=way, after=2)
        ours.sendall(b"question?")
        assert heard_until_the_end(ours, seconds=0.2) == (client_hears, SILENCE)
        ours.shutdown(socket.SHUT_WR)
        assert peer.saw() == (server_hears, FIN)
        assert proxy.played == {"drop": 1}


def test_half_close_upwards_ends_the_server_s_reading_only() -> None:
    with rig(greeting=b"hello\r\n", replies={b"que": ANSWER}) as (proxy, peer), client(proxy) as ours:
        proxy.arm(Fault.HALF_CLOSE, way=Way.UP, after=3)
        ours.sendall(b"question?")
        assert heard_until_the_end(ours) == (b"hello\r\n" + ANSWER, FIN)
        assert peer.saw() == (b"que", FIN)
        assert proxy.played == {"half_close": 1}


def test_half_close_downwards_ends_the_client_s_reading_only() -> None:
    with rig(greeting=b"hello\r\n") as (proxy, peer):
        proxy.arm(Fault.HALF_CLOSE, way=Way.DOWN, after=2)
        with client(proxy) as ours:
            assert heard_until_the_end(ours) == (b"he", FIN)
            ours.sendall(b"still heard")
            ours.shutdown(socket.SHUT_WR)
            assert peer.saw() == (b"still heard", FIN)
            assert proxy.played == {"half_close": 1}


def test_reset_reaches_both_sides() -> None:
    with rig() as (proxy, peer), client(proxy) as ours:
        proxy.arm(Fault.RESET, after=3)
        ours.sendall(b"question?")
        assert heard_until_the_end(ours) == (b"", RST)
        assert peer.saw() == (b"que", RST)
        assert proxy.played == {"reset": 1}


def test_a_black_hole_takes_everything_and_says_nothing() -> None:
    with rig(greeting=b"hello\r\n") as (proxy, peer):
        proxy.arm(Fault.BLACK_HOLE)
        with client(proxy) as ours, client(proxy) as next_one:
            ours.sendall(b"question?")
            assert next_one.recv(100) == b"hello\r\n", "one connection was asked for, one was swallowed"
            assert heard_until_the_end(ours, seconds=0.1) == (b"", SILENCE)
            assert peer.server.connections == 1
            assert proxy.played == {"black_hole": 1}


def test_refuse_stops_listening_and_clear_listens_again_at_the_same_port() -> None:
    with rig(greeting=b"hello\r\n") as (proxy, _peer), client(proxy) as before:
        assert before.recv(100) == b"hello\r\n"
        port = proxy.port
        proxy.arm(Fault.REFUSE)
        proxy.arm(Fault.REFUSE)
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                client(proxy)
        assert proxy.played == {"refuse": 1}
        proxy.clear()
        assert proxy.port == port
        with client(proxy) as after:
            assert after.recv(100) == b"hello\r\n"


@settings(max_examples=25, deadline=None)
@given(
    data=st.binary(min_size=1, max_size=300),
    limit=st.integers(1, 320),
    places=st.lists(st.integers(0, 300), max_size=4),
)
def test_cut_lets_exactly_so_many_bytes_go_up(data: bytes, limit: int, places: list[int]) -> None:
    with rig() as (proxy, peer), client(proxy) as ours:
        proxy.arm(Fault.CUT, after=limit)
        try:
            for piece in split(data, places):
                ours.sendall(piece)
            ours.shutdown(socket.SHUT_WR)
        except OSError:
            assert proxy.played["cut"] == 1
        assert heard_until_the_end(ours)[0] == b""
        assert peer.saw() == (data[:limit], FIN)
        assert proxy.played["cut"] == (len(data) >= limit)


@settings(max_examples=25, deadline=None)
@given(data=st.binary(min_size=1, max_size=300), limit=st.integers(1, 320))
def test_cut_lets_exactly_so_many_bytes_come_down(data: bytes, limit: int) -> None:
    with rig(greeting=data) as (proxy, peer):
        proxy.arm("cut", way="down", after=limit)
        with client(proxy) as ours:
            ours.shutdown(socket.SHUT_WR)
            assert heard_until_the_end(ours) == (data[:limit], FIN)
            assert peer.saw()[0] == b""
            assert proxy.played["cut"] == (len(data) >= limit)


def test_bytes_are_counted_from_when_the_fault_was_armed_and_clear_takes_it_back() -> None:
    with rig(replies={b"one": b"1", b"two": b"2"}) as (proxy, peer), client(proxy) as ours:
        proxy.arm(Fault.CUT, after=5)
        ours.sendall(b"one.")
        assert ours.recv(10) == b"1"
        proxy.clear()
        proxy.arm(Fault.CUT, after=5)
        ours.sendall(b"two.")
        assert ours.recv(10) == b"2"
        ours.sendall(b"three")
        assert heard_until_the_end(ours)[0] == b""
        assert peer.saw() == (b"one.two.t", FIN)


def test_a_fault_strikes_as_often_and_where_it_was_told_to() -> None:
    with rig(greeting=b"hello\r\n") as (proxy, _peer):

        def greetings(count: int) -> list[bytes]:
            heard = []
            for _ in range(count):
                with client(proxy) as ours:
                    ours.shutdown(socket.SHUT_WR)
                    heard.append(heard_until_the_end(ours)[0])
            return heard

        proxy.arm(Fault.CUT, way=Way.DOWN, times=2, skip=1)
        assert greetings(4) == [b"hello\r\n", b"", b"", b"hello\r\n"]
        proxy.clear()
        proxy.arm(Fault.CUT, way=Way.DOWN, connection=proxy.accepted + 2)
        assert greetings(3) == [b"hello\r\n", b"", b"hello\r\n"]
        proxy.clear()
        proxy.arm(Fault.CUT, way=Way.DOWN, times=None)
        assert greetings(3) == [b"", b"", b""]
        assert proxy.played["cut"] == 6


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE_DOT, Fault.CUT_AFTER_DOT])
@pytest.mark.parametrize("pieces", [[], [-4], [-3], [-2], [-1], [-3, -2, -1], list(range(len(MESSAGE) + 3))])
def test_the_cut_at_the_final_dot(fault: Fault, pieces: list[int]) -> None:
    with rig(replies={b"DATA\r\n": b"354 go on\r\n", b"\r\n.\r\n": b"250 queued\r\n"}) as (proxy, peer):
        proxy.arm(fault)
        with client(proxy) as ours:
            ours.sendall(b"DATA\r\n")
            assert ours.recv(100) == b"354 go on\r\n"
            for piece in split(MESSAGE + b".\r\n", pieces):
                ours.sendall(piece)
            assert heard_until_the_end(ours)[0] == b""
            dot = b".\r\n" if fault is Fault.CUT_AFTER_DOT else b""
            assert peer.saw()[0] == b"DATA\r\n" + MESSAGE + dot
            assert proxy.played == {fault.value: 1}


def test_a_later_final_dot_on_the_same_connection() -> None:
    replies = {b"DATA one\r\n": b"354 a\r\n", b"1\r\n.\r\n": b"250 a\r\n", b"DATA two\r\n": b"354 b\r\n"}
    with rig(replies={**replies, b"2\r\n.\r\n": b"250 b\r\n"}) as (proxy, peer), client(proxy) as ours:
        proxy.arm(Fault.CUT_AFTER_DOT, skip=1)
        for said, wanted in [(b"DATA one\r\n", b"354 a"), (b"1\r\n.\r\n", b"250 a"), (b"DATA two\r\n", b"354 b")]:
            ours.sendall(said)
            assert ours.recv(100).startswith(wanted)
        ours.sendall(b"2\r\n.\r\n")
        assert heard_until_the_end(ours)[0] == b""
        assert peer.saw()[0].endswith(b"2\r\n.\r\n")
        assert proxy.played == {"cut_after_dot": 1}


SCRAPS = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"\r\n.\r", b"\r\n.\r\n", b"a"]), max_size=12)


@settings(max_examples=300, deadline=None)
@given(scraps=SCRAPS, places=st.lists(st.integers(0, 40), max_size=8), reply=st.lists(st.integers(0, 30), max_size=3))
def test_the_dot_is_found_across_any_splits(scraps: list[bytes], places: list[int], reply: list[int]) -> None:
    watch, stream = SmtpWatch(), b"".join(scraps)
    for piece in split(b"250-354 is no code\r\n354 go\r\n", reply):
        watch.heard(piece)
    found = re.search(rb"(?:\A|\r\n)\.\r\n", stream)
    end = found.end() if found else None
    before, dot, behind = b"", b"", b""
    for piece in split(stream, places):
        a, b, c = watch.said(piece)
        before, dot, behind = before + (a if not dot else b""), dot + b, behind + (a if dot else c)
    assert before + watch.held + dot + behind == stream, "nothing is lost, nothing changes places"
    if end is None:
        assert dot == b""
    else:
        assert (before, dot, behind) == (stream[: end - 3], b".\r\n", stream[end:])


def test_no_dot_counts_before_a_354() -> None:
    assert SmtpWatch().said(b"EHLO x\r\n.\r\n") == (b"EHLO x\r\n.\r\n", b"", b"")


REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(REQUESTS), max_size=3), st.lists(st.integers(0, 300), max_size=8))
def test_requests_are_counted_across_any_splits(requests: list[bytes], places: list[int]) -> None:
    watch = HttpWatch()
    assert sum(watch.said(piece) for piece in split(b"".join(requests), places)) == len(requests)


@pytest.mark.parametrize("said", [*(request[:-1] for request in REQUESTS), b"EHLO x\r\n\r\n"])
def test_half_a_request_and_other_protocols_are_none(said: bytes) -> None:
    assert HttpWatch().said(said) == 0


@pytest.mark.parametrize("places", [[], [10], [-1]])
def test_the_cut_between_a_request_and_its_answer(places: list[int]) -> None:
    first, second = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nend"
    replies = {b"GET": http_answer(200, b"first"), b"end": http_answer(200, b"second")}
    with rig(replies=replies) as (proxy, peer), client(proxy) as ours:
        proxy.arm(Fault.CUT_ANSWER, skip=1)
        ours.sendall(first)
        assert ours.recv(1000) == http_answer(200, b"first")
        for piece in split(second, places):
            ours.sendall(piece)
        assert heard_until_the_end(ours)[0] == b""
        assert peer.saw()[0] == first + second
        assert proxy.played == {"cut_answer": 1}


def test_an_answer_to_half_a_request_is_let_through() -> None:
    with rig(replies={b"POST": http_answer(401)}) as (proxy, _peer), client(proxy) as ours:
        proxy.arm(Fault.CUT_ANSWER)
        ours.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        assert ours.recv(1000) == http_answer(401)
        assert proxy.played == {}


def test_a_server_that_is_not_there_is_a_reset() -> None:
    with FaultProxy("127.0.0.1", 1) as proxy, pytest.raises(ConnectionResetError), client(proxy) as ours:
        ours.recv(100)


def test_only_this_machine_is_forwarded_to() -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.1"):
        FaultProxy("192.0.2.1", 25)


def test_an_unknown_fault_is_the_caller_s_mistake() -> None:
    with rig() as (proxy, _peer), pytest.raises(ValueError, match="flood"):
        proxy.arm("flood")


def descriptors() -> int:
    """How many this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_closing_leaves_no_thread_and_no_socket() -> None:
    before = threading.active_count(), descriptors()
    with rig(greeting=b"hello\r\n") as (proxy, peer):
        proxy.arm(Fault.BLACK_HOLE, skip=1)
        with client(proxy) as ours, client(proxy) as swallowed:
            assert ours.recv(100) == b"hello\r\n"
            swallowed.sendall(b"?")
            proxy.close()
            proxy.close()
            assert heard_until_the_end(ours) == (b"", RST)
            assert heard_until_the_end(swallowed) == (b"", RST)
            assert peer.saw() == (b"", RST)
    assert (threading.active_count(), descriptors()) == before
