"""Many requests under way: how many, in which order, and what is left when something breaks in."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Self, cast
from urllib.parse import parse_qs

import httpx
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.channels.hostile import Server
from tests.unit.channels.samples import SMS, config
from urgentaction.channels import http
from urgentaction.channels.contract import (
    Accepted,
    Gateway,
    Outcome,
    OutgoingSms,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.registry import build
from urgentaction.channels.underway import Submit, Underway

AT_ONCE = 16
GIVE_UP = 20.0


@dataclass
class Api:
    """A Messages API that keeps connections; what it says to whom, and when, is the test's to decide.

    Attributes:
        decide: called for the n-th request (from 0) with the number it is for; the status to answer with.
        most: how many were under way together.
    """

    decide: Callable[[int, str], int] = lambda _n, _to: 201
    asked: list[str] = field(default_factory=list)
    underway: int = 0
    most: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        length = 0
        for line in stream:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            elif line == b"\r\n":
                form = stream.read(length)
                if len(form) < length:
                    return
                connection.sendall(self.answer(parse_qs(form.decode())["To"][0]))

    def answer(self, to: str) -> bytes:
        with self.changed:
            number = len(self.asked)
            self.asked.append(to)
            self.underway += 1
            self.most = max(self.most, self.underway)
            self.changed.notify_all()
        try:
            status = self.decide(number, to)
        finally:
            with self.changed:
                self.underway -= 1
                self.changed.notify_all()
        body = json.dumps({"sid": f"SM{to}"} if status == 201 else {"code": 20429, "message": "Too many"}).encode()
        return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def wait(self, is_true: Callable[[], bool]) -> None:
        """Until the API is in some state."""
        with self.changed:
            assert self.changed.wait_for(is_true, timeout=GIVE_UP)


@dataclass
class Begun:
    """As a caller keeps count."""

    places: list[int] = field(default_factory=list)

    def __call__(self, place: int) -> bool:
        self.places.append(place)
        return True


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Api, Gateway]]:
    monkeypatch.setattr(http, "READ_SECONDS", GIVE_UP)
    scripted = Api()
    server = Server(scripted.serve)
    base_url = f"http://127.0.0.1:{server.port}"
    options = {"base_url": base_url, "account_sid": "AC1", "auth_token": "token", "sender": "+12025550100"}
    gateway = build(config("twilio", {**options, "at_once": str(AT_ONCE)}))
    yield scripted, gateway
    gateway.close()
    server.close()


def messages(count: int) -> list[OutgoingSms]:
    numbers = [f"+1{202 + n // 100}55501{n % 100:02}" for n in range(count)]
    return [OutgoingSms(reference=f"d-{n}", attempt=1, to=to, text=SMS.text) for n, to in enumerate(numbers)]


def test_sixteen_are_under_way_and_never_more(api: tuple[Api, Gateway]) -> None:
    scripted, gateway = api
    is_full = threading.Event()

    def decide(number: int, _to: str) -> int:
        if number == AT_ONCE - 1:
            is_full.set()
        assert is_full.wait(GIVE_UP), "sixteen come before the first is answered"
        return 201

    scripted.decide = decide
    batch, begun = messages(300), Begun()
    told = list(gateway.submit_many(batch, begun))
    assert sorted(told) == [(place, Accepted(f"SM{sms.to}")) for place, sms in enumerate(batch)]
    assert begun.places == list(range(300))
    assert scripted.most == AT_ONCE
    assert len(scripted.asked) == 300
    assert gateway.capabilities.at_once == AT_ONCE


def test_connections_are_kept_from_batch_to_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Api()
    server = Server(scripted.serve)
    options = {"base_url": f"http://127.0.0.1:{server.port}", "account_sid": "AC1", "auth_token": "token"}
    gateway = build(config("twilio", {**options, "sender": "+12025550100", "at_once": "4"}))
    for _ in range(5):
        assert len(list(gateway.submit_many(messages(20), Begun()))) == 20
    assert server.connections <= 4
    gateway.close()
    server.close()


def test_answers_in_reverse_order_belong_to_the_right_message(api: tuple[Api, Gateway]) -> None:
    scripted, gateway = api
    turn = [AT_ONCE - 1]

    def decide(number: int, _to: str) -> int:
        scripted.wait(lambda: len(scripted.asked) == AT_ONCE and turn[0] == number)
        with scripted.changed:
            turn[0] -= 1
            scripted.changed.notify_all()
        return 201

    scripted.decide = decide
    batch = messages(AT_ONCE)
    told = list(gateway.submit_many(batch, Begun()))
    assert dict(told) == {place: Accepted(f"SM{sms.to}") for place, sms in enumerate(batch)}


def test_one_slow_answer_does_not_hold_up_the_others(api: tuple[Api, Gateway]) -> None:
    scripted, gateway = api
    batch, are_told = messages(100), threading.Event()
    scripted.decide = lambda _number, to: 201 if to != batch[3].to or are_told.wait(GIVE_UP) else 500
    told = []
    for each in gateway.submit_many(batch, Begun()):
        told.append(each)
        if len(told) == 99:
            are_told.set()
    assert told[-1] == (3, Accepted(f"SM{batch[3].to}"))
    assert len(told) == 100


@pytest.mark.parametrize(("status", "retry_class"), [(429, RetryClass.THROTTLE), (401, RetryClass.FIX_FIRST)])
def test_after_a_refusal_that_all_would_meet_no_more_is_begun(
    api: tuple[Api, Gateway], status: int, retry_class: RetryClass
) -> None:
    scripted, gateway = api
    scripted.decide = lambda number, _to: status if number == 40 else 201
    begun = Begun()
    told = dict(gateway.submit_many(messages(300), begun))
    assert sorted(told) == begun.places, "what was begun is brought to its end, and nothing else left"
    assert len(scripted.asked) == len(begun.places)
    assert 41 <= len(begun.places) <= 40 + AT_ONCE
    (refusal,) = (outcome for outcome in told.values() if isinstance(outcome, Refused))
    assert refusal.retry_class is retry_class
    assert len(list(gateway.submit_many(messages(5), Begun()))) == 5, "it is the caller who pauses the gateway"


def test_when_no_more_may_be_begun_what_is_under_way_is_finished(api: tuple[Api, Gateway]) -> None:
    scripted, gateway = api
    asked: list[int] = []

    def begin(place: int) -> bool:
        asked.append(place)
        return place < 50

    told = dict(gateway.submit_many(messages(300), begin))
    assert sorted(told) == list(range(50))
    assert asked == list(range(51)), "a no is final"
    assert len(scripted.asked) == 50


def test_a_batch_that_is_dropped_leaves_nothing_hanging(api: tuple[Api, Gateway]) -> None:
    scripted, gateway = api
    hold = threading.Event()
    scripted.decide = lambda number, _to: 201 if number < 20 or hold.wait(GIVE_UP) else 500
    begun = Begun()
    outcomes = gateway.submit_many(messages(300), begun)
    told = dict(next(outcomes) for _ in range(20))
    scripted.wait(lambda: scripted.underway > 0)
    outcomes.close()  # type: ignore[attr-defined]
    hold.set()
    in_doubt = set(begun.places) - set(told)
    assert 0 < len(in_doubt) <= AT_ONCE
    scripted.wait(lambda: scripted.underway == 0)
    taken = set(scripted.asked)
    assert taken <= {messages(300)[place].to for place in begun.places}, "what was not begun has not left"
    assert len(list(gateway.submit_many(messages(30), Begun()))) == 30


class Alarm:
    """Raises in this thread after some time, at whatever instruction it is, as a worker's time limit does."""

    def __init__(self, error: type[BaseException], *, after: float) -> None:
        self._error = error
        # To this thread, as it is the only one in a worker.
        strike = partial(signal.pthread_kill, threading.get_ident(), signal.SIGALRM)
        self._timer = threading.Timer(after, strike)

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGALRM, self._strike)
        self._timer.start()
        return self

    def _strike(self, _number: int, _frame: FrameType | None) -> None:
        raise self._error

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        signal.signal(signal.SIGALRM, self._before)


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded, KeyboardInterrupt])
def test_an_interruption_gets_through_while_all_are_silent(
    api: tuple[Api, Gateway], error: type[BaseException]
) -> None:
    scripted, gateway = api
    hold = threading.Event()
    scripted.decide = lambda _number, _to: 201 if hold.wait(GIVE_UP) else 500
    batch, begun, told = messages(300), Begun(), dict[int, Outcome]()
    with pytest.raises(error), Alarm(error, after=0.3):
        told.update(gateway.submit_many(batch, begun))
    hold.set()
    assert (len(begun.places), told) == (AT_ONCE, {})
    assert len(list(gateway.submit_many(messages(30), Begun()))) == 30


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded, KeyboardInterrupt])
def test_an_interruption_may_strike_anywhere(api: tuple[Api, Gateway], error: type[BaseException]) -> None:
    """In the loop, in the SDK, in httpx, in a callback: it is never swallowed, and the next batch works."""
    scripted, gateway = api
    chance, batch = random.Random(7), messages(2000)
    for _ in range(25):
        begun, told = Begun(), dict[int, Outcome]()
        before = len(scripted.asked)
        with pytest.raises(error), Alarm(error, after=chance.uniform(0.001, 0.12)):
            told.update(gateway.submit_many(batch, begun))
        assert set(told) <= set(begun.places)
        assert all(isinstance(outcome, Accepted) for outcome in told.values())
        assert len(begun.places) - len(told) <= AT_ONCE
        assert len(scripted.asked) - before <= len(begun.places), "each left at most once"
        assert dict(gateway.submit_many(batch[:3], Begun())).keys() == {0, 1, 2}


def test_a_connection_that_the_server_closed_in_between_costs_nothing(api: tuple[Api, Gateway]) -> None:
    _, gateway = api
    closed = threading.Semaphore(0)

    def answer_once(connection: socket.socket) -> None:
        connection.recv(65_536)
        body = b'{"sid": "SM1"}'
        connection.sendall(b"HTTP/1.1 201 X\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    server = Server(answer_once)
    options = {"base_url": f"http://127.0.0.1:{server.port}", "account_sid": "AC1", "auth_token": "token"}
    brief = build(config("twilio", {**options, "sender": "+12025550100", "at_once": "1"}))
    for _ in range(5):
        assert brief.submit(SMS) == Accepted("SM1")
        assert closed.acquire(timeout=GIVE_UP)
    brief.close()
    server.close()
    assert isinstance(gateway.submit(SMS), Accepted)


@pytest.mark.parametrize(("kind", "text"), [("twilio", "0"), ("twilio", "65"), ("telnyx", "17"), ("telnyx", "many")])
def test_how_many_is_bounded(kind: str, text: str) -> None:
    account = {"account_sid": "AC1", "auth_token": "t"} if kind == "twilio" else {"api_key": "k", "connection_id": "1"}
    key = {"public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="} if kind == "telnyx" else {}
    common = {"base_url": "http://127.0.0.1:1", "sender": "+12025550100", "at_once": text}
    with pytest.raises(Exception, match=r"(?i)at_once"):
        build(config(kind, {**account, **key, **common}))


# Without a network: every course a batch can take.


class NoClient:
    async def aclose(self) -> None:
        pass


OUTCOMES: list[Outcome | Exception] = [
    Accepted("x"),
    Unknown("silent"),
    Refused(RetryClass.NEVER, "1"),
    Refused(RetryClass.THROTTLE, "2"),
    Refused(RetryClass.FIX_FIRST, "3", is_about_us=True),
    Refused(RetryClass.FIX_FIRST, "4"),
    ZeroDivisionError("a bug"),
]
ENDS = {3, 4, 6}
courses = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 6]), st.integers(0, 5)), max_size=40)


@given(course=courses, at_once=st.integers(1, 6), limit=st.integers(0, 40))
def test_every_course(course: list[tuple[int, int]], at_once: int, limit: int) -> None:
    underway, most, done = 0, 0, Counter[int]()

    def speak(_client: httpx.AsyncClient) -> Submit[int]:
        async def submit(place: int) -> Outcome:
            nonlocal underway, most
            underway += 1
            most = max(most, underway)
            number, pause = course[place]
            for _ in range(pause):
                await asyncio.sleep(0)
            underway -= 1
            done[place] += 1
            outcome = OUTCOMES[number]
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return submit

    begun: list[int] = []
    told: dict[int, Outcome] = {}
    seen_end = False

    def begin(place: int) -> bool:
        assert not seen_end, "nothing after a refusal that concerns all"
        begun.append(place)
        return len(begun) <= limit

    requests = Underway[int](
        lambda number: cast("list[httpx.AsyncClient]", [NoClient()] * number), speak, carries=int, at_once=at_once
    )
    bugs = 0
    try:
        for place, outcome in requests.submit_many(list(range(len(course))), begin):
            assert place not in told
            told[place] = outcome
            seen_end = seen_end or course[place][0] in ENDS
    except ZeroDivisionError:
        bugs = 1
    requests.close()
    went = begun[:limit]
    broken = {place for place in went if course[place][0] == 6}
    assert begun == list(range(len(begun)))
    assert told == {place: OUTCOMES[course[place][0]] for place in went if place not in broken}
    assert done == Counter(went), "each is brought to its end, once"
    assert bugs == bool(broken)
    assert most <= at_once
    if len(went) < min(len(course), limit):
        assert any(course[place][0] in ENDS for place in went)
