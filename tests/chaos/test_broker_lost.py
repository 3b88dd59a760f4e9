"""The broker dies in the middle of an alert and comes back with nothing in it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.sandbox_program import read_ledger
from urgentaction.cli.stack import Stack

pytestmark = pytest.mark.chaos

DRILL = {
    "URGENTACTION_BACKOFF_SCALE": "0.01",
    "URGENTACTION_SWEEP_SECONDS": "1",
    "URGENTACTION_LEASE_SECONDS": "15",
    "URGENTACTION_CLAIM_SIZE": "30",
}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    script = tmp_path / "faults.toml"
    script.write_text("[defaults.email]\ndelay_ms = 40\n")
    with Stack(tmp_path / "var", env=DRILL, faults=script, durable=False) as running:
        yield running


def states(stack: Stack) -> dict[str, int]:
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT state, count(*) FROM deliveries_delivery GROUP BY state").fetchall()
    return dict(rows)


def until(what: str, is_true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


def moving(found: dict[str, int]) -> int:
    return sum(found.get(state, 0) for state in ("queued", "leased", "sending", "unknown"))


def test_every_delivery_reaches_its_end_although_the_broker_was_killed_and_came_back_empty(stack: Stack) -> None:
    command = [sys.executable, "-m", "tests.chaos.drive", "return_imminent"]
    subprocess.run(command, env=stack.environment, check=True, capture_output=True)
    until("the mailing to be under way", lambda: states(stack).get("accepted", 0) >= 20, 60)

    broker = redis.Redis.from_url(stack.environment["REDIS_URL"])
    broker.set("was-here", "before the crash")
    broker.close()
    before = states(stack)
    assert moving(before) > 50, f"the broker must die in the middle, not at the end: {before}"
    stack.kill("valkey")
    assert not stack.is_alive("valkey")
    stack.restart("valkey", is_emptied=True)
    after = redis.Redis.from_url(stack.environment["REDIS_URL"])
    assert after.get("was-here") is None, "the broker kept its data; nothing was tested"
    after.close()

    until("every delivery to be sent", lambda: moving(states(stack)) == 0, 120)
    found = states(stack)
    assert set(found) <= {"accepted", "delivered", "suppressed"}, found

    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        ours = {
            row[0] for row in connection.execute("SELECT gateway_ref FROM deliveries_delivery WHERE gateway_ref <> ''")
        }
    theirs = [entry["ref"] for entry in read_ledger(stack.outbox_url)]
    assert len(theirs) == len(set(theirs))
    assert set(theirs) == ours, "the gateways' ledger and ours must hold the same messages"
