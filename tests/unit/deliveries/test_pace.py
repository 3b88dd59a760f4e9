"""Limits that all workers share: kept between threads and processes, and kept in part without the broker."""

from __future__ import annotations

import logging
import math
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.roster import Entry, roster
from urgentaction.deliveries import pace
from urgentaction.deliveries.pace import Grant, Limit, Pace, limit_per_minute, limit_per_second
from urgentaction.embedded.valkey import ValkeyServer

NONE = timedelta(0)
Grants = list[tuple[float, float, int]]  # before the question, after the answer, how many


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def url(valkey: ValkeyServer, settings: object) -> Iterator[str]:
    """An empty broker, known to the settings."""
    address = valkey.start()
    with redis.Redis.from_url(address) as client:
        client.flushall()
    settings.REDIS_URL = address  # type: ignore[attr-defined]
    yield address
    pace.close()


@pytest.fixture
def make(url: str) -> Iterator[Callable[[], Pace]]:
    """Makes what another process would have: connections and counters of its own."""
    made: list[Pace] = []

    def one_more() -> Pace:
        made.append(Pace(url))
        return made[-1]

    yield one_more
    while made:
        made.pop().close()


def is_lost(one: Pace) -> bool:
    return not one.is_shared


def entry(**limits: str) -> Entry:
    return roster({"smtp": {"host": "127.0.0.1", **limits}})["smtp"]


@given(rate=st.floats(0.001, 1e6))
def test_a_rate_becomes_the_nearest_whole_limit_that_is_not_faster(rate: float) -> None:
    limit = limit_per_second(rate)
    assert limit.amount >= 1
    assert limit.seconds >= 1
    assert limit.amount / limit.seconds <= rate * (1 + 1e-6)
    assert limit.amount / limit.seconds >= rate / 2
    assert limit.seconds <= 10 or limit.amount == 1
    by_minute = limit_per_minute(rate)
    assert by_minute.amount >= 1
    assert rate / 2 <= by_minute.amount / by_minute.seconds * 60 <= rate * (1 + 1e-6)


@pytest.mark.parametrize(
    ("rate", "limit"),
    [(10, (10, 1)), (2.5, (5, 2)), (0.5, (1, 2)), (0.3, (3, 10)), (3.14159, (31, 10)), (0.02, (1, 50))],
)
def test_usual_rates(rate: float, limit: tuple[int, int]) -> None:
    assert limit_per_second(rate) == Limit(*limit)


@given(amount=st.integers(1, 10**6), seconds=st.integers(1, 10**5))
def test_an_eighth_is_never_more_than_an_eighth_and_never_nothing(amount: int, seconds: int) -> None:
    share = Limit(amount, seconds).share()
    assert share.amount >= 1
    assert share.amount * seconds * 8 <= amount * share.seconds
    assert NONE < share.wait_for(1) <= share.wait_for(10**7) == timedelta(seconds=share.seconds)


def test_what_is_left_of_a_limit_is_granted_and_then_nothing(make: Callable[[], Pace]) -> None:
    one, other, limit = make(), make(), Limit(10, 60)
    assert one.take(limit, "gateway", "smtp", wanted=4) == Grant(4, NONE)
    granted = other.take(limit, "gateway", "smtp", wanted=20)
    assert granted.count == 6
    assert NONE < granted.wait <= timedelta(seconds=60)
    refused = one.take(limit, "gateway", "smtp", wanted=1)
    assert refused.count == 0
    assert NONE < refused.wait <= timedelta(seconds=60)
    assert one.take(limit, "gateway", "backup", wanted=3) == Grant(3, NONE), "each gateway has its own"


def take_greedily(url: str, limit: Limit, seconds: float, results: queue.Queue[Grants]) -> None:
    """Ask for one to three as fast as possible."""
    own, grants, ends, turn = Pace(url), [], time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        before, turn = time.monotonic(), turn + 1
        count = own.take(limit, "gateway", "greedy", wanted=1 + turn % 3).count
        grants += [(before, time.monotonic(), count)] if count else []
    own.close()
    results.put(grants)


def assert_kept(grants: Grants, limit: Limit) -> None:
    """No window of any beginning holds more than twice the limit, and all together no more than the average says."""
    for start, _, _ in grants:
        within = sum(count for before, after, count in grants if before >= start and after <= start + limit.seconds)
        assert within <= 2 * limit.amount
    took = max(after for _, after, _ in grants) - min(before for before, _, _ in grants)
    total = sum(count for _, _, count in grants)
    assert limit.amount <= total <= limit.amount * (math.ceil(took / limit.seconds) + 1)


@pytest.mark.parametrize("amount", [3, 40])
def test_threads_that_take_at_once_keep_the_limit(url: str, amount: int) -> None:
    results: queue.Queue[Grants] = queue.Queue()
    limit = Limit(amount, 1)
    threads = [threading.Thread(target=take_greedily, args=(url, limit, 1.7, results)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert_kept([grant for _ in threads for grant in results.get(timeout=1)], limit)


def test_processes_that_take_at_once_keep_the_limit(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    limit = Limit(5, 1)
    processes = [context.Process(target=take_greedily, args=(url, limit, 1.7, results)) for _ in range(2)]
    for process in processes:
        process.start()
    grants = [grant for _ in processes for grant in results.get(timeout=60)]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
        process.close()
    assert_kept(sorted(grants), limit)


def test_without_a_limit_nobody_is_asked(settings: object) -> None:
    settings.REDIS_URL = "no broker has such an address"  # type: ignore[attr-defined]
    assert pace.take(entry(), 500) == Grant(500, NONE)
    assert pace.take(entry(per_second="1"), 0) == Grant(0, NONE)
    assert pace.take_domain(entry(per_second="1"), "minister@office.invalid") is None


@pytest.mark.usefixtures("url")
def test_a_gateways_limit() -> None:
    limited = entry(per_second="0.05")
    assert pace.take(limited, 5).count == 1
    assert pace.take(limited, 5).count == 0


def test_a_domains_limit(url: str) -> None:
    limited = entry(domain_per_minute="2")
    spellings = ["a@Office.invalid", "b@office.INVALID", "c@office.invalid."]
    waits = [pace.take_domain(limited, address) for address in spellings]
    assert waits[:2] == [None, None]
    assert waits[2] is not None
    assert NONE < waits[2] <= timedelta(minutes=1)
    assert pace.take_domain(limited, "a@ministry.invalid") is None
    assert pace.take_domain(limited, "사람@예시.example") is None
    assert pace.take_domain(limited, "사람@xn--vv4b11d.example") is None
    assert pace.take_domain(limited, "사람@예시.example") is not None, "one domain, however it is written"
    with redis.Redis.from_url(url) as client:
        keys = [key.decode() for key in client.scan_iter()]
    assert keys
    assert all(key.startswith("urgentaction:pace:") for key in keys)
    assert not any("office" in key or "ministry" in key or "xn--" in key for key in keys)


def test_a_domains_pause_is_shared_and_never_shortened(make: Callable[[], Pace]) -> None:
    one, other = make(), make()
    one.pause("k", timedelta(minutes=10), sign="any")
    other.pause("k", timedelta(seconds=1), sign="any")
    for seen in (one.pauses(["k", "other"]), other.pauses(["k", "other"])):
        assert list(seen) == ["k"]
        assert timedelta(minutes=9) < seen["k"] <= timedelta(minutes=10)
    other.pause("k", timedelta(minutes=20), sign="any")
    assert one.pauses(["k"])["k"] > timedelta(minutes=19)
    assert one.pauses([]) == {}


def test_a_domains_pause_is_for_one_gateway_and_ends_by_itself(url: str) -> None:
    pace.pause_domain("smtp", "minister@office.invalid", timedelta(minutes=5))
    pace.pause_domain("smtp", "minister@short.invalid", timedelta(milliseconds=30))
    pace.pause_domain("smtp", "minister@never.invalid", NONE)
    addresses = ["clerk@OFFICE.invalid", "clerk@ministry.invalid", "clerk@never.invalid"]
    waits = pace.domain_wait("smtp", addresses)
    assert list(waits) == ["clerk@OFFICE.invalid"]
    assert timedelta(minutes=4) < waits["clerk@OFFICE.invalid"] <= timedelta(minutes=5)
    assert pace.domain_wait("backup", addresses) == {}
    ends = time.monotonic() + 20
    while pace.domain_wait("smtp", ["clerk@short.invalid"]):
        assert time.monotonic() < ends, "the pause did not end"
    with redis.Redis.from_url(url) as client:
        assert b"office" not in b" ".join(client.scan_iter())


def test_without_the_broker_each_process_takes_its_share_until_it_is_back(
    valkey: ValkeyServer,
    make: Callable[[], Pace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(pace, "PAUSE_SECONDS", 3600.0)
    caplog.set_level(logging.INFO)
    one, limit = make(), Limit(80, 600)
    assert one.take(limit, "gateway", "smtp", wanted=5) == Grant(5, NONE)
    one.pause("before", timedelta(minutes=5), sign="any")
    valkey.kill()
    try:
        granted = one.take(limit, "gateway", "smtp", wanted=50)
        assert granted.count == 10, "an eighth"
        assert granted.wait > NONE
        assert one.take(limit, "gateway", "smtp", wanted=50).count == 0
        assert is_lost(one)
        one.pause("during", timedelta(minutes=5), sign="any")
        assert one.pauses(["before", "during", "other"]).keys() == {"before", "during"}
    finally:
        valkey.start()
    assert one.take(limit, "gateway", "smtp", wanted=1).count == 0, "not asked again at once"
    assert is_lost(one)
    one._ask_at = time.monotonic()  # the pause is over
    assert one.take(limit, "gateway", "smtp", wanted=50).count == 50
    assert one.is_shared
    assert one.pauses(["during"]).keys() == {"during"}
    assert [record.levelname for record in caplog.records if record.name == pace.__name__] == ["WARNING", "INFO"]


def test_a_broker_that_does_not_answer_is_not_waited_for(
    valkey: ValkeyServer, make: Callable[[], Pace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "ANSWER_SECONDS", 0.1)
    one, limit = make(), Limit(80, 600)
    with redis.Redis.from_url(valkey.start()) as client:
        client.execute_command("CLIENT", "PAUSE", "60000", "ALL")
        assert one.take(limit, "gateway", "smtp", wanted=50).count == 10
        assert is_lost(one)
    valkey.kill()
    valkey.start()


def test_a_broker_that_can_not_write_is_as_good_as_none(valkey: ValkeyServer, make: Callable[[], Pace]) -> None:
    one, limit = make(), Limit(80, 600)
    with redis.Redis.from_url(valkey.start()) as client:
        client.config_set("maxmemory", "1")
        try:
            assert one.take(limit, "gateway", "smtp", wanted=50).count == 10
        finally:
            client.config_set("maxmemory", "0")
