"""Hints to the workers: they cost a request next to nothing while the broker is down, and they don't pile up."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from django.db import transaction

from urgentaction.core import enqueue as hints
from urgentaction.core.enqueue import HINT_SECONDS, PAUSE_SECONDS, QUEUE_OF, Breaker, Queue, Task, enqueue
from urgentaction.embedded.servers import Servers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    hints.close_connections()
    yield
    hints.close_connections()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The breaker's clock; `seconds` moves it."""
    moved = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(hints, "time", SimpleNamespace(monotonic=lambda: moved.seconds))
    return moved


@pytest.fixture
def broker(servers: Servers) -> Iterator[redis.Redis]:
    """The running broker, with empty queues."""
    client = redis.Redis.from_url(servers.redis_url)
    client.delete(*Queue)
    yield client
    client.config_set("maxmemory", 0)
    client.delete(*Queue)
    client.close()


class HangingUp:
    """A port where whoever connects is counted and cut off."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"
        self.calls = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            caller, _ = self._socket.accept()
            with caller:
                if caller.recv(1) == b"\0":
                    return
                self.calls += 1

    def stop(self) -> None:
        with socket.create_connection(self._socket.getsockname()) as last:
            last.sendall(b"\0")
        self._thread.join()
        self._socket.close()


@pytest.fixture
def no_broker(settings: Any) -> Iterator[HangingUp]:
    server = HangingUp()
    settings.REDIS_URL = server.url
    yield server
    server.stop()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_while_the_broker_is_down_it_is_tried_once_and_said_once(
    no_broker: HangingUp, clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        enqueue(Task.SWEEP)
    assert no_broker.calls == 1
    clock.seconds += PAUSE_SECONDS + 1
    for _ in range(20):
        enqueue(Task.SEND_URGENT)
    assert no_broker.calls == 2
    assert warnings(caplog) == [
        "the broker takes no hints (OperationalError); the sweeper finds the work until it does"
    ]


def test_a_closed_port_fails_nothing(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with transaction.atomic():
        for _ in range(20):
            enqueue(Task.SWEEP)
    assert len(warnings(caplog)) == 1


def test_once_it_is_back_hints_arrive_again(
    servers: Servers, broker: redis.Redis, clock: SimpleNamespace, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broker.config_set("maxmemory", 1)  # it runs, and takes nothing more
    for _ in range(3):
        enqueue(Task.SWEEP)
    assert len(warnings(caplog)) == 1
    broker.config_set("maxmemory", 0)
    enqueue(Task.SWEEP)
    assert broker.llen(Queue.UPKEEP) == 0
    clock.seconds += PAUSE_SECONDS + 1
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            enqueue(Task.SWEEP)
    assert broker.llen(Queue.UPKEEP) == 2
    assert caplog.messages.count("the broker takes hints again") == 1


def test_a_connection_that_was_cut_meanwhile_costs_no_hint(broker: redis.Redis) -> None:
    enqueue(Task.SWEEP)
    assert broker.client_kill_filter(_type="normal", skipme=True)
    enqueue(Task.SWEEP)
    assert broker.llen(Queue.UPKEEP) == 2


@pytest.mark.parametrize("task", Task)
def test_every_hint_expires(broker: redis.Redis, task: Task) -> None:
    enqueue(task, "some-id")
    (message,) = broker.lrange(QUEUE_OF[task], 0, -1)
    headers = json.loads(message)["headers"]
    assert headers["task"] == task.value
    left = datetime.fromisoformat(headers["expires"]) - datetime.now(UTC)
    assert timedelta(seconds=HINT_SECONDS / 2) < left <= timedelta(seconds=HINT_SECONDS)


def test_what_is_rolled_back_gives_no_hint(broker: redis.Redis) -> None:
    with transaction.atomic():
        enqueue(Task.SWEEP)
        transaction.set_rollback(True)
    assert broker.llen(Queue.UPKEEP) == 0


def test_after_a_pause_one_thread_tries_for_all(clock: SimpleNamespace) -> None:
    breaker = Breaker()
    breaker.failed("down")
    clock.seconds += PAUSE_SECONDS + 1
    start, answers = threading.Barrier(8), []

    def ask() -> None:
        start.wait()
        answers.append(breaker.may_try())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]
